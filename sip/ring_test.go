package sip_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
)

// exchange is a server with phones, by number.
type exchange struct {
	*server
	phones *sip.Directory
}

func startExchange(t testing.TB, change func(*sip.Config)) *exchange {
	t.Helper()
	phones := &sip.Directory{}
	s := startServer(t, func(c *sip.Config) {
		phones.Attach(c)
		c.RingTime = 2 * time.Minute // whoever is to be given up says so
		if change != nil {
			change(c)
		}
	})
	return &exchange{s, phones}
}

// startPair is an exchange with two phones; the second one rings when 201 is called.
func startPair(t testing.TB, network string, change func(*sip.Config)) (x *exchange, anna, bert *agent) {
	t.Helper()
	x = startExchange(t, change)
	anna, bert = newAgent(t, x.server, network), newAgent(t, x.server, network)
	x.list("201", bert)
	return x, anna, bert
}

// rings has the agent call 201, which rings at the callee, who has not answered yet.
func (a *agent) rings(callee *agent, formats string) (*dialled, *sipgo.Request) {
	a.t.Helper()
	call := a.newCall("201")
	call.send("INVITE", call.offer(formats))
	return call, callee.invited()
}

// place is where an agent can be called: the way that a call of its own came on.
func (x *exchange) place(a *agent) sip.Place {
	a.t.Helper()
	call := a.newCall("2000")
	call.establish()
	peer, ok := x.PeerOf(call.callID)
	if !ok {
		a.t.Fatal("the call is not there")
	}
	call.bye()
	x.empty(a.t)
	return sip.Place{Target: fmt.Sprintf("sip:bert@%s;transport=%s", a.local(), strings.ToLower(a.network)), Peer: peer}
}

// list has agents ring at once when the number is called.
func (x *exchange) list(number string, agents ...*agent) {
	var group []sip.Place
	for _, a := range agents {
		group = append(group, x.place(a))
	}
	x.phones.List(number, sip.Listing{Groups: [][]sip.Place{group}})
}

// answer answers an INVITE of the server under a tag, with PCMU.
func (a *agent) answer(invite *sipgo.Request, tag string) {
	a.t.Helper()
	a.respondAs(invite, tag, "200 OK", fmt.Sprintf("Contact: <sip:%s@%s>\n", tag, a.local())+
		sdpOf(a.local().Addr().String(), 40000, "0 101", "a=sendrecv"))
}

// respondAs answers a request of the server that makes a dialog.
func (a *agent) respondAs(req *sipgo.Request, tag, status, more string) {
	a.t.Helper()
	tagged := req.Clone()
	tagged.To().Params.Add("tag", tag)
	a.respond(tagged, status, more)
}

// invited takes an INVITE of the server that is not the repetition of one.
func (a *agent) invited() *sipgo.Request { a.t.Helper(); return a.request(sipgo.INVITE) }

// tagOf is the To tag of a message.
func tagOf(msg interface{ To() *sipgo.ToHeader }) string {
	tag, _ := msg.To().Params.Get("tag")
	return tag
}

func TestCallToAPhone(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			x, anna, bert := startPair(t, network, nil)
			call, invite := anna.rings(bert, "8 0 101")
			if got, want := invite.StartLine(), fmt.Sprintf("INVITE sip:bert@%s;transport=%s SIP/2.0", bert.local(), network[:3]); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if from := invite.From(); from.DisplayName != `Al \"x\"` || from.Address.User != "al%20b" {
				t.Errorf("From %s", from)
			}
			if to := invite.To(); to.Address.User != "201" || tagOf(invite) != "" {
				t.Errorf("To %s", to)
			}
			if got := header(invite, "Max-Forwards"); got != "69" {
				t.Errorf("Max-Forwards %s, want 69", got)
			}
			for _, line := range []string{offeredFormats(), "a=rtpmap:101 telephone-event/8000", "a=sendrecv"} {
				if body := string(invite.Body()); !strings.Contains(body, line) {
					t.Errorf("offer without %s:\n%s", line, body)
				}
			}
			bert.respond(invite, "100 Trying", "")
			for range 30 { // any number of provisional responses
				bert.respondAs(invite, "b", "183 Session Progress", "")
			}
			ringing := call.response(180)
			if header(ringing, "Contact") == "" {
				t.Error("180 without Contact")
			}
			if !deaf(call.rtp) {
				t.Error("audio before the answer")
			}
			bert.answer(invite, "b")
			ack := bert.request(sipgo.ACK)
			if got, want := ack.StartLine(), fmt.Sprintf("ACK sip:b@%s SIP/2.0", bert.local()); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if tagOf(ack) != "b" || ack.CSeq().SeqNo != invite.CSeq().SeqNo {
				t.Errorf("ACK is\n%s", ack)
			}
			ok := call.response(200)
			call.took(ok)
			call.ack("")
			if tagOf(ok) != tagOf(ringing) {
				t.Errorf("tag %s in the 200, %s in the 180", tagOf(ok), tagOf(ringing))
			}
			call.hears(call.rtp)
			call.bye()
			bye := bert.request(sipgo.BYE)
			if tagOf(bye) != "b" || bye.CSeq().SeqNo <= invite.CSeq().SeqNo {
				t.Errorf("BYE is\n%s", bye)
			}
			bert.respond(bye, "200 OK", "")
			x.empty(t)
		})
	}
}

