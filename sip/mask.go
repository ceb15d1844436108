package sip

import (
	"strings"
	"unicode"
)

// Mask replaces all digits of a number but the last three, for those who need not know it. It is for names, too: many phones
// give their number for one.
func Mask(text string) string {
	const shown = 3
	digits := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return r
		}
		if digits--; digits >= shown {
			return '*'
		}
		return r
	}, text)
}
