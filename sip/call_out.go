package sip

import (
	"fmt"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/sdp"
	"conclave/store"
)

// maxStrays bounds the dialogs beside that of the call which one INVITE may make: so many phones behind one contact may
// answer at once.
const maxStrays = 16

// invitation is what a call of ours is made with.
type invitation struct {
	to          contact
	number      string       // of the callee, as it was dialled
	who         party        // what he is to us
	from        rooms.Caller // whom the callee is told of
	room        rooms.Room   // that invites him; zero: none does
	hops        int          // Max-Forwards
	credentials credentials
	charge      *charge // nil: the call is free
	// tell is for whoever has the call made. It runs on the call's goroutine and does not wait.
	tell func(progress)
	// preview gives the call a place where whoever calls hears what is played before it is answered; nil, also what it returns:
	// nobody does. It runs on the call's goroutine.
	preview func(*Call) preview
	// enter begins the call's stay when it is answered; the error ends it.
	enter func(*Call) (stay, error)
}

// outgoing is what a call of ours has beside what all calls have: our INVITE, until and after its answer. Once it is
// answered the call is like any other.
type outgoing struct {
	invitation
	told bool // how it ended

	asserted  sipgo.Uri // who calls over a trunk, for those who are trusted
	base      Dialog    // what the INVITE is built from, and so each dialog that it makes
	invite    *sipgo.Request
	offer     *sdp.Session
	early     bool // a provisional response came, so that CANCEL may be sent (RFC 3261 9.1)
	reached   bool // any response came
	rings     bool
	proven    bool // credentials were sent
	tooSmall  int  // how often a longer session interval was asked for
	cancelled bool
	giveUp    *time.Timer       // for what comes after the CANCEL
	patience  *time.Timer       // for the first response of a server
	dialogs   map[string]*early // by tag: those that provisional responses have made
	strays    map[string]bool   // tags of the dialogs that were ended at once
}

// progress is what becomes of a call of ours, for whoever has it made.
type progress struct {
	call *Call
	kind progressKind
	err  error // of fails: why
}

type progressKind uint8

const (
	rings    progressKind = iota // at most once
	previews                     // something is heard already; at most once
	answers                      // the call is in its stay
	fails                        // it will not be answered; nothing comes after it
)

// The events of a call of ours: it is to be made, a response to its INVITE came (res) or none will (err), and no final
// response to a cancelled INVITE is to be expected any more.
type (
	dialNow      struct{}
	inviteAnswer struct {
		seq uint32 // CSeq of the INVITE
		res *sipgo.Response
		err error
	}
	cancelOver struct{}
	noResponse struct{} // an address of a server has had its time to answer
)

// call makes a call. The error is errShutdown; what goes wrong later is told as progress.
func (s *Server) call(i invitation) (*Call, error) {
	c := emptyCall(s, DialogID{CallID: sipgo.GenerateTagN(24), Local: sipgo.GenerateTagN(16)})
	c.state = calling
	c.sips = strings.EqualFold(i.to.target.Scheme, "sips")
	c.caller = s.known(rooms.Caller{Number: i.number, Address: i.to.peer.Remote}, i.who)
	c.past = newPast(store.CallOut, i.number)
	c.room = i.room
	c.out = &outgoing{invitation: i, strays: make(map[string]bool), dialogs: make(map[string]*early)}
	c.enter = func() (stay, error) { return i.enter(c) }
	if err := s.calls.call(c); err != nil {
		return nil, err
	}
	c.mail.post(dialNow{})
	go c.run(i.to.peer)
	return c, nil
}

// report tells of progress; of the end once.
func (o *outgoing) report(p progress) {
	if o == nil || o.told {
		return
	}
	o.told = p.kind == answers || p.kind == fails
	o.tell(p)
}

