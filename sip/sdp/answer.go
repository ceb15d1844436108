package sdp

import (
	"fmt"
	"net/netip"

	"conclave/media"
)

// Local is what we bring to the table.
type Local struct {
	// Address and Port are where we receive RTP; RTCP is received one port higher, or on
	// the same with rtcp-mux. Both must be set.
	Address netip.Addr
	Port    uint16
	// SessionID and Version go into o=: the ID is the same for the whole dialog, the version
	// is one higher in each description that differs from the last (RFC 3264 8).
	SessionID, Version uint64
	// Codecs are those we take. Their order counts in our offers only.
	Codecs []media.Codec
	// SampleRate is the highest rate of audio in Hz that we make use of now, whatever the codecs could do; 0: there is no
	// limit. The far end is told, and may send less then.
	SampleRate int
	// Keys are ours for encrypted audio; nil: there is none, and NoKeys says why to who wants it.
	Keys   Keys
	NoKeys string
	// Encrypted tells that audio has to be encrypted.
	Encrypted bool
	// Direction is what we are willing to do, normally SendRecv.
	Direction media.Direction
	// Hold takes receiving out of Direction: we hold the far end.
	Hold bool
}

// Answer settles an offer (RFC 3264 6): the first audio line that can be taken is, with the
// first of its codecs that we have and telephone-event, all other lines are refused by port 0.
// Signalling is where the offer came from.
//
// The error is a *Refusal that names what stands against the first audio line. Where the
// line has no address, or a host name for one, the RTP address of remote is not valid.
func Answer(offer *Session, local Local, signalling netip.Addr) (answer *Session, remote media.Remote, err error) {
	chosen, err := local.choose(offer, nil)
	if err != nil {
		return nil, media.Remote{}, err
	}
	remote = chosen.remote
	remote.Signalling = signalling.Unmap()
	answer = local.session()
	for i := range offer.Media {
		m := &offer.Media[i]
		if i != chosen.line {
			answer.Media = append(answer.Media, m.refused())
			continue
		}
		line := Media{
			Type: m.Type, Port: local.Port, Proto: m.Proto, Formats: chosen.formats,
			Address: answer.Address, Mux: m.Mux, PTime: remote.PTime, Direction: remote.Direction,
		}
		if s := remote.Security; s != nil {
			line.Crypto = []Crypto{{Tag: chosen.crypto.Tag, Suite: s.Suite, Key: s.Local}}
		}
		answer.Media = append(answer.Media, line)
	}
	return answer, remote, nil
}

// session is the description of ours that has no media yet.
func (l Local) session() *Session {
	address := l.Address.Unmap()
	return &Session{
		Origin:  fmt.Sprintf("- %d %d %s", l.SessionID, l.Version, network(address)),
		Address: address,
	}
}

func (l Local) direction() media.Direction {
	if l.Hold {
		return l.Direction &^ media.RecvOnly
	}
	return l.Direction
}

// refused is the line in an answer that does not take it: all as it was, but the port. A
// format there must be (RFC 3264 6).
func (m *Media) refused() Media {
	r := Media{Type: m.Type, Proto: m.Proto, Formats: m.Formats}
	if len(r.Formats) == 0 {
		r.Formats = []Format{{ID: "0"}}
	}
	return r
}
