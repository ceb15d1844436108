package rooms

import (
	"crypto/rand"
	"fmt"
	"math/big"
)

// factoryDigits is how many digits the number of a temporary room has behind that of the factory: nobody finds one by trying.
const factoryDigits = 8

// SetFactory says what temporary rooms are like: as template, under a number of their own that begins with the template's, which
// is the number that is called for one. One without an extension: there are none.
func (h *House) SetFactory(template Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.factory = template
}

// Factory is whether a number is the one that is called for a temporary room.
func (h *House) Factory(number string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return number != "" && h.factory.Extension == number
}

// NewTemporary is a room that begins with its first caller and is gone with the last one; until then nobody finds it. Who calls as
// the phone owner, if that is not empty, is a moderator of it.
func (h *House) NewTemporary(owner string) Room {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(factoryDigits), nil)
	for {
		n, err := rand.Int(rand.Reader, most)
		if err != nil {
			panic(err) // there is no randomness, which crypto/rand does not let happen
		}
		h.mu.Lock()
		room := h.factory
		room.Extension += fmt.Sprintf("%0*d", factoryDigits, n)
		_, taken := h.rooms[room.Extension]
		_, exists := h.temporary[room.Extension]
		h.mu.Unlock()
		if taken || exists {
			continue
		}
		room.ID, room.Temporary, room.Owner = "temporary "+rand.Text(), true, owner
		return room
	}
}
