package main

// key is one that an operator presses: the character that it types, or one of these names.
type key string

const (
	keyUp        key = "up"
	keyDown      key = "down"
	keyEscape    key = "escape"
	keyInterrupt key = "interrupt" // ctrl-C, which in raw mode is a character
	keyOther     key = "other"
)

// longestSequence is longer than any that a key sends.
const longestSequence = 32

// keysOf reads what a terminal sends for keys (ECMA-48 5.4, and xterm's ESC O for cursor keys). A sequence that is not
// complete is left in rest, for what comes next to be added to it. The whole of a sequence that means nothing here is one
// other key: its last letter must not be taken for an order.
func keysOf(input []byte) (keys []key, rest []byte) {
	const esc = 0x1b
	for len(input) > 0 {
		n, k := 1, keyOther
		switch c := input[0]; {
		case c == 0x03:
			k = keyInterrupt
		case c == esc && len(input) == 1:
			k = keyEscape // a terminal sends a sequence in one piece
		case c == esc && (input[1] == '[' || input[1] == 'O'):
			for n = 2; n < len(input) && (input[n] < 0x40 || input[n] > 0x7e); {
				n++ // parameters and intermediate characters
			}
			if n == len(input) {
				if n > longestSequence {
					return append(keys, keyOther), nil
				}
				return keys, input
			}
			switch final := input[n]; {
			case final == 'A' && n == 2:
				k = keyUp
			case final == 'B' && n == 2:
				k = keyDown
			}
			n++
		case c == esc:
			n = 2 // alt and a character
		case c > 0x20 && c < 0x7f:
			k = key(input[:1])
		}
		keys, input = append(keys, k), input[n:]
	}
	return keys, nil
}
