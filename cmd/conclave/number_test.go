package main

import (
	"regexp"
	"testing"
)

func TestGeneratedPINsAreSixDigitsAndDiffer(t *testing.T) {
	sixDigits := regexp.MustCompile(`^[0-9]{6}$`)
	seen := map[pin]bool{}
	leadingZero := false
	const n = 200
	for range n {
		p, err := newPIN()
		if err != nil {
			t.Fatal(err)
		}
		if !sixDigits.MatchString(string(p)) {
			t.Errorf("PIN %q", p)
		}
		leadingZero = leadingZero || p[0] == '0'
		seen[p] = true
	}
	// That five or more of 200 repeat has a chance below 1 in 10^12, and that none begins with 0 one of 1 in 10^9.
	if len(seen) < n-4 {
		t.Errorf("%d different PINs of %d", len(seen), n)
	}
	if !leadingZero {
		t.Error("no PIN begins with 0")
	}
}
