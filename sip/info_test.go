package sip

import (
	"errors"
	"strings"
	"testing"
)

func TestInfoDigit(t *testing.T) {
	tests := []struct {
		kind, body string
		want       byte // 0: an error
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5'},
		{"application/dtmf-relay", "Signal=5", '5'},
		{"application/dtmf-relay", "Signal= #\nDuration= 250\n", '#'},
		{"Application/DTMF-Relay; charset=utf-8", "signal = *\r\n", '*'},
		{"application/dtmf-relay", "Duration=100\r\nSignal=d\r\n", 'D'},
		{"application/dtmf-relay", "Signal=10\r\n", '*'},
		{"application/dtmf-relay", "Signal=11\r\n", '#'},
		{"application/dtmf-relay", "Signal=15\r\n", 'D'},
		{"application/dtmf", "5", '5'},
		{"application/dtmf", " 0\r\n", '0'},
		{"application/dtmf", "16", 0}, // the hook flash
		{"application/dtmf", "", 0},
		{"application/dtmf", "55", 0},
		{"application/dtmf", "x", 0},
		{"application/dtmf-relay", "Duration=160\r\n", 0},
		{"application/dtmf-relay", "Signal=\r\n", 0},
		{"application/dtmf-relay", "", 0},
	}
	for _, test := range tests {
		got, err := infoDigit(test.kind, []byte(test.body))
		if got != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("%s %q: digit %q, error %v, want %q", test.kind, test.body, got, err, test.want)
		}
	}
	for _, kind := range []string{"text/plain", "", "application/dtmf-relay-x"} {
		if _, err := infoDigit(kind, []byte("Signal=5")); !errors.Is(err, errInfoType) {
			t.Errorf("%q: error %v, want that the type is wrong", kind, err)
		}
	}
}

func FuzzInfoDigit(f *testing.F) {
	f.Add("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	f.Add("application/dtmf", []byte("#"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		digit, err := infoDigit(kind, body)
		if (err == nil) != strings.ContainsRune("0123456789*#ABCD", rune(digit)) {
			t.Errorf("digit %q, error %v", digit, err)
		}
		if err != nil && len(err.Error()) > 100 {
			t.Errorf("error of %d octets", len(err.Error()))
		}
	})
}
