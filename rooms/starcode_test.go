package rooms

import (
	"strings"
	"testing"
)

func TestTransferCodeIsChecked(t *testing.T) {
	for _, right := range []string{"", "**", "*", "#", "##", "*2", "#1A*", "*1234567"} {
		if err := CheckTransferCode(right); err != nil {
			t.Errorf("%q: %v", right, err)
		}
	}
	for _, wrong := range []string{"1", "12*", "A*", "*x", "* *", "*12345678", "*é"} {
		if err := CheckTransferCode(wrong); err == nil || !strings.Contains(err.Error(), "**") {
			t.Errorf("%q: error %v, want one that says what is right", wrong, err)
		}
	}
	if _, err := New(Config{TransferCode: "12"}); err == nil {
		t.Error("a house is built with a wrong transfer code")
	}
}

// In the keys of a test "." is a pause.
func TestNumberBehindTheTransferCode(t *testing.T) {
	extensions := []string{"1000", "1001", "20", "201", "3"}
	goesOn := func(number string) bool {
		for _, e := range extensions {
			if len(e) > len(number) && strings.HasPrefix(e, number) {
				return true
			}
		}
		return false
	}
	for _, test := range []struct {
		code, keys string
		numbers    string // completed, each at its key
	}{
		{"**", "**1000", "......1000"},
		{"**", "**1000#", "......1000 ."},
		{"**", "*1000", "....."},
		{"**", "**3", "...3"},
		{"**", "**20#", ".....20"},
		{"**", "**20.", ".....20"},
		{"**", "**201", ".....201"},
		{"**", "**207", ".....207"},
		{"**", "**10.", ".....10"},
		{"**", "**9", "...9"},
		{"**", "**9111", "...9 ..."},
		{"**", "**#", "...-"},
		{"**", "**.", "...-"},
		{"**", "***1", "...* ."},
		{"**", "*.*1000", "......."},
		{"**", "12**3", ".....3"},
		{"**", "*1**3", ".....3"},
		{"**", "**9**3", "...9 ...3"},
		{"*1*", "*1*3", "....3"},
		{"*1*", "*1*1*3", ".....1* ."},
		{"*1*2", "*1*1*23", ".......3"},
		{"#", "#3", "..3"},
		{"##", "##3", "...3"},
		{"", "**1000", "......"},
	} {
		star := starCode{code: test.code}
		var got strings.Builder
		for _, key := range []byte(test.keys) {
			var number string
			var complete bool
			if key == '.' {
				number, complete = star.pause()
			} else {
				number, complete = star.press(key, goesOn)
			}
			got.WriteByte('.')
			if complete {
				if number == "" {
					number = "-"
				}
				got.WriteString(number + " ")
			}
		}
		if strings.TrimSpace(got.String()) != test.numbers {
			t.Errorf("code %q, keys %s: %s, want %s", test.code, test.keys, got.String(), test.numbers)
		}
	}
}

func TestTransferWaitsOnlyWhileKeysMayFollow(t *testing.T) {
	star := starCode{code: "**"}
	for i, want := range []bool{true, true, true, false} {
		star.press("**19"[i], func(number string) bool { return number == "1" })
		if star.waits() != want {
			t.Errorf("after %d keys it waits: %v", i+1, star.waits())
		}
	}
	star.press('5', nil)
	if star.waits() {
		t.Error("it waits for what does not begin the code")
	}
}
