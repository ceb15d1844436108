package sip

import (
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/sdp"
	"conclave/sip/wire"
)

// Why there are no keys for encrypted audio, as a refusal goes on.
const (
	whyInClear = "its keys are taken over TLS only"
	whyUnasked = "this room takes plain audio only"
)

// errNotEncrypted is why a call of a room fails that takes encrypted audio only.
var errNotEncrypted = &outcomeError{status: sipgo.StatusNotAcceptableHere, result: ResultRefused,
	why: "488 the room takes encrypted calls only, and who was called is not reached over TLS"}

// mayCarryKeys tells whether keys may be sent and taken over a way: whoever reads the signalling can read the audio then.
func (s *Server) mayCarryKeys(over wire.Peer) bool {
	return s.insecureKeys || strings.EqualFold(over.Transport, "TLS")
}

// encryption is what the session of a call may and has to do, and the rate that its room has. The room is the one that it is for; the zero value is none.
func (s *Server) encryption(of session, over wire.Peer, room rooms.Room) session {
	of.exposed = !strings.EqualFold(over.Transport, "TLS")
	of.local.Encrypted = room.Options.Encryption == rooms.EncryptionRequired
	of.local.SampleRate = room.Options.SampleRate
	switch {
	case room.Options.Encryption == rooms.EncryptionNo:
		return of.withoutKeys(whyUnasked)
	case !s.mayCarryKeys(over):
		return of.withoutKeys(whyInClear)
	}
	of.local.Keys, of.local.NoKeys = sdp.NewKeys(), ""
	return of
}

func (s session) withoutKeys(why string) session {
	s.local.Keys, s.local.NoKeys = nil, why
	return s
}

// offersKeys tells whether an offer of ours is for encrypted audio: what was agreed on stays; where nothing was, it is over
// TLS, and elsewhere only if it has to be.
func (s session) offersKeys() bool {
	if s.agreed {
		return s.security != nil
	}
	return s.local.Encrypted || !s.exposed
}

// agree takes note of what offer and answer have come to.
func (s session) agree(r media.Remote) session {
	s.agreed, s.security = true, r.Security
	return s
}

// rekeyed tells that the far end has changed its key, by which it says that the ones before are not to be used any more: ours
// change with it.
func (s session) rekeyed(r media.Remote) bool {
	return s.security != nil && r.Security != nil && s.security.Remote != r.Security.Remote
}

// forget drops the keys, and our last description, which has them.
func (s session) forget() session {
	s.sent, s.security = nil, nil
	return s.withoutKeys(whyInClear)
}

// visit notes the room that the call goes on in. What the room wants of encryption, and its rate, holds from then on. The error is
// rooms.ErrNotEncrypted.
func (c *Call) visit(room rooms.Room) error {
	if err := room.Takes(c.leg.Suite() != media.Plain); err != nil {
		return err
	}
	c.room = room
	c.session.local.Encrypted = room.Options.Encryption == rooms.EncryptionRequired
	c.session.local.SampleRate = room.Options.SampleRate
	return nil
}

// callPlain calls once more without encryption where the callee has refused an offer of it, and nothing demands it. It is
// false where that would be of no use.
func (c *Call) callPlain(res *sipgo.Response) bool {
	switch res.StatusCode {
	case sipgo.StatusNotAcceptableHere, sipgo.StatusUnsupportedMediaType, sipgo.StatusGlobalNotAcceptable:
	default:
		return false
	}
	if c.leaving || c.session.local.Encrypted || c.session.local.Keys == nil || !c.session.offersKeys() {
		return false
	}
	c.log.Info("called again without encryption", "status", res.StatusCode)
	c.session = c.session.withoutKeys("the callee has refused it before")
	c.session, c.out.offer = c.session.offer(c.session.local.Codecs...)
	c.out.proven = false
	c.sendInvite(nil)
	return true
}
