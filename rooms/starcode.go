package rooms

import (
	"fmt"
	"strings"
	"time"
)

const (
	// starPause is how long the next key of a transfer may take; after it the number is complete.
	starPause = 2500 * time.Millisecond
	// starLongest bounds the transfer code.
	starLongest = 8
)

// CheckTransferCode tells what is wrong with a transfer code. It has 1 to 8 keys of 0-9, *, # and A-D and begins with * or
// #: digits alone are dialled by chance. The empty code is right and means that nobody transfers by keys.
func CheckTransferCode(code string) error {
	wrong := strings.Trim(code, "0123456789*#ABCD") != ""
	if code == "" || !wrong && len(code) <= starLongest && (code[0] == '*' || code[0] == '#') {
		return nil
	}
	return fmt.Errorf("transfer code %q: 1 to %d keys of 0-9, *, # and A-D are right, the first * or #, as in **", code, starLongest)
}

// starCode finds the transfer code and the number behind it among the keys that a party of a talk presses.
type starCode struct {
	code   string
	keys   []byte // of the code so far; once it is complete, of the number
	coding bool   // the code is complete, what follows is the number
}

// press takes the next key. The number is complete at #, or when no longer one begins with it.
func (s *starCode) press(key byte, goesOn func(number string) bool) (number string, complete bool) {
	if s.coding && key == '#' {
		return s.take(), true
	}
	s.keys = append(s.keys, key)
	if s.coding {
		if goesOn(string(s.keys)) {
			return "", false
		}
		return s.take(), true
	}
	// What does not begin the code may still end with its beginning.
	for !strings.HasPrefix(s.code, string(s.keys)) {
		s.keys = s.keys[1:]
	}
	if len(s.keys) > 0 && len(s.keys) == len(s.code) {
		s.keys, s.coding = nil, true
	}
	return "", false
}

// pause takes the lack of a key for starPause.
func (s *starCode) pause() (number string, complete bool) {
	complete = s.coding
	return s.take(), complete
}

// waits tells that a key may follow.
func (s *starCode) waits() bool { return s.coding || len(s.keys) > 0 }

// take begins anew and returns the number.
func (s *starCode) take() string {
	number := string(s.keys)
	s.keys, s.coding = nil, false
	return number
}
