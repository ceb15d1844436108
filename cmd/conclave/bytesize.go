package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of octets.
type byteSize int64

// UnmarshalText takes a whole number, of octets or of the units K, M, G and T of 1024 each: 20G.
func (b *byteSize) UnmarshalText(text []byte) error {
	digits, shift := strings.TrimSpace(string(text)), 0
	if n := len(digits); n > 0 {
		if i := strings.Index("KMGT", strings.ToUpper(digits[n-1:])); i >= 0 {
			digits, shift = digits[:n-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return fmt.Errorf("size %q: it takes octets, or so many K, M, G or T, 20G for example; 0 is no limit", text)
	}
	*b = byteSize(n << shift)
	return nil
}

// String is the size in the largest unit of which it has one at least.
func (b byteSize) String() string {
	size, unit := float64(b), 0
	for size >= 1024 && unit < 4 {
		size, unit = size/1024, unit+1
	}
	if unit == 0 {
		return strconv.FormatInt(int64(b), 10)
	}
	return fmt.Sprintf("%.1f%c", size, "KMGT"[unit-1])
}
