package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire/torture"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// sent is a connection that notes what is written and when.
type sent struct {
	begin time.Time
	fail  error

	mu    sync.Mutex
	lines []string // "seconds start-line"
}

func (c *sent) WriteMsg(msg sipgo.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	start, _, _ := strings.Cut(msg.String(), "\r\n")
	c.lines = append(c.lines, fmt.Sprintf("%.1f %s", time.Since(c.begin).Seconds(), strings.ReplaceAll(start, "SIP/2.0", "")))
	return c.fail
}

func (c *sent) log() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines, "\n")
}

func (c *sent) LocalAddr() net.Addr    { return nil }
func (c *sent) Ref(int) int            { return 1 }
func (c *sent) TryClose() (int, error) { return 1, nil }
func (c *sent) Close() error           { return nil }

// asking is a Sink that hands each request to a function.
type asking func(req *sipgo.Request, tx *ServerTx)

func (f asking) Request(req *sipgo.Request, tx *ServerTx) { f(req, tx) }
func (f asking) Cancel(*ServerTx, *sipgo.Request)         {}

// bench is a Wire without sockets, in virtual time.
type bench struct {
	*Wire
	peer Peer
	conn *sent
}

func newBench(transport string, sink Sink) *bench {
	conn := &sent{begin: time.Now()}
	return &bench{New(Config{Log: quiet, Sink: sink, Methods: []string{"INVITE", "OPTIONS", "BYE"}}),
		Peer{Transport: transport, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.2:5060"), Conn: conn},
		conn}
}

func (b *bench) deliver(text string) {
	b.take(scanDatagram([]byte(text)), b.peer, func([]byte) error { return nil })
}

func invite(changes ...string) string {
	return strings.NewReplacer(changes...).Replace("INVITE sip:1000@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n" +
		"From: <sip:a@b>;tag=1\r\nTo: <sip:1000@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
}

func TestInviteGetsTryingIfNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("UDP", asking(func(req *sipgo.Request, tx *ServerTx) {
			time.AfterFunc(time.Second, func() { _ = tx.Reply(200, "") })
		}))
		b.deliver(invite())
		time.Sleep(500 * time.Millisecond)
		b.deliver(invite())
		time.Sleep(time.Second)
		if got, want := b.conn.log(), "0.2  100 Trying\n0.5  100 Trying\n1.0  200 OK"; got != want {
			t.Errorf("sent\n%s\nwant\n%s", got, want)
		}
		b.Close()
	})
}

func TestQuickAnswerNeedsNoTrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("UDP", answering{})
		b.deliver(invite())
		time.Sleep(time.Minute)
		if got, want := b.conn.log(), "0.0  200 OK"; got != want {
			t.Errorf("sent\n%s\nwant\n%s", got, want)
		}
		b.Close()
	})
}

// The final response that was sent is what is repeated, whatever else somebody tries to send.
func TestRefusalIsRepeatedUntilItsAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("UDP", asking(func(req *sipgo.Request, tx *ServerTx) {
			if tx == nil {
				t.Error("the ACK of a refusal reached the sink")
				return
			}
			if err := tx.Reply(487, ""); err != nil {
				t.Error(err)
			}
			for _, late := range []int{100, 180, 200, 486} {
				if err := tx.Reply(late, ""); !errors.Is(err, ErrAnswered) {
					t.Errorf("%d after 487: %v, want %v", late, err, ErrAnswered)
				}
			}
		}))
		b.deliver(invite())
		time.Sleep(8 * time.Second)
		b.deliver(invite("INVITE", "ACK"))
		b.deliver(invite("INVITE", "ACK"))
		time.Sleep(time.Minute)
		want := "0.0  487 Request Terminated\n0.5  487 Request Terminated\n1.5  487 Request Terminated\n" +
			"3.5  487 Request Terminated\n7.5  487 Request Terminated"
		if got := b.conn.log(); got != want {
			t.Errorf("sent\n%s\nwant\n%s", got, want)
		}
		if n := b.Stats().Transactions; n != 0 {
			t.Errorf("%d transactions left", n)
		}
		b.Close()
	})
}

func TestTransactionThatCannotAnswerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("TCP", asking(func(req *sipgo.Request, tx *ServerTx) {
			if err := tx.Reply(200, ""); err == nil {
				t.Error("no error")
			}
		}))
		b.conn.fail = errors.New("gone")
		b.deliver(invite())
		if n := b.Stats().Transactions; n != 0 {
			t.Errorf("%d transactions left", n)
		}
		b.Close()
	})
}

func TestTerminatedTransactionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last *ServerTx
		b := newBench("UDP", asking(func(req *sipgo.Request, tx *ServerTx) {
			last = tx
			_ = tx.Reply(200, "")
		}))
		b.deliver(invite())
		if n := b.Stats().Transactions; n != 1 {
			t.Errorf("%d transactions, want 1", n)
		}
		last.Terminate()
		if n := b.Stats().Transactions; n != 0 {
			t.Errorf("%d transactions left", n)
		}
		b.Close()
	})
}

// Whatever comes, 40 s later no trace is left; a goroutine that stayed would fail the bubble.
func TestTortureLeavesNothingBehind(t *testing.T) {
	for _, corpus := range []string{"rfc4475", "rfc5118"} {
		cases, err := torture.Load("../../testdata/" + corpus)
		if err != nil {
			t.Fatal(err)
		}
		for _, transport := range []string{"UDP", "TCP"} {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(transport, asking(func(req *sipgo.Request, tx *ServerTx) {
					if tx != nil {
						_ = tx.Reply(404, "")
					}
				}))
				for _, c := range cases {
					b.deliver(string(c.Data))
					b.deliver(string(c.Data))
				}
				if b.Stats().Transactions == 0 && transport == "UDP" {
					t.Error("no transaction at all")
				}
				time.Sleep(40 * time.Second)
				if s := b.Stats(); s.Transactions != 0 || s.Panics != 0 {
					t.Errorf("left behind: %+v", s)
				}
				b.Close()
			})
		}
	}
}

// ours is a request to send, and its responses.
func ours(method sipgo.RequestMethod) *sipgo.Request {
	req := sipgo.NewRequest(method, sipgo.Uri{User: "a", Host: "192.0.2.2"})
	for _, h := range []sipgo.Header{sipgo.NewHeader("From", "<sip:1000@b>;tag=1"), sipgo.NewHeader("To", "<sip:a@b>;tag=2"),
		sipgo.NewHeader("Call-ID", "x"), &sipgo.CSeqHeader{SeqNo: 7, MethodName: method}} {
		req.AppendHeader(h)
	}
	return req
}

func TestClientTransaction(t *testing.T) {
	type step struct {
		at     time.Duration
		status int
	}
	const second = time.Second
	tests := []struct {
		name      string
		transport string
		method    sipgo.RequestMethod
		steps     []step
		heard     string // what the caller of Do hears
		sent      string
	}{
		{"answered", "UDP", sipgo.BYE, []step{{second / 10, 100}, {second / 5, 200}, {second, 200}}, "0.1 100, 0.2 200", "0.0 BYE"},
		{"lost and repeated", "UDP", sipgo.BYE, []step{{2 * second, 200}}, "2.0 200", "0.0 BYE, 0.5 BYE, 1.5 BYE"},
		{"nobody there", "TCP", sipgo.BYE, nil, "32.0 BYE: no answer", "0.0 BYE"},
		{"INVITE answered, and again", "UDP", sipgo.INVITE, []step{{second / 10, 200}, {second, 200}}, "0.1 200, 1.0 200", "0.0 INVITE"},
		{"INVITE refused, and again", "UDP", sipgo.INVITE, []step{{second / 10, 491}, {second, 491}}, "0.1 491", "0.0 INVITE, 0.1 ACK, 5.0 ACK"},
		{"INVITE that rings for ever", "TCP", sipgo.INVITE, []step{{second, 180}}, "1.0 180, 180.0 INVITE: no answer", "0.0 INVITE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(test.transport, answering{})
				var mu sync.Mutex
				var heard []string
				req := ours(test.method)
				if err := b.Do(req, b.peer, func(res *sipgo.Response, err error) {
					mu.Lock()
					defer mu.Unlock()
					what := fmt.Sprint(err)
					if err == nil {
						what = fmt.Sprint(res.StatusCode)
					}
					heard = append(heard, fmt.Sprintf("%.1f %s", time.Since(b.conn.begin).Seconds(), what))
				}); err != nil {
					t.Fatal(err)
				}
				for _, s := range test.steps {
					time.Sleep(s.at - time.Since(b.conn.begin))
					b.deliver(sipgo.NewResponseFromRequest(req, s.status, "", nil).String())
				}
				time.Sleep(4 * time.Minute)
				if n := b.Stats().Transactions; n != 0 {
					t.Errorf("%d transactions left", n)
				}
				b.Close()
				if got := strings.Join(heard, ", "); got != test.heard {
					t.Errorf("heard %s, want %s", got, test.heard)
				}
				var lines []string
				for line := range strings.Lines(b.conn.log()) {
					lines = append(lines, strings.Join(strings.Fields(line)[:2], " "))
				}
				if got := strings.Join(lines, ", "); got != test.sent {
					t.Errorf("sent %s, want %s", got, test.sent)
				}
			})
		})
	}
}

