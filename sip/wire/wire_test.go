package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// transports are listeners that must behave alike.
var transports = []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://[::1]:0", "tcp://[::1]:0"}

func TestSinkHearsInTheOrderOfTheWire(t *testing.T) {
	for _, spec := range transports {
		t.Run(spec, func(t *testing.T) {
			sink := &recorder{}
			_, l := listen(t, spec, sink)
			p := dial(t, l)
			var want []string
			for n := 1; n <= 300; n += 3 {
				p.send(request("INVITE", n))
				p.send(request("ACK", n+1))
				p.send(request("BYE", n+2))
				want = append(want, fmt.Sprintf("INVITE %d, ACK %d, BYE %d", n, n+1, n+2))
				p.response()
				p.response()
			}
			if got := sink.events(); got != strings.Join(want, ", ") {
				t.Errorf("heard %s", got)
			}
		})
	}
}

func TestRetransmissionIsAbsorbedAndAnsweredAlike(t *testing.T) {
	sink := &recorder{}
	_, l := listen(t, "udp://127.0.0.1:0", sink)
	p := dial(t, l)
	for _, spelling := range []string{"Via", "v"} { // however it is spelt
		p.send(request("OPTIONS", 1, "Via", spelling))
	}
	if first, second := p.datagram(), p.datagram(); first != second {
		t.Errorf("first answer\n%s\nsecond\n%s", first, second)
	}
	if got := sink.events(); got != "OPTIONS 1" {
		t.Errorf("heard %s", got)
	}
}

// Branches that are empty or not there keep nobody apart; other things do.
func TestRequestsThatShareABranchDoNotShareATransaction(t *testing.T) {
	for name, branch := range map[string]string{"none": "", "RFC 2543": ";branch=1", "reused": ";branch=z9hG4bKreused"} {
		t.Run(name, func(t *testing.T) {
			sink := &recorder{}
			_, l := listen(t, "udp://127.0.0.1:0", sink)
			p := dial(t, l)
			for _, tag := range []string{"anne", "bob"} {
				p.send(request("OPTIONS", 1, ";branch=z9hG4bK-OPTIONS-1", branch, "tag=alice", "tag="+tag))
				if from := p.response().From().Params.GetOr("tag", ""); from != tag {
					t.Errorf("answer for %s, want %s", from, tag)
				}
			}
			if got := sink.events(); got != "OPTIONS 1, OPTIONS 1" {
				t.Errorf("heard %s", got)
			}
		})
	}
}

func TestCancelRightBehindInvite(t *testing.T) {
	for _, spec := range transports {
		t.Run(spec, func(t *testing.T) {
			sink := &recorder{
				answer: func(req *sipgo.Request, tx *wire.ServerTx) {
					if err := tx.Reply(180, ""); err != nil {
						t.Error(err)
					}
				},
				cancel: func(invite *wire.ServerTx) {
					if err := invite.Reply(487, ""); err != nil {
						t.Error(err)
					}
					if err := invite.Reply(200, ""); !errors.Is(err, wire.ErrAnswered) {
						t.Errorf("200 after 487: %v, want %v", err, wire.ErrAnswered)
					}
				},
			}
			_, l := listen(t, spec, sink)
			p := dial(t, l)
			cancel := request("CANCEL", 1, "z9hG4bK-CANCEL-1", "z9hG4bK-INVITE-1")
			p.send(request("INVITE", 1))
			p.send(cancel)
			p.send(cancel) // retransmitted
			tags := map[string]bool{}
			var statuses []int
			for range 4 {
				res := p.response()
				statuses = append(statuses, res.StatusCode)
				tags[res.To().Params.GetOr("tag", "")] = true
			}
			if got := fmt.Sprint(statuses); got != "[180 200 487 200]" {
				t.Errorf("answers %s, want 180, 200 to the CANCEL, 487, 200 to its retransmission", got)
			}
			if len(tags) != 1 || tags[""] {
				t.Errorf("To tags %v, want one for all", tags)
			}
			p.send(request("ACK", 1, "z9hG4bK-ACK-1", "z9hG4bK-INVITE-1"))
			p.send(request("OPTIONS", 2))
			p.response()
			if got := sink.events(); got != "INVITE 1, CANCEL 1, OPTIONS 2" {
				t.Errorf("heard %s, want the CANCEL once and the ACK not at all", got)
			}
		})
	}
}

