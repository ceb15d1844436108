package wire

import (
	"bytes"
	"slices"
	"sync"

	sipgo "github.com/emiago/sipgo/sip"
)

// maxAmplification is how many octets a source of datagrams gets for each of its own until it has shown that it receives
// them: a forged one is a victim.
const maxAmplification = 2

// spare are the headers that an answer can do without. Of several challenges the last one stays, which all phones know.
var spare = []string{"Allow", "Accept", "Supported", "Warning", "Server", "WWW-Authenticate"}

// thrift is the connection over which a transaction answers a source that has proven nothing. What would be too much is
// left out: first headers, then the answer, and so repetitions that nobody has asked for by repeating his request. A 2xx
// to an INVITE always goes out, for that is a call.
type thrift struct {
	*udpConn
	invite bool

	mu      sync.Mutex
	trusted bool
	in, out int // octets
}

// received adds what has come from there.
func (c *thrift) received(size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in += size
}

func (c *thrift) trust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trusted = true
}

// WriteMsg implements sipgo.Connection.
func (c *thrift) WriteMsg(msg sipgo.Message) error {
	b := c.socket.wire.buffer(msg)
	defer c.socket.wire.buffers.Put(b)
	if !c.affords(b, msg) {
		c.socket.wire.counts.thrifty.Add(1)
		return nil // as if it had been lost on the way
	}
	return c.send(b.Bytes())
}

// affords makes the message in b short enough, if it has to be and can.
func (c *thrift) affords(b *bytes.Buffer, msg sipgo.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	res, ok := msg.(*sipgo.Response)
	free := c.trusted || !ok || c.invite && res.IsSuccess()
	if !free && c.out+b.Len() > maxAmplification*c.in {
		b.Reset()
		shortened(res).StringWrite(b)
		if c.out+b.Len() > maxAmplification*c.in {
			return false
		}
	}
	c.out += b.Len()
	return true
}

// shortened is a response without what it can do without.
func shortened(res *sipgo.Response) *sipgo.Response {
	short := sipgo.NewResponse(res.StatusCode, res.Reason)
	challenge := sipgo.Header(nil)
	for _, h := range res.Headers() {
		if sipgo.HeaderToLower(h.Name()) == "www-authenticate" {
			challenge = h
		}
		if !slices.Contains(spare, h.Name()) {
			short.AppendHeader(h)
		}
	}
	if challenge != nil {
		short.AppendHeader(challenge)
	}
	return short
}

// Trust lets answers be as long and be repeated as often as the RFC has it: the source has proven that it receives them, by
// its credentials or as the far end of a call. Over TCP and TLS it always has.
func (t *ServerTx) Trust() {
	if t.thrift != nil {
		t.thrift.trust()
	}
}

// Trusted tells whether the source of the request has proven that it receives what is sent to it.
func (t *ServerTx) Trusted() bool {
	if t.thrift == nil {
		return true
	}
	t.thrift.mu.Lock()
	defer t.thrift.mu.Unlock()
	return t.thrift.trusted
}