func (o *outgoing) stop() {
	if o == nil {
		return
	}
	for _, timer := range []*time.Timer{o.giveUp, o.patience} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// pay settles what the call costs, once: one that reached nobody counts for nothing.
func (o *outgoing) pay() {
	if o != nil {
		o.charge.settle(o.reached)
	}
}

// dial sends our INVITE.
func (c *Call) dial() {
	o := c.out
	if c.leaving {
		return
	}
	if err := c.openLeg(nil); err != nil {
		c.fail(err)
		return
	}
	if c.session.local.Encrypted && c.session.local.Keys == nil {
		c.fail(errNotEncrypted)
		return
	}
	c.session, o.offer = c.session.offer(c.session.local.Codecs...)
	c.number = escape(o.from.Number)
	if c.number == "" {
		c.number = anonymous
	}
	from := c.contact()
	from.UriParams = nil
	to := *from.Clone()
	to.User = escape(o.number)
	if o.to.server != "" {
		to = *o.to.target.Clone()
	}
	if t := o.to.trunk; t != nil {
		number := o.from.Number
		if o.from.Private {
			number = o.from.Phone
		}
		from, to = t.caller(number, c.peer), t.uri(escape(o.number))
		o.asserted = from
	}
	if o.from.Private {
		from = sipgo.Uri{Scheme: "sip", User: anonymous, Host: "anonymous.invalid"} // RFC 3323 4.1.1.3
	}
	if o.to.server != "" {
		mail := c.mail
		o.patience = time.AfterFunc(c.server.trunkTimes.Try, func() { mail.post(noResponse{}) })
	}
	o.base = Dialog{ID: c.id, Local: from, Remote: to, Target: o.to.target, Routes: o.to.routes}
	c.sendInvite(nil)
}

// sendInvite sends the INVITE, with credentials where challenge asks for them.
func (c *Call) sendInvite(challenge *sipgo.Response) {
	o := c.out
	o.base, o.invite = o.base.Request(sipgo.INVITE)
	c.dialog = o.base
	o.invite.From().DisplayName = quote(o.from.Name)
	if o.from.Private {
		o.invite.From().DisplayName = "Anonymous"
	}
	hops := sipgo.MaxForwardsHeader(o.hops)
	o.invite.ReplaceHeader(&hops)
	if t := o.to.trunk; t != nil {
		if !t.untrusted {
			o.invite.AppendHeader(sipgo.NewHeader("P-Asserted-Identity", "<"+o.asserted.String()+">")) // RFC 3325 9.1
		}
		if o.from.Private {
			o.invite.AppendHeader(sipgo.NewHeader("Privacy", "id")) // RFC 3325 9.3
		}
	}
	c.askInterval(o.invite)
	c.describe(o.invite, c.session.sent)
	if challenge != nil {
		if err := answerChallenge(o.invite, challenge, o.credentials); err != nil {
			c.log.Info("challenge not answered", "error", err)
			c.fail(outcome(challenge))
			return
		}
		o.proven = true
	}
	o.early = false
	seq := o.invite.CSeq().SeqNo
	err := c.server.wire.Do(o.invite, c.peer, c.mail.responses(func(res *sipgo.Response, err error) any {
		return inviteAnswer{seq, res, err}
	}))
	if err != nil {
		c.log.Debug("INVITE not sent", "error", err)
		c.fail(errUnreachable)
	}
}

// fail ends a call that was not answered.
func (c *Call) fail(err error) {
	if !c.leaving {
		c.past.refusal = err
	}
	c.leave(err)
	c.out.report(progress{c, fails, err})
	c.end()
}

// responded takes a response to our INVITE, or that there will be none.
func (c *Call) responded(e inviteAnswer) {
	o := c.out
	o.reached = o.reached || e.err == nil
	switch {
	case e.seq != o.invite.CSeq().SeqNo:
		// The INVITE before the one with credentials has had its final response.
	case e.err == nil && e.res.IsSuccess():
		c.accepted(e.res)
	case c.state != calling:
	case e.err != nil:
		c.fail(errUnreachable)
	case e.res.IsProvisional():
		c.provisional(e.res)
	case !c.leaving && o.tooSmall < maxTooSmall && c.tooSmall(e.res):
		o.tooSmall++
		o.proven = false // the nonce is spent
		c.sendInvite(nil)
	case challenges(e.res) && o.credentials.user != "" && !o.proven && !c.leaving:
		c.sendInvite(e.res)
	case c.callPlain(e.res):
	default:
		c.fail(outcome(e.res))
	}
}

// noResponse gives up on an address of a server that is silent; what it may answer still is ended.
func (c *Call) noResponse() {
	if c.state != calling || c.leaving || c.out.reached {
		return
	}
	c.past.refusal = errUnreachable
	c.out.report(progress{c, fails, errUnreachable})
	c.hangUp(errUnreachable)
}

func challenges(res *sipgo.Response) bool {
	return res.StatusCode == sipgo.StatusUnauthorized || res.StatusCode == sipgo.StatusProxyAuthRequired
}

// accepted takes a 2xx to our INVITE. Each gets an ACK, a repeated one and one that crosses our CANCEL or BYE, too
// (RFC 3261 13.2.2.4). Where several phones behind one contact answer, the first has the call and the others a BYE.
func (c *Call) accepted(res *sipgo.Response) {
	tag, _ := res.To().Params.Get("tag")
	switch {
	case c.state == calling:
		c.dialog = c.out.base.Confirm(res)
		if e := c.out.dialogs[tag]; e != nil {
			c.dialog.LocalSeq, c.dialog.RemoteSeq = max(c.dialog.LocalSeq, e.dialog.LocalSeq), e.dialog.RemoteSeq
		}
		c.server.calls.confirm(c, tag)
		c.acknowledge(c.dialog)
		c.confirm()
		c.out.stop()
		if c.leaving {
			c.bye() // it has crossed our CANCEL
			return
		}
		c.begin(res)
	case tag == c.dialog.ID.Remote:
		c.acknowledge(c.dialog)
	default:
		c.dismiss(c.out.base.Confirm(res))
	}
}

// begin takes the answer in the 2xx, and begins the stay.
func (c *Call) begin(res *sipgo.Response) {
	var answer *sdp.Session
	var remote media.Remote
	var err error
	if e := c.earlyAnswer(res); e != nil {
		answer, remote = e.answer, e.remote
	} else {
		answer, remote, err = c.answerIn(res, c.out.offer)
	}
	if err != nil {
		c.past.refusal = &outcomeError{
			status: sipgo.StatusNotAcceptableHere,
			result: ResultRefused,
			why:    fmt.Sprintf("%d %v", sipgo.StatusNotAcceptableHere, err),
		}
		c.out.report(progress{c, fails, c.past.refusal})
		c.hangUp(err)
		return
	}
	c.caller.Language = languagesOf(res)
	c.receive(remote)
	if c.stay == nil {
		c.past.refusal = errElsewhere
		c.out.report(progress{c, fails, errElsewhere})
		return
	}
	c.began = time.Now()
	c.agreedOn(res)
	c.out.report(progress{c, answers, nil})
	if c.session.leavesChoice(answer) {
		c.startReoffer(remote.Codec)
	}
}

// acknowledge sends the ACK to a 2xx, with the credentials of the INVITE (RFC 3261 22.1).
func (c *Call) acknowledge(dialog Dialog) {
	invite := c.out.invite
	ack := dialog.Ack(invite.CSeq().SeqNo)
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for _, h := range invite.GetHeaders(name) {
			ack.AppendHeader(sipgo.HeaderClone(h))
		}
	}
	ack.SetBody(nil)
	if err := c.server.wire.Write(ack, c.peer); err != nil {
		c.log.Debug("ACK not sent", "error", err)
	}
}

