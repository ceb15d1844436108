package wire

import (
	"strings"
	"testing"
	"testing/synctest"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire/torture"
)

// corpora are the torture messages of both RFCs.
func corpora(t testing.TB) []torture.Case {
	var all []torture.Case
	for _, corpus := range []string{"rfc4475", "rfc5118"} {
		cases, err := torture.Load("../../testdata/" + corpus)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cases...)
	}
	return all
}

func TestTortureCutAnywhereOnAStreamIsTheSame(t *testing.T) {
	for _, c := range corpora(t) {
		want := frames(c.Data)
		step := 1 + len(c.Data)/400
		for i := 0; i < len(c.Data); i += step {
			if got := frames(c.Data[:i], c.Data[i:]); got != want {
				t.Fatalf("%s cut at %d: got\n%s\nwant\n%s", c.File, i, got, want)
			}
		}
	}
}

// Whatever becomes of a message, it does no harm and gets no answer much longer than itself.
func TestTortureTruncatedOrWithOneOctetChanged(t *testing.T) {
	for _, c := range corpora(t) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench("UDP", asking(func(req *sipgo.Request, tx *ServerTx) {
				if tx != nil {
					_ = tx.Reply(404, "")
					tx.Terminate()
				}
			}))
			deliver := func(text, what string, at int) {
				b.take(scanDatagram([]byte(text)), b.peer, func(answer []byte) error {
					if len(answer) > len(text)+300 {
						t.Errorf("%s %s at %d: answer of %d octets", c.File, what, at, len(answer))
					}
					return nil
				})
			}
			text := string(c.Data)
			const delimiters = "\x00\r\n \"<,;:%9"
			for i := 0; i < len(text); i += 1 + len(text)/100 {
				deliver(text[:i], "truncated", i)
				for _, octet := range []byte{text[i] ^ 0x20, text[i] ^ 0xff, delimiters[i%len(delimiters)]} {
					deliver(text[:i]+string([]byte{octet})+text[i+1:], "changed", i)
				}
			}
			if s := b.Stats(); s.Panics != 0 || s.Transactions != 0 {
				t.Errorf("%s: %+v", c.File, s)
			}
			b.Close()
		})
	}
}

// FuzzGate feeds octets to the gate as a datagram and as a stream: nothing may panic, what passes has what the application
// relies on, and what is refused is refused with something readable.
func FuzzGate(f *testing.F) {
	for _, c := range corpora(f) {
		f.Add(c.Data)
	}
	peer := newBench("UDP", answering{}).peer
	g := gate{methods: []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"}, tags: newTagger()}
	f.Fuzz(func(t *testing.T, data []byte) {
		frames(data)
		m := scanDatagram(data)
		if m.response {
			if res := g.response(m); res != nil {
				if _, err := sipgo.ClientTxKeyMake(res); err == nil && (res.StatusCode < 100 || res.StatusCode > 699) {
					t.Errorf("status %d", res.StatusCode)
				}
			}
			return
		}
		req, rejection := g.request(m)
		if rejection == nil {
			stamp(req.Via(), peer.Remote)
			serverKey(req, req.Method)
			Unacceptable(req, nil)
			answer := scanDatagram([]byte(newResponse(req, 200, "").String()))
			if answer.flaw != nil || answer.complete() != nil {
				t.Errorf("the answer to %q is broken: %v", data, answer.flaw)
			}
			return
		}
		answer := g.refusal(m, rejection, peer.Remote)
		if answer == nil {
			return
		}
		head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
		if body != "" || !strings.HasPrefix(head, "SIP/2.0 ") || len(answer) > maxRefusal {
			t.Errorf("the refusal of %q is %q", data, answer)
		}
		if back := scan(answer); back.flaw != nil || !back.response || back.status != rejection.Status {
			t.Errorf("the refusal of %q is broken: %q, %v", data, answer, back.flaw)
		}
	})
}
