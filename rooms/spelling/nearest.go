// Package spelling finds what a mistyped word was meant to be.
package spelling

import (
	"slices"
	"strings"
)

// Nearest returns the known word that takes the fewest changes of a letter to make of word, in either case; among equals
// the first by the alphabet. It is empty where nothing is known.
func Nearest(word string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	word = strings.ToLower(word)
	return slices.MinFunc(slices.Sorted(slices.Values(known)), func(a, b string) int {
		return distance(word, strings.ToLower(a)) - distance(word, strings.ToLower(b))
	})
}

// distance is Levenshtein's: how many letters must be put in, taken out or replaced to make b of a.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, letter := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			change := diagonal
			if letter != to[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
