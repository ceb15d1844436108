package rooms

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrToOneself: who is transferred has a side of the same talk.
var ErrToOneself = errors.New("a talk cannot be transferred to itself")

// errTakenOver is why a call ends whose place another one has taken.
var errTakenOver = errors.New("another call has taken this one's place")

// Destination is where the other party of a talk is transferred to: the place of another call, a visit or a party, or a room
// where there is neither.
type Destination struct {
	Room  Room // where he is received as any caller
	Visit *Visit
	Party *Party
}

// room is where it leads to; the zero value: to a party.
func (d Destination) room() Room {
	if d.Visit != nil {
		return d.Visit.room
	}
	return d.Room
}

// Room is the one that the visit is to.
func (v *Visit) Room() Room { return v.room }

// TakeOver gives the place of the visit to another call and returns at once: if the visitor is a member, the call is that
// member from then on, with his number, role, name, mutes and volumes, and nobody is told of a coming or going. If he is not
// yet, or is no more, the call is received as any caller. The visit ends, and its call is hung up.
func (v *Visit) TakeOver(ctx context.Context, call Call) *Visit {
	return v.house.receive(ctx, v.room, call, nil, v)
}

// takeover is the cause with which a visit ends whose place another one takes.
type takeover struct {
	by  *Visit
	end context.CancelCauseFunc // of the stay of the member to be
	// heir is the member that has come of it. He is in the conference when he gets here; nobody gets here where the visitor
	// was no member.
	heir chan *member
}

func (*takeover) Error() string { return errTakenOver.Error() }

// takeOver is the stay of a visit in the place of another one. It is false where there is none to be taken over.
func (v *Visit) takeOver(ctx context.Context) (result string, reason error, took bool) {
	if v.before == nil {
		return "", nil, false
	}
	inside, end := context.WithCancelCause(ctx)
	defer end(nil)
	t := &takeover{by: v, end: end, heir: make(chan *member, 1)}
	v.before.end(t)
	// However this call goes on meanwhile: the other visit ends soon, and who has become a member has to be taken out.
	<-v.before.done
	select {
	case m := <-t.heir:
		result = ResultHangup // should there be a fault
		defer func() { v.conference.leave(m, result) }()
		close(v.joined)
		v.log.Info("member taken over", "member", m.number, "role", m.roleName(), "from", v.before.call.ID())
		result, reason = v.remain(ctx, inside, m)
		return result, reason, true
	default:
		return "", nil, false
	}
}

// hand makes who takes a member's place that member, if he is one still.
func (c *conference) hand(m *member, to *takeover) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.members, m)
	if i < 0 {
		return
	}
	v := to.by
	heir := &member{number: m.number, call: v.call, room: m.room, options: m.options, role: m.role, seat: v.seat, line: v.line,
		since: time.Now(), until: m.until, said: m.said, name: m.name, muted: m.muted, end: to.end, held: &v.held}
	heir.hearing, heir.talking = m.hearing, m.talking
	m.depart()
	c.members[i] = heir
	v.arrange(heir.options)
	v.seat.Mute(heir.muted.any())
	v.seat.HearVolume(float64(heir.hearing))
	v.seat.TalkVolume(float64(heir.talking))
	v.member.Store(heir)
	c.settle()
	c.noteHeir(heir, m)
	c.emit(EventTakeover, heir)
	to.heir <- heir
}

// TakeOver gives the party's side of the talk to another call and returns at once; whether that call may transfer is its own
// matter, as in Join. The party's own call is hung up. The error is ErrTalkOver, and then nothing has changed.
func (p *Party) TakeOver(ctx context.Context, call Call, transfers bool) (*Party, error) {
	t := p.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.parties[p.side] != p {
		return nil, ErrTalkOver
	}
	t.handed = t.handed || p.side == CallingSide
	p.seat.Leave()
	p.end(errTakenOver)
	return t.admit(ctx, p.side, call, transfers), nil
}