func TestCancelTooLateOrOfNothing(t *testing.T) {
	sink := &recorder{}
	_, l := listen(t, "udp://127.0.0.1:0", sink)
	p := dial(t, l)
	p.send(request("CANCEL", 1))
	if res := p.response(); res.StatusCode != 481 || !res.To().Params.Has("tag") {
		t.Errorf("CANCEL of nothing: %s, want 481 with a tag", res.StartLine())
	}
	p.send(request("INVITE", 2))
	p.response()
	p.send(request("CANCEL", 2, "z9hG4bK-CANCEL-2", "z9hG4bK-INVITE-2"))
	if res := p.response(); res.StatusCode != 200 {
		t.Errorf("CANCEL of an answered INVITE: %s, want 200", res.StartLine())
	}
	if got := sink.events(); got != "INVITE 2" {
		t.Errorf("heard %s, want no CANCEL", got)
	}
}

func TestAck(t *testing.T) {
	refuse := func(req *sipgo.Request, tx *wire.ServerTx) { _ = tx.Reply(486, "") }
	tests := []struct {
		name   string
		answer func(*sipgo.Request, *wire.ServerTx) // nil: 200
		invite string
		ack    func(tag string) string
		heard  string
	}{
		{"of a 2xx goes to the sink", nil, request("INVITE", 1),
			func(tag string) string { return request("ACK", 1) }, "INVITE 1, ACK 1"},
		{"of a 2xx with the INVITE's branch goes to the sink", nil, request("INVITE", 1),
			func(tag string) string { return request("ACK", 1, "-ACK-", "-INVITE-") }, "INVITE 1, ACK 1"},
		{"of a refusal belongs to the transaction", refuse, request("INVITE", 1),
			func(tag string) string { return request("ACK", 1, "-ACK-", "-INVITE-") }, "INVITE 1"},
		{"of a refusal of the gate is swallowed", nil, request("INVITE", 1, "From: <", "From: < "),
			func(tag string) string {
				return request("ACK", 1, "-ACK-", "-INVITE-", "To: <sip:1000@example.com>", "To: <sip:1000@example.com>;tag="+tag)
			}, ""},
		{"of nothing goes to the sink", nil, request("OPTIONS", 1),
			func(tag string) string { return request("ACK", 7) }, "OPTIONS 1, ACK 7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sink := &recorder{answer: test.answer}
			_, l := listen(t, "udp://127.0.0.1:0", sink)
			p := dial(t, l)
			p.send(test.invite)
			answer := p.datagram()
			_, tag, _ := strings.Cut(answer[strings.Index(answer, "\r\nTo: "):], ";tag=")
			tag, _, _ = strings.Cut(tag, "\r\n")
			p.send(test.ack(tag))
			p.send(request("OPTIONS", 4711))
			if answer := p.datagram(); !strings.Contains(answer, "4711") {
				t.Errorf("ACK was answered: %s", answer)
			}
			got := strings.TrimSuffix(strings.TrimSuffix(sink.events(), "OPTIONS 4711"), ", ")
			if got != test.heard {
				t.Errorf("heard %q, want %q", got, test.heard)
			}
		})
	}
}

