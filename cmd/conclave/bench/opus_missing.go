//go:build !opus

package bench

var opusCoding coding
