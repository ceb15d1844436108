package sip_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/rooms"
	"conclave/sip"
	"conclave/store"
)

func TestByeTellsWhy(t *testing.T) {
	tests := map[string]struct {
		change func(*sip.Config)
		end    func(s *server, call *dialled)
		want   string
	}{
		"removed by an operator": {nil, func(s *server, call *dialled) {
			eventually(t, "the caller is a member", func() bool { return len(s.house.Live()) == 1 })
			if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
				t.Fatal(err)
			}
		}, `Q.850;cause=16;text="removed by an operator or a moderator"`},
		"the server ends": {nil, func(s *server, call *dialled) {
			go func() { _ = s.Shutdown(t.Context()) }()
		}, `Q.850;cause=41;text="the server is shutting down"`},
		"an answer in the ACK that cannot be taken": {nil, func(s *server, call *dialled) {
			call.send("INVITE", "")
			call.took(call.response(200))
			call.ack(call.offer("18"))
		}, `SIP;cause=488;text="no common codec: `},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, tt.change)
			call := newAgent(t, s, "udp").newCall("2000")
			if !strings.Contains(tt.want, "488") {
				call.establish()
			}
			tt.end(s, call)
			bye := call.request(sipgo.BYE)
			if got := header(bye, "Reason"); !strings.HasPrefix(got, tt.want) {
				t.Errorf("Reason: %s, want %s", got, tt.want)
			}
			call.respond(bye, "200 OK", "")
			s.empty(t)
		})
	}
}

func TestCancelTellsWhy(t *testing.T) {
	const elsewhere = `SIP;cause=200;text="Call completed elsewhere"`
	tests := map[string]struct {
		ringTime time.Duration
		alone    bool // no other phone rings
		end      func(call *dialled, branch string, other *agent, invite *sipgo.Request)
		status   int // for the caller
		want     string
	}{
		"another phone has answered": {time.Minute, false, func(_ *dialled, _ string, other *agent, invite *sipgo.Request) {
			other.answer(invite, "other")
			other.request(sipgo.ACK)
		}, 200, elsewhere},
		"another phone has declined for all": {time.Minute, false, func(_ *dialled, _ string, other *agent, invite *sipgo.Request) {
			other.respondAs(invite, "other", "603 Decline", "")
			other.request(sipgo.ACK)
		}, 603, `SIP;cause=603;text="declined elsewhere"`},
		"nobody has answered": {time.Second, true, func(*dialled, string, *agent, *sipgo.Request) {}, 480,
			`Q.850;cause=19;text="nobody has answered"`},
		"the caller gave up": {time.Minute, true, func(call *dialled, branch string, _ *agent, _ *sipgo.Request) {
			call.sendAs("CANCEL", branch, call.seq, "")
			call.response(200)
		}, 487, ""},
		"the caller has forked the call himself": {time.Minute, true, func(call *dialled, branch string, _ *agent, _ *sipgo.Request) {
			call.sendAs("CANCEL", branch, call.seq, "Reason: Q.850;cause=26, SIP ;cause=200 ;text=\"Call completed elsewhere\"\n")
			call.response(200)
		}, 487, elsewhere},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := startExchange(t, func(c *sip.Config) { c.RingTime = tt.ringTime })
			anna, bert, other := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
			var others *sipgo.Request
			if tt.alone {
				x.list("201", bert)
			} else {
				x.list("201", bert, other)
			}
			call := anna.newCall("201")
			branch := call.send("INVITE", call.offer("0"))
			invite := bert.invited()
			if !tt.alone {
				others = other.invited()
			}
			bert.respondAs(invite, "b", "180 Ringing", "")
			call.response(180)
			tt.end(call, branch, other, others)
			if tt.status == 200 {
				call.took(call.response(200))
				call.ack("")
				call.bye()
				other.respond(other.request(sipgo.BYE), "200 OK", "")
			} else {
				call.refused(branch, tt.status)
			}
			if got := header(cancelled(bert, invite), "Reason"); got != tt.want {
				t.Errorf("Reason: %s, want %s", got, tt.want)
			}
			x.empty(t)
		})
	}
}