// calleeBye has a called agent hang up.
func calleeBye(a *agent, invite *sipgo.Request, tag string) {
	a.t.Helper()
	from, _ := invite.From().Params.Get("tag")
	contact := invite.Contact().Address
	a.write(fmt.Sprintf(`BYE %s SIP/2.0
Via: SIP/2.0/%s %s;branch=z9hG4bK%s;rport
Max-Forwards: 70
From: <%s>;tag=%s
To: <%s>;tag=%s
Call-ID: %s
CSeq: 1 BYE
`, contact.String(), a.network, a.local(), token(), invite.To().Address.String(), tag, invite.From().Address.String(), from, invite.CallID().Value()))
	a.response(200)
}

func TestCalleeHangsUp(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			x, anna, bert := startPair(t, network, nil)
			call, invite := anna.rings(bert, "0 101")
			bert.answer(invite, "b")
			bert.request(sipgo.ACK)
			call.took(call.response(200))
			call.ack("")
			call.hears(call.rtp)
			calleeBye(bert, invite, "b")
			anna.respond(anna.request(sipgo.BYE), "200 OK", "")
			x.empty(t)
		})
	}
}

func TestCalleeHangsUpBeforeTheCallerHasAcknowledged(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	call, invite := anna.rings(bert, "0")
	bert.answer(invite, "b")
	bert.request(sipgo.ACK)
	call.took(call.response(200))
	calleeBye(bert, invite, "b")
	anna.silent() // no BYE before the ACK (RFC 3261 15)
	call.ack("")
	anna.respond(anna.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

func TestOutcomeOfTheCalleeIsTheCallersResponse(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	for outcome, want := range map[string]int{
		"486 Busy Here":                  486,
		"600 Busy Everywhere":            486,
		"603 Decline":                    603,
		"604 Does Not Exist Anywhere":    603,
		"480 Temporarily Unavailable":    480,
		"408 Request Timeout":            408,
		"488 Not Acceptable Here":        488,
		"606 Not Acceptable":             488,
		"404 Not Found":                  480,
		"500 Server Internal Error":      480,
		"503 Service Unavailable":        480,
		"401 Unauthorized":               480,
		"407 Proxy Authentication":       480,
		"483 Too Many Hops":              483,
		"302 Moved\nContact: <sip:x@y>":  480,
		"300 Choice\nContact: <sip:x@y>": 480,
	} {
		call := anna.newCall("201")
		branch := call.send("INVITE", call.offer("0"))
		invite := bert.invited()
		bert.respondAs(invite, "b", outcome, "")
		ack := bert.request(sipgo.ACK)
		if ack.Via().Value() != invite.Via().Value() {
			t.Errorf("%s: ACK in another transaction", outcome)
		}
		call.refused(branch, want)
		bert.silent() // nobody else is called
		x.empty(t)
	}
}

func TestAnswersThatCannotBeTaken(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	for name, body := range map[string]string{
		"none":        "",
		"no codec":    sdpOf("127.0.0.1", 40000, "18"),
		"audio off":   sdpOf("127.0.0.1", 0, "0"),
		"no contents": "Content-Type: application/sdp\n\nhello\n",
	} {
		t.Run(name, func(t *testing.T) {
			call := anna.newCall("201")
			branch := call.send("INVITE", call.offer("0"))
			invite := bert.invited()
			bert.respondAs(invite, "b", "200 OK", fmt.Sprintf("Contact: <sip:b@%s>\n", bert.local())+body)
			bert.request(sipgo.ACK)
			bert.respond(bert.request(sipgo.BYE), "200 OK", "")
			call.refused(branch, 488)
			x.empty(t)
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		rings bool
		want  int
	}{"rings": {true, 480}, "is not even ringing": {false, 408}} {
		t.Run(name, func(t *testing.T) {
			x, anna, bert := startPair(t, "udp", func(c *sip.Config) { c.RingTime = time.Second })
			call := anna.newCall("201")
			branch := call.send("INVITE", call.offer("0"))
			invite := bert.invited()
			bert.respond(invite, "100 Trying", "")
			if test.rings {
				bert.respondAs(invite, "b", "180 Ringing", "")
				call.response(180)
			}
			cancelled(bert, invite)
			call.refused(branch, test.want)
			x.empty(t)
		})
	}
}

// cancelled takes the CANCEL of an INVITE and ends it.
func cancelled(a *agent, invite *sipgo.Request) *sipgo.Request {
	a.t.Helper()
	cancel := a.request(sipgo.CANCEL)
	if cancel.Via().Value() != invite.Via().Value() || cancel.Recipient.String() != invite.Recipient.String() ||
		cancel.CSeq().SeqNo != invite.CSeq().SeqNo || tagOf(cancel) != "" {
		a.t.Errorf("CANCEL\n%sof\n%s", cancel, invite)
	}
	a.respond(cancel, "200 OK", "")
	a.respondAs(invite, "b", "487 Request Terminated", "")
	a.request(sipgo.ACK)
	return cancel
}

func TestCancelWhileRinging(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			x, anna, bert := startPair(t, network, nil)
			call := anna.newCall("201")
			branch := call.send("INVITE", call.offer("0"))
			invite := bert.invited()
			bert.respondAs(invite, "b", "180 Ringing", "")
			call.response(180)
			call.sendAs("CANCEL", branch, call.seq, "")
			if res := call.response(200); res.CSeq().MethodName != sipgo.CANCEL {
				t.Errorf("want the 200 to the CANCEL, got\n%s", res)
			}
			call.refused(branch, 487)
			if cancel := cancelled(bert, invite); header(cancel, "Reason") != "" {
				t.Error("the callee is told that somebody has answered")
			}
			x.empty(t)
		})
	}
}

// A CANCEL may be sent when a provisional response has come, not before (RFC 3261 9.1).
func TestCancelWaitsForAProvisionalResponse(t *testing.T) {
	x, anna, bert := startPair(t, "tcp", nil)
	call := anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	invite := bert.invited()
	call.sendAs("CANCEL", branch, call.seq, "")
	call.response(200)
	call.refused(branch, 487)
	bert.silent()
	bert.respond(invite, "100 Trying", "")
	cancelled(bert, invite)
	x.empty(t)
}

func TestByeInTheEarlyDialog(t *testing.T) {
	x, anna, bert := startPair(t, "tcp", nil)
	call := anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	invite := bert.invited()
	bert.respondAs(invite, "b", "180 Ringing", "")
	call.took(call.response(180))
	call.send("UPDATE", call.offer("0"))
	if res := call.response(500); header(res, "Retry-After") == "" {
		t.Errorf("no Retry-After in\n%s", res)
	}
	call.send("BYE", "")
	if res := call.response(487); res.CSeq().MethodName != sipgo.INVITE {
		t.Errorf("want the 487 to the INVITE, got\n%s", res)
	}
	call.sendAs("ACK", branch, 1, "")
	call.response(200)
	cancelled(bert, invite)
	x.empty(t)
}

func TestAnswerThatCrossesTheCancel(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			x, anna, bert := startPair(t, network, nil)
			call := anna.newCall("201")
			branch := call.send("INVITE", call.offer("0"))
			invite := bert.invited()
			bert.respondAs(invite, "b", "180 Ringing", "")
			call.response(180)
			call.sendAs("CANCEL", branch, call.seq, "")
			call.response(200)
			call.refused(branch, 487)
			cancel := bert.request(sipgo.CANCEL)
			bert.answer(invite, "b")
			bert.respond(cancel, "481 Call/Transaction Does Not Exist", "")
			if ack := bert.request(sipgo.ACK); tagOf(ack) != "b" {
				t.Errorf("ACK is\n%s", ack)
			}
			bye := bert.request(sipgo.BYE)
			bert.answer(invite, "b") // its ACK was lost
			bert.request(sipgo.ACK)
			bert.respond(bye, "200 OK", "")
			x.empty(t)
		})
	}
}

