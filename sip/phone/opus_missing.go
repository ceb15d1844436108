//go:build !opus

package phone

func newOpus(int) coder { panic("phone: this build has no Opus") }