// What the far end says of why it ends a call is kept.
func TestReasonsOfTheFarEndAreInTheHistory(t *testing.T) {
	calls := make(chan store.Call, 10)
	phones := &sip.Directory{}
	s := startServer(t, func(c *sip.Config) {
		phones.Attach(c)
		c.Record = func(call store.Call) { calls <- call }
	})
	x := &exchange{s, phones}
	anna, bert := newAgent(t, s, "udp"), newAgent(t, s, "udp")
	x.list("201", bert)
	<-calls // that which list has made
	record := func() store.Call {
		select {
		case c := <-calls:
			return c
		case <-time.After(patience):
			t.Fatal("no record of the call")
			return store.Call{}
		}
	}

	call := anna.newCall("2000")
	call.establish()
	call.send("BYE", "Reason: Q.850;cause=38;text=\"net\x1bwork \\\"down\\\"\"\n")
	call.response(200)
	if got, want := record().Reason, `the caller hung up: Q.850 38, network "down"`; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}

	call = anna.newCall("2000")
	call.establish()
	call.send("BYE", "Reason: Q.850;cause=16;text=\"Normal call clearing\"\n")
	call.response(200)
	if got, want := record().Reason, "the caller hung up"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}

	call = anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	invite := bert.invited()
	bert.respondAs(invite, "b", "480 Temporarily Unavailable", "Reason: Q.850;cause=20;text=\"subscriber absent\"\n")
	bert.request(sipgo.ACK)
	call.refused(branch, 480)
	for range 2 {
		if got, want := record().Reason, "480 Temporarily Unavailable: Q.850 20, subscriber absent"; got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
	}

	call = anna.newCall("201")
	branch = call.send("INVITE", call.offer("0"))
	invite = bert.invited()
	bert.respondAs(invite, "b", "180 Ringing", "")
	call.response(180)
	call.sendAs("CANCEL", branch, call.seq, "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\n")
	cancelled(bert, invite)
	for range 2 {
		if got, want := record().Reason, "the caller gave up: SIP 200, Call completed elsewhere"; got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
	}
}

func TestSoftwareIsNamedWhereThatIsWanted(t *testing.T) {
	for _, software := range []string{"", "conclave/1.0"} {
		t.Run(software, func(t *testing.T) {
			x, anna, bert := startPair(t, "udp", func(c *sip.Config) { c.Software = software })
			call := anna.newCall("201")
			server := func(res *sipgo.Response) {
				t.Helper()
				if got := header(res, "Server"); got != software {
					t.Errorf("Server: %q in %s", got, res.StartLine())
				}
			}
			branch := call.send("INVITE", call.offer("0"))
			server(call.next().(*sipgo.Response)) // 100
			invite := bert.invited()
			if got := header(invite, "User-Agent"); got != software {
				t.Errorf("User-Agent: %q in the INVITE", got)
			}
			bert.respondAs(invite, "b", "180 Ringing", "")
			server(call.response(180))
			call.sendAs("CANCEL", branch, call.seq, "")
			server(call.response(200))
			server(call.refused(branch, 487))
			if got := header(cancelled(bert, invite), "User-Agent"); got != software {
				t.Errorf("User-Agent: %q in the CANCEL", got)
			}
			call.send("SUBSCRIBED", "") // the gate refuses it
			server(call.response(501))
			x.empty(t)
		})
	}
}

func FuzzReason(f *testing.F) {
	for _, text := range []string{`Q.850;cause=16;text="Terminated"`, `SIP ;cause=200 ;text="Call completed elsewhere"`, "SIP;cause=600, Q.850;cause=102",
		"FreeSWITCH;cause=604;text=\"MEDIA_TIMEOUT\"", ";;", `a;text="`, "Q.850;cause=99999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		req := sipgo.NewRequest(sipgo.BYE, sipgo.Uri{Scheme: "sip", Host: "example.com"})
		req.AppendHeader(sipgo.NewHeader("Reason", text))
		causes := sip.CausesIn(req)
		if len(causes) > 4 {
			t.Errorf("%d causes", len(causes))
		}
		for _, c := range causes {
			if strings.ContainsFunc(c, unicode.IsControl) {
				t.Errorf("control characters in %q", c)
			}
		}
	})
}
