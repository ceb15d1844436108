package sip

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"conclave/rooms"
)

// fork is the ringing of a callee, at all places where he can be reached. One goroutine has it for itself: that of the call
// that came in for him, or of the invitation to a room.
type fork struct {
	server *Server
	callee callee
	from   rooms.Caller // whom the callee is told of
	hops   int          // Max-Forwards
	room   rooms.Room   // that invites; zero: none
	// post hands on what becomes of the calls (progress) and of the ring time (ringOver). It does not wait.
	post func(event any)
	// enter begins the stay of the one that is answered first, and refuses others.
	enter func(*Call) (stay, error)
	// preview and listen give the called and the calling call places where the one hears the other before the answer; nil: nobody
	// is heard.
	preview func(*Call) preview
	listen  func() preview
	// end ends what enter has begun.
	end func(reason error)

	waiting [][]contact // groups whose turn is to come
	ringing []*Call
	rang    bool  // the caller was told that a phone rings
	err     error // the most telling reason so far why a contact has not answered
	timer   *time.Timer
}

// ringOver is the event that the ring time of a group of contacts is over.
type ringOver struct{ *fork }

// next has the phones of the next group ring. It is false if there is none that can.
func (f *fork) next() bool {
	for len(f.ringing) == 0 && len(f.waiting) > 0 {
		group := f.waiting[0]
		f.waiting = f.waiting[1:]
		for _, to := range group {
			call, err := f.invite(to)
			if err != nil {
				f.refused(err)
				f.skip(to, err)
				continue
			}
			f.ringing = append(f.ringing, call)
		}
	}
	if len(f.ringing) == 0 {
		return false
	}
	f.stop()
	f.timer = time.AfterFunc(cmp.Or(f.callee.ringTime, f.server.ringTime), func() { f.post(ringOver{f}) })
	return true
}

// invite calls one contact.
func (f *fork) invite(to contact) (*Call, error) {
	if f.server.isOwn(to) {
		return nil, errOwnLoop
	}
	who, secret, payers := f.callee.who, f.callee.credentials, f.callee.payers
	if t := to.trunk; t != nil {
		who, secret, payers = party{trunk: t.name}, t.secret, append(slices.Clone(payers), t.payer())
	}
	charged, err := f.server.ledger.take(payers...)
	if err != nil {
		return nil, err
	}
	call, err := f.server.call(invitation{
		to: to, number: f.callee.number, who: who, from: f.from, room: f.room, hops: f.hops, credentials: secret, charge: charged,
		tell:  func(p progress) { f.post(p) },
		enter: f.enter, preview: f.preview,
	})
	if err != nil {
		charged.settle(false)
	}
	return call, err
}

// wait follows what comes to mail, which post fills, until one of the calls is answered. ringing is called when the first
// phone rings. It is not answered, without an error, where over is closed first; the error is why nobody has answered.
func (f *fork) wait(mail *mailbox, over <-chan struct{}, ringing func()) (answered bool, err error) {
	for {
		select {
		case <-mail.ready:
		case <-over:
			return false, nil
		}
		for _, event := range mail.take() {
			switch e := event.(type) {
			case ringOver:
				if !f.timeOver() {
					return false, f.err
				}
			case progress:
				if answered, err := f.progressed(e, ringing); answered || err != nil {
					return answered, err
				}
			}
		}
	}
}

// progressed takes what becomes of one of the calls. The error is why nobody will answer.
func (f *fork) progressed(e progress, ringing func()) (answered bool, err error) {
	if !f.awaits(e.call) {
		return false, nil // nobody waits for it any more
	}
	switch e.kind {
	case rings:
		if !f.rang {
			f.rang = true
			ringing()
		}
	case answers:
		f.answered(e.call)
		return true, nil
	case fails:
		if !f.failed(e.call, e.err) {
			return false, f.err
		}
	}
	return false, nil
}

// awaits tells whether a call is one that rings.
func (f *fork) awaits(call *Call) bool { return slices.Contains(f.ringing, call) }

// answered ends the ringing of all but the call that was answered.
func (f *fork) answered(call *Call) {
	f.forget(call)
	f.silence(errElsewhere)
	f.stop()
}

// failed follows the end of a call that was not answered. It is false if no other rings, nor can be called: err says why.
func (f *fork) failed(call *Call, err error) bool {
	f.forget(call)
	f.refused(err)
	if isGlobal(err) { // nobody is to be asked any more (RFC 3261 16.7)
		f.waiting = nil
		f.silence(errDeclinedElsewhere)
	}
	f.skip(call.out.to, err)
	return len(f.ringing) > 0 || f.next()
}

// timeOver follows the end of the ring time: the next group rings. It is false if there is none.
func (f *fork) timeOver() bool {
	if len(f.ringing) == 0 {
		return true // it was over already
	}
	why := errUnreachable
	if f.rang {
		why = errNotAnswered
	}
	f.refused(why)
	if f.ringing[0].out.to.server != "" {
		f.waiting = nil // it was reached, which is all that another server could do
	}
	f.silence(errNotAnswered)
	return f.next()
}

// skip leaves out what is of no use once a server has not put a call through: the callee is called over another of its
// addresses only where the one has not answered or is overloaded (RFC 3263 4.3), and over another trunk only where no address
// of this one answers. Whoever was reached is not rung a second time.
func (f *fork) skip(to contact, err error) {
	if to.server == "" || errors.Is(err, errUnreachable) {
		return
	}
	var callee *outcomeError
	overloaded := errors.As(err, &callee) && callee.full
	f.waiting = slices.DeleteFunc(f.waiting, func(group []contact) bool {
		return !overloaded || group[0].server != to.server
	})
}

func (f *fork) forget(call *Call) {
	f.ringing = slices.DeleteFunc(f.ringing, func(other *Call) bool { return other == call })
}

// silence ends the ringing of all phones that ring.
func (f *fork) silence(reason error) {
	for _, call := range f.ringing {
		call.Hangup(reason)
	}
	f.ringing = nil
}

// refused takes note of why a contact has not answered: of all reasons the caller is told the most telling one.
func (f *fork) refused(err error) {
	if f.err == nil || tells(err) > tells(f.err) {
		f.err = err
	}
}

// over ends the ringing, and what has begun with whoever has answered.
func (f *fork) over(reason error) {
	if f != nil {
		f.stop()
		f.silence(reason)
		f.end(reason)
	}
}

func (f *fork) stop() {
	if f != nil && f.timer != nil {
		f.timer.Stop()
	}
}