func TestReplyGoesToTheSource(t *testing.T) {
	tests := []struct{ name, via, want string }{
		{"with rport", "192.0.2.9:5062;rport;branch=z9hG4bK1", "192.0.2.9:5062;rport=PORT;branch=z9hG4bK1;received=127.0.0.1"},
		{"without rport", "192.0.2.9:5062;branch=z9hG4bK1", "192.0.2.9:5062;branch=z9hG4bK1;received=127.0.0.1"},
		{"with a forged received", "192.0.2.9;received=192.0.2.66;branch=z9hG4bK1", "192.0.2.9;branch=z9hG4bK1;received=127.0.0.1"},
		{"with maddr", "192.0.2.9;maddr=192.0.2.66;branch=z9hG4bK1", "192.0.2.9;maddr=192.0.2.66;branch=z9hG4bK1;received=127.0.0.1"},
		{"with its true address", "127.0.0.1:5062;branch=z9hG4bK1", "127.0.0.1:5062;branch=z9hG4bK1"},
		{"with a name", "pc.example.com;branch=z9hG4bK1", "pc.example.com;branch=z9hG4bK1;received=127.0.0.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, l := listen(t, "udp://127.0.0.1:0", &recorder{})
			p := dial(t, l)
			for _, broken := range []string{"", "X-"} { // by a transaction and by the gate
				p.send(request("OPTIONS", 1, "192.0.2.1:5060;branch=z9hG4bK-OPTIONS-1;rport", test.via, "From", broken+"From"))
				_, port, _ := strings.Cut(p.conn.LocalAddr().String(), ":")
				want := "Via: SIP/2.0/UDP " + strings.ReplaceAll(test.want, "PORT", port) + "\r\n"
				if answer := p.datagram(); !strings.Contains(answer, want) {
					t.Errorf("answer %q, want in it %q", answer, want)
				}
			}
		})
	}
}

func TestWildcardListenerKnowsTheAddressItWasCalledAt(t *testing.T) {
	for spec, address := range map[string]string{
		"udp://0.0.0.0:0": "127.0.0.7", // 127.0.0.1 would be the kernel's choice
		"tcp://0.0.0.0:0": "127.0.0.7",
		"udp://[::]:0":    "::1",
		"tcp://[::]:0":    "::1",
	} {
		t.Run(spec, func(t *testing.T) {
			locals := make(chan wire.Peer, 1)
			sink := &recorder{answer: func(req *sipgo.Request, tx *wire.ServerTx) {
				locals <- tx.Peer()
				_ = tx.Reply(200, "")
			}}
			_, l := listen(t, spec, sink)
			called := netip.AddrPortFrom(netip.MustParseAddr(address), l.Addr().Port())
			p := dialAddr(t, l.Transport(), called)
			p.send(request("OPTIONS", 1))
			p.response() // a connected socket only takes it from the address that was called
			peer := <-locals
			if peer.Local != called {
				t.Errorf("local address %s, want %s", peer.Local, called)
			}
			if peer.Remote.String() != p.conn.LocalAddr().String() {
				t.Errorf("remote address %s, want %s", peer.Remote, p.conn.LocalAddr())
			}
		})
	}
}

func TestRequestOfOursLeavesFromTheListener(t *testing.T) {
	for _, spec := range transports {
		t.Run(spec, func(t *testing.T) {
			peers := make(chan wire.Peer, 1)
			sink := &recorder{answer: func(req *sipgo.Request, tx *wire.ServerTx) {
				peers <- tx.Peer()
				_ = tx.Reply(200, "")
			}}
			w, l := listen(t, spec, sink)
			p := dial(t, l)
			p.send(request("INVITE", 1))
			p.response()

			answers := make(chan string, 3)
			bye := sipgo.NewRequest(sipgo.BYE, sipgo.Uri{User: "alice", Host: "192.0.2.1"})
			for _, h := range []sipgo.Header{sipgo.NewHeader("From", "<sip:1000@example.com>;tag=1"),
				sipgo.NewHeader("To", "<sip:alice@example.com>;tag=2"), sipgo.NewHeader("Call-ID", "x"),
				&sipgo.CSeqHeader{SeqNo: 1, MethodName: sipgo.BYE}} {
				bye.AppendHeader(h)
			}
			if err := w.Do(bye, <-peers, func(res *sipgo.Response, err error) {
				if err != nil {
					answers <- err.Error()
					return
				}
				answers <- res.StartLine()
			}); err != nil {
				t.Fatal(err)
			}
			got, ok := p.receive().(*sipgo.Request) // a connected socket takes it from the listener only
			if !ok || got.Method != sipgo.BYE {
				t.Fatalf("received %v, want BYE", got)
			}
			if via := got.Via(); via.Port != int(l.Addr().Port()) || via.Transport != l.Transport() || !via.Params.Has("rport") {
				t.Errorf("via %s, want %s, %s and rport", via, l.Addr(), l.Transport())
			}
			if got.MaxForwards() == nil || got.ContentLength() == nil {
				t.Errorf("no Max-Forwards or Content-Length in\n%s", got)
			}
			p.send(sipgo.NewResponseFromRequest(got, 100, "Trying", nil).String())
			p.send(sipgo.NewResponseFromRequest(got, 200, "OK", nil).String())
			if first, second := <-answers, <-answers; first != "SIP/2.0 100 Trying" || second != "SIP/2.0 200 OK" {
				t.Errorf("answers %s, %s", first, second)
			}
		})
	}
}

