//go:build !opus

package bench

func opusCoding(int) coding { return coding{} }
