package sip

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// notices is what one subscriber is told by the NOTIFYs of an event package. It is asked by the subscription's goroutine alone.
type notices interface {
	contentType() string
	// next is the body of the next NOTIFY, of no more than about most octets: what has changed since the last one, nil where
	// nothing has, or with full all that there is. more says that not all could be told. over says why the subscription ends
	// with this NOTIFY, by the reasons of RFC 6665 4.2.2; empty: it does not.
	next(full bool, most int) (body []byte, more bool, over string)
}

// The reasons for which a subscription ends (RFC 6665 4.2.2).
const (
	overTimeout    = "timeout"    // it was not refreshed, or taken back
	overNoResource = "noresource" // there is nothing more to be told of
	overRejected   = "rejected"   // the subscriber may not know any more
	overProbation  = "probation;retry-after=30"
	overMoved      = "deactivated" // it is to be begun anew, at once: with another process
)

const (
	// A NOTIFY has no more than so many octets of body: over UDP so that a handful of fragments carry it, else so that phones
	// take it for a message that may be.
	mostUDP    = 12_000
	mostStream = 48_000

	// mostRefusals is after how many NOTIFYs in a row that were refused for a reason of the moment a subscription ends.
	mostRefusals = 3
)

// notifier is our side of a subscription (RFC 6665 4.2): a goroutine that sends one NOTIFY after the other's response, and of
// what happens in between the result.
type notifier struct {
	server  *Server
	id      DialogID
	who     party
	topic   string // the number whose events are told; empty: none
	event   string // Event header
	contact string // of the SUBSCRIBE that began it
	content notices
	mail    *mailbox
	changed chan struct{} // has a token when there may be something to tell

	mu    sync.Mutex
	shown Subscription // what changes of it

	// What follows belongs to the goroutine of run.
	dialog   Dialog
	peer     wire.Peer
	local    sipgo.Uri // our Contact
	until    time.Time
	full     bool // the next NOTIFY tells all
	due      bool // there may be something to tell
	urgent   bool // at once: it answers a SUBSCRIBE
	awaits   bool // the last NOTIFY has no response yet
	last     time.Time
	failures int
	over     string // why it ends; empty: it goes on
	done     bool   // nothing more is to be sent
}

// subscribed is the event of the SUBSCRIBE or REFER that begins it.
type subscribed struct {
	request
	lasts  time.Duration
	status int // 200, or the 202 to a REFER
}

// superseded is the event that the same phone has subscribed to the same anew, as it does that has been off meanwhile.
type superseded struct{}

// replaces tells whether n is in the place of a newer subscription to the same, from the same contact.
func (n *notifier) replaces(newer *notifier) bool {
	return n.who == newer.who && n.event == newer.event && n.contact == newer.contact && n.event != eventRefer
}

// show is the subscription for operators.
func (n *notifier) show() Subscription {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.shown
}

// notifyEnded is the event that a NOTIFY has its final response, or will have none.
type notifyEnded struct {
	seq uint32
	err error // it was not taken
}

// newNotifier prepares a subscription in the dialog that our 200 to a SUBSCRIBE, or 202 to a REFER, makes.
func newNotifier(s *Server, req *sipgo.Request, tx *wire.ServerTx, who party, event, topic string) *notifier {
	dialog := NewDialog(req, tx.ToTag())
	kind, _, _ := strings.Cut(event, ";")
	n := &notifier{
		server:  s,
		id:      dialog.ID,
		who:     who,
		topic:   topic,
		event:   event,
		contact: dialog.Target.String(),
		mail:    newMailbox(),
		changed: make(chan struct{}, 1),
		dialog:  dialog,
		until:   time.Now().Add(s.maxExpires), // till it is said
		peer:    tx.Peer(),
		local:   s.contactAt(tx.Peer(), req.Recipient.User),
	}
	n.shown = Subscription{Subscriber: who.String(), Event: kind, Number: topic, Since: time.Now()}
	n.place(n.peer)
	return n
}

// entity is the URI that was subscribed to.
func (n *notifier) entity() string {
	uri := n.dialog.Local
	uri.UriParams, uri.Headers = nil, nil
	return uri.String()
}

// place shows where NOTIFYs go to.
func (n *notifier) place(peer wire.Peer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown.Transport, n.shown.Address = strings.ToLower(peer.Transport), peer.Remote.String()
}

