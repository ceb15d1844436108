package rooms

import (
	"crypto/rand"
	"hash/maphash"
	"slices"
	"strings"
)

// Decoy is a room for a number that none has: callers are asked for its PIN, no PIN is right, and the time that it takes is that
// of a room that there is. ok is false where the number is not as long as that of any room with a PIN, or is no number.
func (h *House) Decoy(number string) (room Room, ok bool) {
	if number == "" || strings.Trim(number, "0123456789") != "" {
		return Room{}, false
	}
	options, err := ParseOptions(nil)
	if err != nil {
		return Room{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, taken := h.rooms[number]; taken {
		return Room{}, false
	}
	var lengths []int
	for extension, room := range h.rooms {
		if pins := room.pins(); len(extension) == len(number) && !pins.none() {
			lengths = append(lengths, pins.longest())
		}
	}
	if len(lengths) == 0 {
		return Room{}, false
	}
	slices.Sort(lengths)
	// The same for each call to the number, and as long as the PIN of some room: an entry ends with its last digit.
	long := lengths[maphash.String(h.seed, number)%uint64(len(lengths))]
	return Room{ID: rand.Text(), Extension: number, PIN: strings.Repeat(noKey, long), Options: options}, true
}

// noKey is a digit of a PIN that no telephone has.
const noKey = "?"
