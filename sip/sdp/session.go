// Package sdp reads and writes session descriptions (RFC 8866) and settles what an offer and
// its answer agree on (RFC 3264), for one stream of audio.
//
// Reading is lenient, because what carriers send is not always what the RFC says: a line
// that is missing, unknown, misplaced or not understood costs nothing unless the audio
// depends on it. Nothing here does I/O: host names are never looked up.
package sdp

import (
	"cmp"
	"fmt"
	"net/netip"

	"conclave/media"
)

// Session is a session description, reduced to what offer and answer need: Parse drops
// the rest.
type Session struct {
	// Origin is the value of o= as it stands. Nobody here needs its parts.
	Origin string
	// Name is the value of s=; where it is empty "-" is written.
	Name string
	// Address is that of c= above the first m=. Not valid: none, or a host name.
	Address netip.Addr
	// Media are the m= lines in their order.
	Media []Media
}

// Media is an m= line and what belongs to it. What the session level says is copied into
// each line that does not say otherwise.
type Media struct {
	Type    string   // "audio", "video", "image", …
	Port    uint16   // 0: refused or switched off (RFC 3264 6, 8.2)
	Proto   string   // "RTP/AVP", "udptl", …
	Formats []Format // in order of preference
	// Address is that of c=. Not valid: none, or a host name. Unspecified: the hold of
	// RFC 2543 (c=0.0.0.0). Never an IPv4 address in IPv6 form.
	Address netip.Addr
	// RTCP is a=rtcp (RFC 3605). Port 0: not given. Address not valid: that of c=.
	RTCP netip.AddrPort
	// Mux is a=rtcp-mux (RFC 5761).
	Mux bool
	// Crypto are the a=crypto lines in their order (RFC 4568).
	Crypto []Crypto
	// PTime and MaxPTime are in ms; 0: not given.
	PTime, MaxPTime int
	// Direction is as the author of the description sees it.
	Direction media.Direction
}

// Format is one format of an m= line.
type Format struct {
	ID string // the payload type in RTP profiles, any word in others
	// Name, Rate in Hz and Channels are those of a=rtpmap, or of RFC 3551 for a static
	// payload type without one. Name is empty where neither says anything.
	Name     string
	Rate     int
	Channels int
	// Params is the value of a=fmtp.
	Params string
}

// AudioAddress is the address of the first audio line that is not switched off: it tells
// of which family the port must be that is opened for this stream. It is not valid where
// there is no such line, or no address in it.
func (s *Session) AudioAddress() netip.Addr {
	for i := range s.Media {
		if s.Media[i].hasAudio() {
			return s.Media[i].Address
		}
	}
	return netip.Addr{}
}

// Bytes writes the description. Lines with port 0 have no attributes: they mean nothing
// there (RFC 3264 6).
func (s *Session) Bytes() []byte {
	b := fmt.Appendf(nil, "v=0\r\no=%s\r\ns=%s\r\n", s.Origin, cmp.Or(s.Name, "-"))
	if s.Address.IsValid() {
		b = fmt.Appendf(b, "c=%s\r\n", network(s.Address))
	}
	b = append(b, "t=0 0\r\n"...)
	for i := range s.Media {
		b = s.Media[i].append(b, s.Address)
	}
	return b
}

func (m *Media) append(b []byte, inherited netip.Addr) []byte {
	b = fmt.Appendf(b, "m=%s %d %s", m.Type, m.Port, m.Proto)
	for _, f := range m.Formats {
		b = fmt.Appendf(b, " %s", f.ID)
	}
	b = append(b, "\r\n"...)
	if m.Port == 0 {
		return b
	}
	if m.Address.IsValid() && m.Address != inherited {
		b = fmt.Appendf(b, "c=%s\r\n", network(m.Address))
	}
	for _, f := range m.Formats {
		if f.Name != "" {
			b = fmt.Appendf(b, "a=rtpmap:%s %s/%d", f.ID, f.Name, f.Rate)
			if f.Channels > 1 {
				b = fmt.Appendf(b, "/%d", f.Channels)
			}
			b = append(b, "\r\n"...)
		}
		if f.Params != "" {
			b = fmt.Appendf(b, "a=fmtp:%s %s\r\n", f.ID, f.Params)
		}
	}
	if m.RTCP.Port() != 0 {
		b = fmt.Appendf(b, "a=rtcp:%d", m.RTCP.Port())
		if m.RTCP.IsValid() {
			b = fmt.Appendf(b, " %s", network(m.RTCP.Addr()))
		}
		b = append(b, "\r\n"...)
	}
	if m.Mux {
		b = append(b, "a=rtcp-mux\r\n"...)
	}
	for i := range m.Crypto {
		b = m.Crypto[i].append(b)
	}
	if m.PTime != 0 {
		b = fmt.Appendf(b, "a=ptime:%d\r\n", m.PTime)
	}
	if m.MaxPTime != 0 {
		b = fmt.Appendf(b, "a=maxptime:%d\r\n", m.MaxPTime)
	}
	return fmt.Appendf(b, "a=%s\r\n", m.Direction)
}

// network is an address as c=, o= and a=rtcp have it.
func network(a netip.Addr) string {
	if a.Is4() {
		return "IN IP4 " + a.String()
	}
	return "IN IP6 " + a.String()
}