// poke says that there may be something to tell. It does not wait.
func (n *notifier) poke() {
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// run is the subscription's goroutine.
func (n *notifier) run(closing <-chan struct{}) {
	defer n.server.subscriptions.remove(n)
	n.peer.Conn.Ref(1)
	defer func() { n.peer.Conn.Ref(-1) }()
	defer n.server.survive(nil)
	expiry, pace, silence := stoppedTimer(), stoppedTimer(), stoppedTimer()
	defer expiry.Stop()
	defer pace.Stop()
	defer silence.Stop()
	for _, event := range n.mail.take() {
		n.handle(event) // what begins it, before anything is told
	}
	for n.tell(pace, silence); !n.done; n.tell(pace, silence) {
		expiry.Reset(time.Until(n.until))
		select {
		case <-n.mail.ready:
			for _, event := range n.mail.take() {
				n.handle(event)
			}
		case <-n.changed:
			n.due = true
		case <-pace.C:
		case <-expiry.C:
			n.over = overTimeout
		case <-silence.C: // 64*T1 without any response (RFC 6665 4.2.2)
			n.drop(wire.ErrTimeout)
		case <-n.peer.Gone():
			n.drop(wire.ErrClosed)
		case <-closing:
			n.over = n.server.subscriptions.over
		}
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// drop ends the subscription without a word: the subscriber is not there, or knows nothing of it.
func (n *notifier) drop(why error) {
	n.done = true
	n.server.log.Info("subscription dropped", "subscriber", n.who.String(), "event", n.event, "number", n.topic, "reason", why)
}

func (n *notifier) handle(event any) {
	switch e := event.(type) {
	case subscribed:
		n.accepts(e.request, e.lasts, e.status)
	case superseded:
		n.done = true
	case request:
		if err := n.refresh(e); err != nil {
			n.server.refuse(e.tx, err)
		}
	case notifyEnded:
		if n.awaits && e.seq == n.dialog.LocalSeq {
			n.awaits = false
			n.answered(e.err)
		}
	}
}

// refresh serves a SUBSCRIBE in the dialog: the subscription goes on for longer, or ends.
func (n *notifier) refresh(e request) error {
	dialog, err := n.dialog.Receive(e.req)
	if err != nil {
		return err
	}
	n.dialog = dialog
	if r := wire.Unacceptable(e.req, extensions); r != nil {
		return rejected{r}
	}
	if n.over != "" {
		return errNoDialog
	}
	who, err := n.server.subscriber(e.req, e.tx.Peer())
	if err != nil {
		return err
	}
	asked, err := n.server.readSubscribe(e.req)
	switch {
	case err != nil:
		return err
	case who != n.who:
		return errOtherParty
	case asked.header != n.event:
		return errNoDialog // another subscription, which would share the dialog
	}
	n.accepts(e, asked.lasts, sipgo.StatusOK)
	return nil
}

// accepts answers a SUBSCRIBE or REFER. All is told anew, so that a subscriber who has lost something knows it again.
func (n *notifier) accepts(e request, lasts time.Duration, code int) {
	res := sipgo.NewResponseFromRequest(e.req, code, wire.Phrase(code), nil)
	res.AppendHeader(&sipgo.ContactHeader{Address: n.local})
	res.AppendHeader(expires(lasts))
	res.AppendHeader(sipgo.NewHeader("Allow-Events", allowedEvents))
	if err := e.tx.Respond(res); err != nil {
		n.server.log.Debug("response not sent", "error", err)
	}
	n.dialog = n.dialog.Refresh(e.req)
	if peer := e.tx.Peer(); peer.Conn != n.peer.Conn {
		peer.Conn.Ref(1)
		n.peer.Conn.Ref(-1)
		n.peer = peer
		n.place(peer)
	}
	n.expire(lasts)
	n.full, n.due, n.urgent = true, true, true
	if lasts == 0 {
		n.over = overTimeout
	}
}

// expire says how long it goes on from now.
func (n *notifier) expire(d time.Duration) {
	n.until = time.Now().Add(d)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown.Expires = n.until
}

// tell sends a NOTIFY where it is time for one: one at a time, so that they come in order, and not more often than each
// notifyEvery, but that a SUBSCRIBE is followed by one at once (RFC 6665 4.2.1.2).
func (n *notifier) tell(pace, silence *time.Timer) {
	if !n.awaits {
		silence.Stop()
	}
	now := time.Now()
	if n.done || n.over == "" && (n.awaits || !n.due) {
		return
	}
	if wait := n.last.Add(n.server.notifyEvery).Sub(now); n.over == "" && !n.urgent && wait > 0 {
		pace.Reset(wait)
		return
	}
	most := mostStream
	if n.peer.Transport == "UDP" {
		most = mostUDP
	}
	body, more, over := n.content.next(n.full, most)
	if n.over == "" {
		n.over = over
	}
	n.due = more
	if body == nil && n.over == "" {
		n.urgent = false
		return
	}
	n.full, n.urgent = false, false
	n.notify(body, now)
	silence.Reset(64 * n.server.t1)
}

// notify sends a NOTIFY (RFC 6665 4.2.2).
func (n *notifier) notify(body []byte, now time.Time) {
	var req *sipgo.Request
	n.dialog, req = n.dialog.Request(sipgo.NOTIFY)
	req.AppendHeader(&sipgo.ContactHeader{Address: n.local})
	req.AppendHeader(sipgo.NewHeader("Event", n.event))
	req.AppendHeader(sipgo.NewHeader("Subscription-State", subscriptionState(n.until.Sub(now), n.over)))
	if body != nil {
		kind := sipgo.ContentTypeHeader(n.content.contentType())
		req.AppendHeader(&kind)
	}
	req.SetBody(body)
	n.last, n.awaits = now, true
	n.done = n.over != "" // the transaction goes on by itself
	n.mu.Lock()
	n.shown.Notified++
	n.mu.Unlock()
	seq, mail := n.dialog.LocalSeq, n.mail
	err := n.server.wire.Do(req, n.peer, func(res *sipgo.Response, err error) {
		switch {
		case err == nil && res.IsProvisional():
			return
		case err == nil && !res.IsSuccess():
			err = &notTaken{res.StatusCode}
		}
		mail.post(notifyEnded{seq, err})
	})
	if err != nil {
		mail.post(notifyEnded{seq, err})
	}
}

// notTaken tells that a NOTIFY was refused.
type notTaken struct{ status int }

func (e *notTaken) Error() string { return fmt.Sprintf("NOTIFY got %d", e.status) }

// endsSubscription are the responses to a NOTIFY after which there is no subscription any more (RFC 6665 4.2.2, RFC 5057 5.1).
var endsSubscription = []int{404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604}

// answered follows a NOTIFY. One that was refused for a reason of the moment is followed by one that tells all.
func (n *notifier) answered(err error) {
	var refused *notTaken
	switch {
	case err == nil:
		n.failures = 0
	case !errors.As(err, &refused) || slices.Contains(endsSubscription, refused.status):
		n.drop(err)
	default:
		if n.failures++; n.failures == mostRefusals {
			n.drop(err)
		}
		n.full, n.due = true, true
	}
}