func TestLargeAnswerGoesOverUDP(t *testing.T) {
	sink := &recorder{answer: func(req *sipgo.Request, tx *wire.ServerTx) {
		tx.Trust()
		_ = tx.Reply(200, "", sipgo.NewHeader("X", strings.Repeat("x", 8000)))
	}}
	_, l := listen(t, "udp://127.0.0.1:0", sink)
	p := dial(t, l)
	p.send(request("OPTIONS", 1))
	if answer := p.datagram(); len(answer) < 8000 {
		t.Errorf("%d octets", len(answer))
	}
}

func TestPanicDropsOneMessage(t *testing.T) {
	sink := &recorder{
		answer: func(req *sipgo.Request, tx *wire.ServerTx) {
			if req.CSeq().SeqNo == 1 {
				panic("in the sink")
			}
			_ = tx.Reply(200, "")
		},
	}
	w, l := listen(t, "udp://127.0.0.1:0", sink)
	p := dial(t, l)
	for number, want := range map[int]int{1: 500, 2: 200} {
		p.send(request("OPTIONS", number))
		if res := p.response(); res.StatusCode != want {
			t.Errorf("OPTIONS %d: %s, want %d", number, res.StartLine(), want)
		}
	}
	if n := w.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted, want 1", n)
	}
}

func TestLogOfBrokenMessagesIsShortAndHarmless(t *testing.T) {
	var log bytes.Buffer
	w := wire.New(wire.Config{Log: slog.New(slog.NewTextHandler(&log, nil)), Sink: &recorder{}, Methods: served})
	l, err := w.Listen("udp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := dial(t, l)
	for range 200 {
		p.send(request("\x1b[2J\x00"+strings.Repeat("evil", 100), 1))
		p.datagram()
	}
	w.Close()
	if lines := strings.Count(log.String(), "\n"); lines > 20 {
		t.Errorf("%d lines", lines)
	}
	for line := range strings.Lines(log.String()) {
		if len(line) > 500 || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x00\x1b\r\n") {
			t.Errorf("line %q", line)
		}
	}
}

func TestListenNamesWhatIsWrong(t *testing.T) {
	w, l := listen(t, "udp://127.0.0.1:0", &recorder{})
	for spec, want := range map[string]string{
		l.String():                "is in use by another program",
		"sctp://127.0.0.1:5060":   "want udp://ADDRESS:PORT, tcp://ADDRESS:PORT or tls://ADDRESS:PORT",
		"127.0.0.1:5060":          "want udp://ADDRESS:PORT, tcp://ADDRESS:PORT or tls://ADDRESS:PORT",
		"udp://localhost:5060":    "want an IP address and a port",
		"udp://127.0.0.1:sip":     "want an IP address and a port",
		"tcp://127.0.0.1:70000":   "want an IP address and a port",
		"udp://198.51.100.1:5060": "is not an address of this machine",
	} {
		_, err := w.Listen(spec)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), spec) {
			t.Errorf("listen on %s: %v, want %q and the spec in it", spec, err, want)
		}
	}
	w.Close()
	if _, err := w.Listen("udp://127.0.0.1:0"); !errors.Is(err, wire.ErrClosed) {
		t.Errorf("after Close: %v, want %v", err, wire.ErrClosed)
	}
}

// IPv4 and IPv6 of one port are two listeners.
func TestListenOnBothFamilies(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		w, l := listen(t, transport+"://0.0.0.0:0", &recorder{})
		if _, err := w.Listen(fmt.Sprintf("%s://[::]:%d", transport, l.Addr().Port())); err != nil {
			t.Error(err)
		}
	}
}
