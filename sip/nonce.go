package sip

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

// nonceLife is how long a nonce is good for.
const nonceLife = 300 * time.Second

// nonces makes nonces that nothing has to be kept of before they were used well (RFC 7616 3.3): the time, and a MAC over
// it, the realm and the address that it was given to. So who shows a good one does receive what is sent to his address,
// and nobody can make another's address fail. After a restart all are stale.
type nonces struct {
	secret [32]byte
	began  time.Time // stamps count from here, by the monotonic clock
}

// stamp is when a nonce was made: nanoseconds since the start.
type stamp int64

func newNonces() nonces {
	n := nonces{began: time.Now()}
	rand.Read(n.secret[:])
	return n
}

func (n *nonces) now() stamp { return stamp(time.Since(n.began)) }

// give makes a nonce for an address.
func (n *nonces) give(to netip.Addr) string { return n.at(n.now(), to) }

func (n *nonces) at(made stamp, to netip.Addr) string {
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], uint64(made))
	mac := hmac.New(sha256.New, n.secret[:])
	mac.Write(head[:])
	address := to.As16()
	mac.Write(address[:])
	mac.Write([]byte(Realm))
	return base64.RawURLEncoding.EncodeToString(append(head[:], mac.Sum(nil)[:16]...))
}

// check reads a nonce. ok is false unless it was given to this address, and less than nonceLife ago.
func (n *nonces) check(text string, from netip.Addr) (made stamp, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) != 24 {
		return 0, false
	}
	made = stamp(binary.BigEndian.Uint64(data))
	if !hmac.Equal([]byte(n.at(made, from)), []byte(text)) {
		return 0, false
	}
	return made, n.now()-made < stamp(nonceLife)
}

// window is which counts of a nonce have been used: a request that is overtaken by a few others still counts.
type window struct {
	highest uint32
	seen    uint64 // bit i: highest-i
}

// take marks a count as used. It is false where it was used before, or is too old to tell.
func (w *window) take(count uint32) bool {
	if count > w.highest {
		w.seen = w.seen<<min(count-w.highest, 64) | 1
		w.highest = count
		return true
	}
	bit := uint64(1) << (w.highest - count) // 0 beyond 63
	if bit == 0 || w.seen&bit != 0 {
		return false
	}
	w.seen |= bit
	return true
}
