package wire_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
	"conclave/sip/wire/torture"
)

// desk answers like a server with the users that the corpus wants, and knows no dialog.
type desk struct{ t testing.TB }

func (d desk) Request(req *sipgo.Request, tx *wire.ServerTx) {
	if tx == nil {
		return
	}
	users := []string{"", "user", "j.user", "j_user", "joe", "watson", "t.watson", "vivekg", "UserB"}
	user, _ := url.PathUnescape(req.Recipient.User)
	rejection := wire.Unacceptable(req, nil)
	var err error
	switch {
	case req.To().Params.Has("tag"):
		err = tx.Reply(481, "")
	case !slices.Contains(users, user):
		err = tx.Reply(404, "")
	case rejection != nil:
		err = tx.Reply(rejection.Status, rejection.Reason, rejection.Headers...)
	default:
		err = tx.Reply(200, "")
	}
	if err != nil {
		d.t.Logf("answer %s: %v", req.Method, err) // over TCP the sender may be gone
	}
}

func (d desk) Cancel(invite *wire.ServerTx, _ *sipgo.Request) {}

// TestTorture sends every message of RFC 4475 and RFC 5118 over UDP and TCP, IPv4 and IPv6.
func TestTorture(t *testing.T) {
	for _, corpus := range []string{"rfc4475", "rfc5118"} {
		cases, err := torture.Load("../../testdata/" + corpus)
		if err != nil {
			t.Fatal(err)
		}
		for _, listen := range []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://[::1]:0", "tcp://[::1]:0"} {
			t.Run(corpus+"/"+listen, func(t *testing.T) {
				t.Parallel()
				torment(t, cases, listen)
			})
		}
	}
}

func torment(t *testing.T, cases []torture.Case, listen string) {
	w := wire.New(wire.Config{Log: discard, Sink: desk{t}, Methods: served})
	defer w.Close()
	l, err := w.Listen(listen)
	if err != nil {
		t.Fatal(err)
	}
	prober := torture.Prober{Network: listen[:3], Addr: l.Addr().String(), Wait: 2 * time.Second, Quiet: 20 * time.Millisecond}
	best := 0
	for _, c := range cases {
		answers, err := prober.Send(c)
		if err != nil {
			t.Errorf("%s: %v", c.File, err)
			continue
		}
		ok, err := c.Judge(prober.Network, answers)
		if err != nil {
			t.Errorf("%s: %v", c.File, err)
		}
		if ok {
			best++
		}
		for _, a := range answers {
			if len(a.Raw) > 2<<10 && c.File != "longreq.dat" { // whose 34 Via and long names come back
				t.Errorf("%s: answer of %d octets", c.File, len(a.Raw))
			}
			t.Logf("%s: %s", c.File, a.StatusLine())
		}
	}
	if s := w.Stats(); s.Panics != 0 {
		t.Errorf("%d panics", s.Panics)
	}
	t.Logf("%d of %d with the best answer, the others with an allowed one", best, len(cases))
}

// TestTortureInARow sends all valid requests of RFC 4475 over one connection.
func TestTortureInARow(t *testing.T) {
	cases, err := torture.Load("../../testdata/rfc4475")
	if err != nil {
		t.Fatal(err)
	}
	var sent []torture.Case
	var data []byte
	for _, c := range cases {
		// inv2543 has no Content-Length, and the request behind that of dblreq has a wrong one: both end a stream.
		if c.Valid && c.Kind != "response" && c.File != "inv2543.dat" && c.File != "dblreq.dat" {
			data = append(data, c.Data...)
			sent = append(sent, c)
		}
	}
	_, l := listen(t, "tcp://127.0.0.1:0", desk{t})
	row := sent[0]
	row.Data = data
	answers, err := torture.Prober{Network: "tcp", Addr: l.Addr().String(), Wait: 2 * time.Second}.Send(row)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sent {
		if _, err := c.Judge("tcp", answers); err != nil {
			t.Errorf("%s: %v", c.File, err)
		}
	}
}
