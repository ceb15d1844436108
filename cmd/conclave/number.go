package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// maxDigits bounds extensions and PINs to what a caller can be expected to key in.
const maxDigits = 32

// extension is the number of a room or a phone.
type extension string

// UnmarshalText takes 1 to 32 digits.
func (e *extension) UnmarshalText(text []byte) error {
	*e = extension(text)
	if err := checkDigits(string(text)); err != nil {
		return fmt.Errorf("extension %q: %w; 1000 would be right", text, err)
	}
	return nil
}

// pin is what a caller keys in to be admitted.
type pin string

// UnmarshalText takes 1 to 32 digits. The error does not repeat them: errors are logged.
func (p *pin) UnmarshalText(text []byte) error {
	*p = pin(text)
	if err := checkDigits(string(text)); err != nil {
		return fmt.Errorf("PIN: %w; 4711 would be right", err)
	}
	return nil
}

func checkDigits(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty, at least one digit is needed")
	case strings.Trim(text, "0123456789") != "":
		return errors.New("it must be digits only")
	case len(text) > maxDigits:
		return fmt.Errorf("it has %d digits, %d are the most", len(text), maxDigits)
	}
	return nil
}

// newPIN returns six random digits, each of the million equally likely.
func newPIN() (pin, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("generate a PIN: %w", err)
	}
	return pin(fmt.Sprintf("%06d", n)), nil
}
