//go:build !amd64

package media

// There are no vectors on this kind of processor: the tables do it all.

func (t *table) decodeFast([]int16, []byte) int { return 0 }

func (t *table) encodeFast([]byte, []int16) int { return 0 }