// dismiss ends a dialog that our INVITE has made beside that of the call.
func (c *Call) dismiss(dialog Dialog) {
	strays := c.out.strays
	if !strays[dialog.ID.Remote] && len(strays) == maxStrays {
		return
	}
	c.acknowledge(dialog)
	if strays[dialog.ID.Remote] {
		return // a repeated 2xx
	}
	strays[dialog.ID.Remote] = true
	_, bye := dialog.Request(sipgo.BYE)
	addCauses(bye, errElsewhere)
	bye.SetBody(nil)
	if err := c.server.wire.Do(bye, c.peer, func(*sipgo.Response, error) {}); err != nil {
		c.log.Debug("BYE not sent", "error", err)
	}
}

// cancel ends a call that has not been answered. Its final response is waited for, which may still be a 2xx, but not for
// ever (RFC 3261 9.1).
func (o *outgoing) cancel(c *Call) {
	if o.invite == nil {
		c.end()
		return
	}
	o.cancelled = true
	mail := c.mail
	o.giveUp = time.AfterFunc(64*c.server.t1, func() { mail.post(cancelOver{}) })
	if o.early {
		c.sendCancel()
	}
}

// sendCancel sends the CANCEL, which has all of the INVITE that makes a transaction (RFC 3261 9.1). A phone does not show a
// call as missed that was answered elsewhere (RFC 3326).
func (c *Call) sendCancel() {
	invite := c.out.invite
	req := sipgo.NewRequest(sipgo.CANCEL, invite.Recipient)
	req.AppendHeader(sipgo.HeaderClone(invite.Via()))
	for _, name := range []string{"Route", "Max-Forwards", "From", "To", "Call-ID"} {
		sipgo.CopyHeaders(name, invite, req)
	}
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sipgo.CANCEL})
	addCauses(req, c.reason)
	req.SetBody(nil)
	if err := c.server.wire.Do(req, c.peer, func(*sipgo.Response, error) {}); err != nil {
		c.log.Debug("CANCEL not sent", "error", err)
	}
}

// escape is a user part that may stand in a URI (RFC 3261 25.1). What unescape makes of it is what it was.
func escape(user string) string {
	const plain = "-_.!~*'()&=+$,/"
	var b strings.Builder
	for _, octet := range []byte(user) {
		switch {
		case '0' <= octet && octet <= '9', 'a' <= octet && octet <= 'z', 'A' <= octet && octet <= 'Z',
			strings.IndexByte(plain, octet) >= 0:
			b.WriteByte(octet)
		default:
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[octet>>4], hex[octet&15]})
		}
	}
	return b.String()
}

// quote is a display name as it stands between quotes (RFC 3261 25.1). What unquote makes of it is what it was.
func quote(name string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) }
