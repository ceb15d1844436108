package wire

import (
	"bytes"
	"net/netip"
	"sync"
	"time"
)

// What the rate of Config is multiplied by.
const (
	burstSeconds  = 5  // a source that was silent may send so many seconds' worth at once
	allTimes      = 2  // all methods of a source together
	favouredTimes = 10 // far ends of live calls
	strangerTimes = 20 // all other sources together
)

const (
	maxBuckets  = 1 << 16          // sources and methods that are counted one by one: 8 MB at most
	sweepBucket = 10 * time.Second // between looks for those that are full again
	sweepFull   = time.Second      // the same where there is no room for another
)

// floodgate counts messages before anything of them is parsed: a token bucket for each source and method, so that a flood
// of INVITEs does not keep back the BYE of who sits behind the same address. A bucket that is full again is forgotten;
// where sources are too many to be counted one by one, as forged ones are, the bucket of all strangers together is what
// holds. The far ends of live calls have buckets of their own, so that they come first.
type floodgate struct {
	rate  float64 // messages a second of a source and method; 0: no limit
	began time.Time

	mu        sync.Mutex
	buckets   map[bucketKey]bucket
	favoured  map[netip.AddrPort]int
	strangers bucket
	swept     time.Duration
}

// bucketKey is a source with a kind of message. port is 0 but for those that are favoured.
type bucketKey struct {
	source netip.Addr
	port   uint16
	kind   kind
}

// bucket holds what may still come: less than its size by missing, as of a moment since the gate began.
type bucket struct {
	missing float64
	at      time.Duration
}

func newFloodgate(rate int) *floodgate {
	return &floodgate{rate: float64(rate), began: time.Now(), buckets: make(map[bucketKey]bucket),
		favoured: make(map[netip.AddrPort]int)}
}

// admits takes one message of a source out of its buckets, and tells whether there was room for it.
func (g *floodgate) admits(from netip.AddrPort, k kind) bool {
	if g.rate == 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Since(g.began)
	if g.favoured[from] > 0 {
		return g.take(bucketKey{from.Addr(), from.Port(), k}, favouredTimes*g.rate, now)
	}
	source := sourceOf(from.Addr())
	if !g.take(bucketKey{source, 0, k}, g.rate, now) || !g.take(bucketKey{source, 0, kindAll}, allTimes*g.rate, now) {
		return false
	}
	return g.strangers.take(strangerTimes*g.rate, now)
}

// take does so for one bucket. What finds no room to be counted in is counted with all strangers only.
func (g *floodgate) take(key bucketKey, rate float64, now time.Duration) bool {
	b, known := g.buckets[key]
	if !known {
		if len(g.buckets) >= maxBuckets && now-g.swept >= sweepFull || now-g.swept >= sweepBucket {
			g.sweep(now)
		}
		if len(g.buckets) >= maxBuckets {
			return true
		}
		b.at = now
	}
	ok := b.take(rate, now)
	g.buckets[key] = b
	return ok
}

func (b *bucket) take(rate float64, now time.Duration) bool {
	b.missing = max(0, b.missing-(now-b.at).Seconds()*rate)
	b.at = now
	if b.missing+1 > burstSeconds*rate {
		return false
	}
	b.missing++
	return true
}

// sweep forgets the buckets that are full again.
func (g *floodgate) sweep(now time.Duration) {
	g.swept = now
	for key, b := range g.buckets {
		rate := g.rate
		switch {
		case key.port != 0:
			rate *= favouredTimes
		case key.kind == kindAll:
			rate *= allTimes
		}
		if b.missing <= (now-b.at).Seconds()*rate {
			delete(g.buckets, key)
		}
	}
}

// favour counts how many live calls lead to an address.
func (g *floodgate) favour(remote netip.AddrPort, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.favoured[remote] += n; g.favoured[remote] <= 0 {
		delete(g.favoured, remote)
	}
}

// Favour has messages of a peer come before strangers' (n is 1), or takes that back (-1): for the far ends of calls that
// have shown that they receive what is sent to them.
func (w *Wire) Favour(p Peer, n int) { w.flood.favour(p.Remote, n) }

// kind is what messages of a source are told apart by before they are parsed: the method, or that it is a response.
type kind uint8

const (
	kindOther kind = iota
	kindResponse
	kindInvite
	kindAck
	kindBye
	kindCancel
	kindRegister
	kindOptions
	kindInDialog // the rest of what belongs to calls
	kindAll      // all of them together
)

// kindOf looks at the first word of a message.
func kindOf(data []byte) kind {
	word, _, _ := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte(" "))
	switch string(word) {
	case "SIP/2.0":
		return kindResponse
	case "INVITE":
		return kindInvite
	case "ACK":
		return kindAck
	case "BYE":
		return kindBye
	case "CANCEL":
		return kindCancel
	case "REGISTER":
		return kindRegister
	case "OPTIONS":
		return kindOptions
	case "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER", "SUBSCRIBE":
		return kindInDialog
	}
	return kindOther
}

// kind is that of a message which has been framed already.
func (m *message) kind() kind {
	if m.response {
		return kindResponse
	}
	return kindOf([]byte(m.method + " "))
}