func TestSeveralAnswersToOneInvite(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			x, anna, bert := startPair(t, network, nil)
			call, invite := anna.rings(bert, "0")
			bert.answer(invite, "first")
			bert.request(sipgo.ACK)
			call.took(call.response(200))
			call.ack("")
			bert.answer(invite, "second")
			if ack := bert.request(sipgo.ACK); tagOf(ack) != "second" || ack.Recipient.User != "second" {
				t.Errorf("ACK is\n%s", ack)
			}
			bye := bert.request(sipgo.BYE)
			if tagOf(bye) != "second" {
				t.Errorf("BYE is\n%s", bye)
			}
			bert.respond(bye, "200 OK", "")
			for _, tag := range []string{"first", "second"} { // repeated, because its ACK was lost
				bert.answer(invite, tag)
				if ack := bert.request(sipgo.ACK); tagOf(ack) != tag {
					t.Errorf("ACK is\n%s", ack)
				}
			}
			bert.silent()
			call.hears(call.rtp)
			calleeBye(bert, invite, "first")
			anna.respond(anna.request(sipgo.BYE), "200 OK", "")
			x.empty(t)
		})
	}
}

// An answer that leaves a choice of codecs is followed by an offer of the first alone, as in any call.
func TestAnswerWithSeveralCodecs(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	call, invite := anna.rings(bert, "0")
	bert.respondAs(invite, "b", "200 OK", fmt.Sprintf("Contact: <sip:b@%s>\n", bert.local())+sdpOf("127.0.0.1", 40000, "8 0 101"))
	bert.request(sipgo.ACK)
	second := bert.invited()
	if tagOf(second) != "b" || !strings.Contains(string(second.Body()), "RTP/AVP 8 101\r\n") {
		t.Errorf("second INVITE\n%s", second)
	}
	bert.respond(second, "200 OK", fmt.Sprintf("Contact: <sip:b@%s>\n", bert.local())+sdpOf("127.0.0.1", 40000, "8 101"))
	if ack := bert.request(sipgo.ACK); ack.CSeq().SeqNo != second.CSeq().SeqNo {
		t.Errorf("ACK is\n%s", ack)
	}
	call.took(call.response(200))
	call.ack("")
	call.bye()
	bert.respond(bert.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

func TestCancelThatIsNotObeyed(t *testing.T) {
	x, anna, bert := startPair(t, "udp", func(c *sip.Config) { c.T1, c.RingTime = 20*time.Millisecond, time.Second })
	call := anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	invite := bert.invited()
	bert.respondAs(invite, "b", "180 Ringing", "")
	call.response(180)
	bert.respond(bert.request(sipgo.CANCEL), "200 OK", "")
	call.refused(branch, 480)
	x.empty(t)
}

func TestForkIsAnsweredOnce(t *testing.T) {
	x := startExchange(t, nil)
	anna := newAgent(t, x.server, "udp")
	bert, carl, dora := newAgent(t, x.server, "udp"), newAgent(t, x.server, "tcp"), newAgent(t, x.server, "udp")
	x.list("201", bert, carl, dora)
	call := anna.newCall("201")
	call.send("INVITE", call.offer("0"))
	toBert, toCarl, toDora := bert.invited(), carl.invited(), dora.invited()
	bert.respondAs(toBert, "b", "180 Ringing", "")
	carl.respondAs(toCarl, "b", "180 Ringing", "")
	dora.respondAs(toDora, "b", "486 Busy Here", "") // of one phone of three
	dora.request(sipgo.ACK)
	call.response(180)
	carl.answer(toCarl, "c")
	carl.request(sipgo.ACK)
	call.took(call.response(200))
	call.ack("")
	if got := header(cancelled(bert, toBert), "Reason"); !strings.Contains(got, "cause=200") {
		t.Errorf("Reason %q, want that somebody else has answered", got)
	}
	call.bye()
	carl.respond(carl.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

func TestTwoPhonesAnswerAtOnce(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert, carl := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
	x.list("201", bert, carl)
	call := anna.newCall("201")
	call.send("INVITE", call.offer("0"))
	toBert, toCarl := bert.invited(), carl.invited()
	bert.respondAs(toBert, "b", "180 Ringing", "")
	carl.respondAs(toCarl, "b", "180 Ringing", "")
	bert.answer(toBert, "b")
	bert.request(sipgo.ACK)
	carl.answer(toCarl, "c") // its CANCEL may be under way
	call.response(180)
	call.took(call.response(200))
	call.ack("")
	for {
		req := carl.next().(*sipgo.Request)
		if req.Method == sipgo.ACK {
			continue
		}
		carl.respond(req, "200 OK", "")
		if req.Method == sipgo.BYE {
			break
		}
	}
	call.bye()
	bert.respond(bert.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

func TestDeclineOfOnePhoneIsThatOfAll(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert, carl := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
	x.list("201", bert, carl)
	call := anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	toBert, toCarl := bert.invited(), carl.invited()
	bert.respondAs(toBert, "b", "180 Ringing", "")
	call.response(180)
	carl.respondAs(toCarl, "c", "603 Decline", "")
	carl.request(sipgo.ACK)
	call.refused(branch, 603)
	cancelled(bert, toBert)
	x.empty(t)
}

func TestTheMostTellingRefusalOfAFork(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert, carl := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
	x.list("201", bert, carl)
	for _, test := range []struct {
		bert, carl string
		want       int
	}{
		{"486 Busy Here", "480 Temporarily Unavailable", 486},
		{"408 Request Timeout", "486 Busy Here", 486},
		{"408 Request Timeout", "404 Not Found", 480},
		{"488 Not Acceptable Here", "500 Server Internal Error", 488},
	} {
		call := anna.newCall("201")
		branch := call.send("INVITE", call.offer("0"))
		toBert, toCarl := bert.invited(), carl.invited()
		bert.respondAs(toBert, "b", test.bert, "")
		bert.request(sipgo.ACK)
		anna.trying()
		carl.respondAs(toCarl, "c", test.carl, "")
		carl.request(sipgo.ACK)
		call.refused(branch, test.want)
		x.empty(t)
	}
}

// trying tells that nothing but 100 has come.
func (a *agent) trying() {
	a.t.Helper()
	for {
		select {
		case msg := <-a.in:
			if res, ok := msg.(*sipgo.Response); !ok || res.StatusCode != 100 {
				a.t.Fatalf("want nothing but 100, got\n%s", msg)
			}
		case <-time.After(50 * time.Millisecond):
			return
		}
	}
}

func TestGroupsRingOneAfterTheOther(t *testing.T) {
	x := startExchange(t, func(c *sip.Config) { c.RingTime = time.Second })
	anna, bert, carl, dora := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
	x.phones.List("201", sip.Listing{Groups: [][]sip.Place{{x.place(bert)}, {x.place(carl)}, {x.place(dora)}}})
	call := anna.newCall("201")
	call.send("INVITE", call.offer("0"))
	toBert := bert.invited()
	carl.silent()
	bert.respondAs(toBert, "b", "486 Busy Here", "")
	bert.request(sipgo.ACK)
	toCarl := carl.invited()
	carl.respondAs(toCarl, "c", "180 Ringing", "")
	cancelled(carl, toCarl) // after the ring time
	toDora := dora.invited()
	dora.answer(toDora, "d")
	dora.request(sipgo.ACK)
	call.response(180)
	call.took(call.response(200))
	call.ack("")
	call.bye()
	dora.respond(dora.request(sipgo.BYE), "200 OK", "")
	x.empty(t)
}

func TestPhonesThatCannotBeReached(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert, carl := newAgent(t, x.server, "udp"), newAgent(t, x.server, "tcp"), newAgent(t, x.server, "udp")
	x.phones.List("200", sip.Listing{})
	x.list("201", bert)
	itself := x.place(carl)
	itself.Peer.Remote = x.at["udp"]
	x.phones.List("202", sip.Listing{Groups: [][]sip.Place{{itself}}})
	bert.conn.Close()
	for number, want := range map[string]int{"200": 480, "201": 408, "202": 482} {
		eventually(t, number+" is refused", func() bool {
			call := anna.newCall(number)
			branch := call.send("INVITE", call.offer("0"))
			call.refused(branch, want)
			return true
		})
	}
	x.empty(t)
}

func TestCallerIsAskedForADescriptionThatSuits(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	call := anna.newCall("201")
	call.refused(call.send("INVITE", call.offer("18")), 488)
	bert.silent()
	x.empty(t)
}

func TestCallerLeavesTheOfferToUs(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	for _, goodAnswer := range []bool{true, false} {
		call := anna.newCall("201")
		call.send("INVITE", "")
		invite := bert.invited()
		bert.answer(invite, "b")
		bert.request(sipgo.ACK)
		call.took(call.response(200))
		if goodAnswer {
			call.ack(call.offer("0 101"))
			call.hears(call.rtp)
			call.bye()
		} else {
			call.ack("")
			anna.respond(anna.request(sipgo.BYE), "200 OK", "")
		}
		bert.respond(bert.request(sipgo.BYE), "200 OK", "")
		x.empty(t)
	}
}

func TestRouteSetOfAnAnsweredCall(t *testing.T) {
	x := startExchange(t, nil)
	anna, bert := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
	place := x.place(bert)
	place.Routes = []string{"sip:edge.example;lr"}
	x.phones.List("201", sip.Listing{Groups: [][]sip.Place{{place}}})
	call, invite := anna.rings(bert, "0")
	if got := header(invite, "Route"); got != "<sip:edge.example;lr>" {
		t.Errorf("Route %s", got)
	}
	bert.respondAs(invite, "b", "200 OK", "Record-Route: <sip:p1;lr>, <sip:p2;lr>\nContact: <sip:b@there>\n"+sdpOf("127.0.0.1", 40000, "0"))
	for _, method := range []sipgo.RequestMethod{sipgo.ACK, sipgo.BYE} {
		if method == sipgo.BYE {
			call.took(call.response(200))
			call.ack("")
			call.bye()
		}
		req := bert.request(method)
		if got := req.StartLine(); got != string(method)+" sip:b@there SIP/2.0" {
			t.Error(got)
		}
		if got := header(req, "Route"); got != "<sip:p2;lr>, <sip:p1;lr>" {
			t.Errorf("%s with Route %s", method, got)
		}
		if method == sipgo.BYE {
			bert.respond(req, "200 OK", "")
		}
	}
	x.empty(t)
}

func TestChallengeIsAnsweredWithTheCredentialsGiven(t *testing.T) {
	const challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5\n"
	for name, test := range map[string]struct {
		password string
		accepted bool
	}{"right": {"secret", true}, "wrong": {"other", false}} {
		t.Run(name, func(t *testing.T) {
			x := startExchange(t, nil)
			anna, bert := newAgent(t, x.server, "udp"), newAgent(t, x.server, "udp")
			x.phones.List("201", sip.Listing{Groups: [][]sip.Place{{x.place(bert)}}, User: "me", Password: test.password})
			call := anna.newCall("201")
			branch := call.send("INVITE", call.offer("0"))
			first := bert.invited()
			bert.respondAs(first, "b", "401 Unauthorized", challenge)
			bert.request(sipgo.ACK)
			second := bert.invited()
			if second.CallID().Value() != first.CallID().Value() || second.CSeq().SeqNo != first.CSeq().SeqNo+1 || tagOf(second) != "" {
				t.Errorf("second INVITE\n%s", second)
			}
			if got := header(second, "Authorization"); !strings.Contains(got, `username="me"`) || !strings.Contains(got, `nonce="n"`) {
				t.Errorf("Authorization %s", got)
			}
			if test.accepted {
				bert.answer(second, "b")
				if got := header(bert.request(sipgo.ACK), "Authorization"); got != header(second, "Authorization") {
					t.Errorf("ACK with Authorization %s", got)
				}
				call.took(call.response(200))
				call.ack("")
				call.bye()
				bert.respond(bert.request(sipgo.BYE), "200 OK", "")
			} else {
				bert.respondAs(second, "b", "401 Unauthorized", challenge)
				bert.request(sipgo.ACK)
				call.refused(branch, 480)
				bert.silent() // no third try
			}
			x.empty(t)
		})
	}
}

func TestShutdownEndsCallsThatRing(t *testing.T) {
	x, anna, bert := startPair(t, "udp", nil)
	call := anna.newCall("201")
	branch := call.send("INVITE", call.offer("0"))
	invite := bert.invited()
	bert.respondAs(invite, "b", "180 Ringing", "")
	call.response(180)
	done := make(chan error)
	go func() { done <- x.Shutdown(context.Background()) }()
	if res := call.refused(branch, 503); header(res, "Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	cancelled(bert, invite)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNamesAndNumbersAreToldAsTheyAre(t *testing.T) {
	for _, text := range []string{"Anna", `Al "x" \o/`, "a<b>;c@d e%41?ü#", "+49 30", ""} {
		header := "From: \"" + sip.Quote(text) + "\" <sip:" + sip.Escape(text) + "@h>;tag=1"
		if text == "" {
			header = "From: <sip:h>;tag=1"
		}
		raw := "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:a@b>\r\n" + header +
			"\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
		msg, err := sipgo.NewParser().ParseSIP([]byte(raw))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if from := msg.(*sipgo.Request).From(); from.Address.User != sip.Escape(text) || from.Address.Host != "h" {
			t.Errorf("%q is told as %s", text, from)
		}
	}
}