// A burst of responses reaches the caller as it came.
func TestClientTransactionKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("TCP", answering{})
		var heard []int
		req := ours(sipgo.INVITE)
		if err := b.Do(req, b.peer, func(res *sipgo.Response, err error) {
			if err == nil {
				heard = append(heard, res.StatusCode)
			}
		}); err != nil {
			t.Fatal(err)
		}
		want := []int{100, 180, 181, 182, 183, 200}
		for _, status := range want {
			b.deliver(sipgo.NewResponseFromRequest(req, status, "", nil).String())
		}
		synctest.Wait()
		b.Close()
		if fmt.Sprint(heard) != fmt.Sprint(want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
	})
}

func TestClientTransactionEndsWithTheConnectionOrTheWire(t *testing.T) {
	ends := map[string]func(*Wire, *tcpConn){
		"connection": func(w *Wire, c *tcpConn) { c.Close() },
		"wire":       func(w *Wire, c *tcpConn) { go w.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				defer there.Close()
				go func() { _, _ = there.Read(make([]byte, 4096)) }()
				b := newBench("TCP", answering{})
				c := &tcpConn{wire: b.Wire, conn: here, closed: make(chan struct{})}
				b.peer.Conn = c
				result := make(chan error, 1)
				if err := b.Do(ours(sipgo.BYE), b.peer, func(res *sipgo.Response, err error) { result <- err }); err != nil {
					t.Fatal(err)
				}
				end(b.Wire, c)
				if err := <-result; !errors.Is(err, ErrClosed) {
					t.Errorf("%v, want %v", err, ErrClosed)
				}
				b.Close()
				if n := c.Ref(0); n != 0 {
					t.Errorf("%d users of the connection left", n)
				}
				here.Close()
			})
		})
	}
}

func TestDoSaysWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("UDP", answering{})
		b.conn.fail = errors.New("network is unreachable")
		on := func(*sipgo.Response, error) { t.Error("called") }
		if err := b.Do(ours(sipgo.BYE), b.peer, on); !errors.Is(err, b.conn.fail) {
			t.Errorf("%v, want %v", err, b.conn.fail)
		}
		b.Close()
		if err := b.Do(ours(sipgo.BYE), b.peer, on); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v, want %v", err, ErrClosed)
		}
	})
}

// Who fails at an answer to his request gets the next one.
func TestPanicOverAResponseCostsThatOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("UDP", answering{})
		heard := 0
		req := ours(sipgo.BYE)
		if err := b.Do(req, b.peer, func(res *sipgo.Response, err error) {
			if heard = res.StatusCode; heard == 100 {
				panic("a mistake")
			}
		}); err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{100, 200} {
			b.deliver(sipgo.NewResponseFromRequest(req, status, "", nil).String())
			synctest.Wait()
			if heard != status || b.Stats().Panics != 1 {
				t.Errorf("heard %d, want %d; stats %+v", heard, status, b.Stats())
			}
		}
		b.Close()
	})
}
