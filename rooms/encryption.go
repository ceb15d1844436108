package rooms

import "errors"

// Encryption says what a room wants of its callers' audio.
type Encryption string

// What a room may want. Optional is what the zero value stands for, too.
const (
	EncryptionOptional Encryption = "optional"
	EncryptionRequired Encryption = "required"
	EncryptionNo       Encryption = "no"
)

// ErrNotEncrypted tells that a call cannot be sent to a room because its audio is not encrypted.
var ErrNotEncrypted = errors.New("this room takes encrypted calls only")

// Takes tells whether the room takes a call whose audio is encrypted or not. The error is ErrNotEncrypted. A call that is
// encrypted already may be sent to a room that negotiates none.
func (r Room) Takes(encrypted bool) error {
	if r.Options.Encryption == EncryptionRequired && !encrypted {
		return ErrNotEncrypted
	}
	return nil
}
