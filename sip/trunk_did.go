package sip

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"conclave/rooms/dialplan"
)

// longestBlock bounds the digits of a DID block: E.164 numbers have 15.
const longestBlock = 15

// didBlock is what the numbers of a trunk begin with before the extension: +49301234 in international form, or digits
// alone that are taken as they are.
type didBlock string

// parseDIDBlock reads a block as an operator writes it; 00 stands for +. The error says what would be right.
func parseDIDBlock(text string) (didBlock, error) {
	digits, international := strings.CutPrefix(text, "+")
	if !international {
		digits, international = strings.CutPrefix(text, "00")
	}
	const right = "it takes + and the digits that all numbers of the block begin with, +49301234 for example, " +
		"or digits alone for what a PBX puts before the extension"
	switch {
	case digits == "" || strings.Trim(digits, "0123456789") != "":
		return "", fmt.Errorf("DID block %q: %s", text, right)
	case len(digits) > longestBlock:
		return "", fmt.Errorf("DID block %q: it has %d digits, %d are the most", text, len(digits), longestBlock)
	case international && digits[0] == '0':
		return "", fmt.Errorf("DID block %q: no country code begins with 0; %s", text, right)
	case international:
		return didBlock("+" + digits), nil
	}
	return didBlock(digits), nil
}

// forms are all beginnings that a number of the block may be dialled with: +49301234 and 0049301234, 49301234, the
// national form 0301234, and 301234 as it is in countries without a prefix before national numbers.
func (b didBlock) forms() []string {
	digits, international := strings.CutPrefix(string(b), "+")
	if !international {
		return []string{digits}
	}
	forms := []string{"+" + digits, "00" + digits, digits}
	code := countryCode(digits)
	if national := digits[len(code):]; national != "" {
		forms = append(forms, nationalPrefix(code)+national, national)
	}
	return forms
}

// extensionsBehind is what is left of a dialled number behind the DID blocks: usually one extension or none, several
// where blocks overlap, the longest block's first. A number that is nothing but its block has none.
func extensionsBehind(number string, blocks []didBlock) []string {
	type match struct {
		extension string
		block     int // its length
	}
	var matches []match
	number = dialplan.Digits(number)
	for _, block := range blocks {
		for _, form := range block.forms() {
			if extension, ok := strings.CutPrefix(number, form); ok && extension != "" {
				matches = append(matches, match{extension, len(block)})
			}
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return cmp.Compare(b.block, a.block) })
	var extensions []string
	for _, m := range matches {
		if !slices.Contains(extensions, m.extension) {
			extensions = append(extensions, m.extension)
		}
	}
	return extensions
}

// countryCode is the country code that the digits of an international number begin with (ITU-T E.164): 1 and 7 are
// whole zones, the codes of two digits are listed, all others have three.
func countryCode(digits string) string {
	n := 3
	switch {
	case digits[0] == '1' || digits[0] == '7':
		n = 1
	case len(digits) >= 2 && slices.Contains(shortCountryCodes, digits[:2]):
		n = 2
	}
	return digits[:min(n, len(digits))]
}

var shortCountryCodes = strings.Fields("20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 " +
	"60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98")

// nationalPrefix is what is dialled in place of the country code.
func nationalPrefix(code string) string {
	switch code {
	case "7":
		return "8"
	case "36":
		return "06"
	}
	return "0"
}
