package sip

import (
	"slices"
	"strings"
	"testing"

	"conclave/rooms/dialplan"
)

func TestExtensionsBehindDIDBlocks(t *testing.T) {
	for _, tt := range []struct {
		blocks, number, want string
	}{
		// All forms of one number.
		{"+49301234", "+493012341000", "1000"},
		{"+49301234", "00493012341000", "1000"},
		{"+49301234", "493012341000", "1000"},
		{"+49301234", "03012341000", "1000"},
		{"+49301234", "3012341000", "1000"},
		{"+49301234", "+49-30-1234.1000", "1000"},
		{"+49301234", "+49 (30) 1234 1000", "1000"},
		{"+49301234", "+493012341000;npdi;rn=1", "1000"},
		{"+49301234", "+493012340100", "0100"}, // leading zeros are the extension's
		// What is no number of the block.
		{"+49301234", "+49301234", ""},
		{"+49301234", "0301234", ""},
		{"+49301234", "+493012", ""},
		{"+49301234", "+43301234100", ""},
		{"+49301234", "1000", ""},
		{"+49301234", "anna", ""},
		{"+49301234", "+49301234x1", ""},
		{"+49301234", "4930+12341", ""},
		{"+49301234", "", ""},
		{"", "+493012341000", ""},
		// Country codes of one, two and three digits, and other prefixes before national numbers.
		{"+1212555", "+12125551234", "1234"},
		{"+1212555", "12125551234", "1234"},
		{"+1212555", "2125551234", "1234"},
		{"+352123", "0035212377", "77"},
		{"+352123", "12377", "77"},
		{"+352123", "012377", "77"},
		{"+7495123", "84951234567", "4567"},
		{"+3612345", "061234567", "67"},
		{"+390612", "0612345", "345"}, // in Italy the zero is part of the number
		{"+39061234", "+390612345", "5"},
		// A country alone has no national form, which any number would be.
		{"+49", "+4930", "30"},
		{"+49", "030", ""},
		// Digits alone are taken as they are.
		{"7", "71000", "1000"},
		{"7", "+71000", ""},
		{"0049", "+491000", "1000"}, // 00 stands for +
		// The longest block comes first.
		{"+49301234 +493012345", "+4930123456", "6 56"},
		{"+493012345 +49301234", "03012345", "5"},
	} {
		var blocks []didBlock
		for _, text := range strings.Fields(tt.blocks) {
			block, err := parseDIDBlock(text)
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, block)
		}
		if got := extensionsBehind(tt.number, blocks); !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%q behind %q: %q, want %q", tt.number, tt.blocks, got, tt.want)
		}
	}
}

func TestDIDBlockIsRefusedWithWhatWouldBeRight(t *testing.T) {
	for text, words := range map[string]string{
		"":                  "it takes +",
		"+":                 "it takes +",
		"00":                "it takes +",
		"+49 30":            "it takes +",
		"4930x":             "it takes +",
		"+0301234":          "no country code begins with 0",
		"+4930123456789012": "16 digits, 15 are the most",
		"+49\x1b[2J":        `"+49\x1b[2J"`,
	} {
		if block, err := parseDIDBlock(text); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %q, %v; want %q", text, block, err, words)
		}
	}
}

func FuzzExtensionsBehind(f *testing.F) {
	for _, number := range []string{"+493012341000", "0301234100", "1000", "+", "00", ";", "+49-", "49301234;x=1", "\x00"} {
		f.Add(number, "+49301234")
	}
	f.Add("1", "1")
	f.Fuzz(func(t *testing.T, number, text string) {
		block, err := parseDIDBlock(text)
		if err != nil {
			return
		}
		for _, extension := range extensionsBehind(number, []didBlock{block, "+49301234"}) {
			if extension == "" || strings.Trim(extension, "0123456789") != "" || !strings.HasSuffix(dialplan.Digits(number), extension) {
				t.Errorf("%q behind %q: extension %q", number, text, extension)
			}
		}
	})
}
