package sdp

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"

	"conclave/media"
)

// The format of RFC 4733. Its events 0-15 are the keys, 16 is the hook flash: what is told
// to the far end is what may be sent to us.
const (
	eventName   = "telephone-event"
	eventParams = "0-16"
)

// comfortName is the format of RFC 3389, which is taken where it is offered and never offered: a far end that leaves out
// silence saves little, and its first syllables are at stake.
const comfortName = "CN"

// choice is the line of the far end's description that is taken.
type choice struct {
	line    int      // its index
	formats []Format // the codec's, then those of telephone-event and comfort noise where there are some
	remote  media.Remote
	crypto  Crypto // the line that is taken, if remote.Security is not nil
}

// choose takes the first line that can be taken; one that is encrypted before those that are not. Where theirs is an answer,
// ours is the offer.
func (l Local) choose(theirs, ours *Session) (choice, error) {
	var offered []string
	var first *Refusal
	var plain *choice
	for i := range theirs.Media {
		m := &theirs.Media[i]
		if !m.hasAudio() {
			name := m.Type
			if m.Port == 0 {
				name += " (port 0)"
			}
			offered = append(offered, name)
			continue
		}
		with := l
		if ours != nil {
			with = l.answering(&ours.Media[i])
		}
		c, refusal := with.take(m)
		c.line = i
		switch {
		case refusal != nil:
			first = cmp.Or(first, refusal)
		case c.remote.Security != nil:
			return c, nil
		case plain == nil:
			plain = &c
		}
	}
	if plain != nil {
		return *plain, nil
	}
	if first == nil {
		first = refuse(488, warnMediaType, "no audio: offered %s; this server takes audio", list(offered))
	}
	return choice{}, first
}

func (m *Media) hasAudio() bool { return strings.EqualFold(m.Type, "audio") && m.Port != 0 }

// take settles one audio line of the far end with what we have.
func (l Local) take(m *Media) (choice, *Refusal) {
	security, crypto, refusal := l.secure(m)
	if refusal != nil {
		return choice{}, refusal
	}
	theirs, codec, ok := l.codec(m)
	if !ok {
		return choice{}, refuse(488, warnMediaFormat, "no common codec: offered %s; this server takes %s", list(m.names()), list(l.names()))
	}
	if refusal := l.reach(m.Address); refusal != nil {
		return choice{}, refusal
	}
	c := choice{formats: []Format{l.format(theirs.ID, codec)}, crypto: crypto}
	c.remote = media.Remote{
		RTP:         netip.AddrPortFrom(m.Address, m.Port),
		RTCP:        m.rtcp(),
		Mux:         m.Mux,
		Codec:       codec,
		PayloadType: theirs.payloadType(),
		EventType:   -1,
		PTime:       m.packetTime(),
		Direction:   l.direction() & m.facing(),
		Security:    security,
	}
	if codec.PerOctet() == 0 {
		c.remote.PTime = 20 // payloads cannot be put together
	}
	c.remote.Discontinuous = theirs.param("usedtx") == "1"
	if event, ok := m.event(codec.ClockRate()); ok {
		c.formats = append(c.formats, event)
		c.remote.EventType = int(event.payloadType())
	}
	if comfort, ok := m.comfort(codec.ClockRate()); ok {
		c.formats = append(c.formats, comfort)
		c.remote.ComfortType = comfort.payloadType()
	}
	return c, nil
}

// reach refuses addresses that nothing can or may be sent to. No address is none of them:
// the far end may still be learnt from where its RTP comes from.
func (l Local) reach(a netip.Addr) *Refusal {
	switch ours := l.Address.Unmap(); {
	case !a.IsValid() || a.IsUnspecified():
		return nil
	case isForMany(a):
		return refuse(488, warnMulticast, "audio address %s is for many; this server takes the address of one phone", a)
	case a.Is4() != ours.Is4():
		return refuse(488, warnAddressFormat, "audio address %s cannot be reached from %s; this server takes one of the same kind here", a, ours)
	}
	return nil
}

func isForMany(a netip.Addr) bool {
	return a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// codec finds the far end's most preferred format that is one of ours.
func (l Local) codec(m *Media) (Format, media.Codec, bool) {
	for _, f := range m.Formats {
		for _, c := range l.Codecs {
			if f.is(c.Name(), c.ClockRate(), c.Channels()) {
				return f, c.At(f.playbackRate(c.SampleRate())), true
			}
		}
	}
	return Format{}, nil, false
}

// event finds the telephone-event that goes with a codec: it must count time at the same
// rate (RFC 4733 2.1), but phones with Opus offer several.
func (m *Media) event(rate int) (Format, bool) {
	for _, f := range m.Formats {
		if f.is(eventName, rate, 1) {
			return Format{ID: f.ID, Name: eventName, Rate: rate, Channels: 1, Params: eventParams}, true
		}
	}
	return Format{}, false
}

// comfort finds the comfort noise that goes with a codec: it counts time at the same rate (RFC 3389 4).
func (m *Media) comfort(rate int) (Format, bool) {
	for _, f := range m.Formats {
		if f.is(comfortName, rate, 1) {
			return Format{ID: f.ID, Name: comfortName, Rate: rate, Channels: 1}, true
		}
	}
	return Format{}, false
}

func (f Format) is(name string, rate, channels int) bool {
	if _, err := strconv.ParseUint(f.ID, 10, 7); err != nil {
		return false // not a payload type
	}
	return strings.EqualFold(f.Name, name) && f.Rate == rate && (f.Channels == 1 || f.Channels == channels)
}

// format describes a codec of ours.
func (l Local) format(id string, c media.Codec) Format {
	if l.SampleRate > 0 {
		c = c.At(min(l.SampleRate, c.SampleRate()))
	}
	return Format{ID: id, Name: c.Name(), Rate: c.ClockRate(), Channels: c.Channels(), Params: c.Params()}
}

// param is a parameter of a=fmtp such as usedtx in "useinbandfec=1; usedtx=1"; empty: it has none of that name.
func (f Format) param(name string) string {
	for p := range strings.SplitSeq(f.Params, ";") {
		if key, value, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// playbackRate is the highest rate in Hz that the far end can make use of (RFC 7587 6.1), no higher than most. One that says
// only what it sends at most is taken to play no more than that.
func (f Format) playbackRate(most int) int {
	for _, name := range [...]string{"maxplaybackrate", "sprop-maxcapturerate"} {
		if rate := number(f.param(name)); rate > 0 {
			return min(rate, most)
		}
	}
	return most
}

// payloadType is the number of a format for which is was true.
func (f Format) payloadType() uint8 {
	n, _ := strconv.ParseUint(f.ID, 10, 7)
	return uint8(n)
}

// names are those of the codecs, for a refusal: telephone-event is none.
func (m *Media) names() (names []string) {
	for _, f := range m.Formats {
		if !strings.EqualFold(f.Name, eventName) {
			names = append(names, cmp.Or(f.Name, f.ID))
		}
	}
	return names
}

func (l Local) names() (names []string) {
	for _, c := range l.Codecs {
		names = append(names, c.Name())
	}
	return names
}

// facing is the direction as we see it. Who gives no address to send to cannot receive
// (RFC 3264 8.4: c=0.0.0.0 is the older form of hold).
func (m *Media) facing() media.Direction {
	theirs := m.Direction
	if m.Address.IsUnspecified() {
		theirs &^= media.RecvOnly
	}
	var ours media.Direction
	if theirs.Sends() {
		ours |= media.RecvOnly
	}
	if theirs.Receives() {
		ours |= media.SendOnly
	}
	return ours
}

// rtcp is where RTCP goes: a=rtcp (RFC 3605), else the next port (RFC 3550 11). It is not
// valid where there is no such port. An address of its own counts only where RTP could be
// sent to it as well, and not in a hold, which stops RTCP too (RFC 3264 8.4).
func (m *Media) rtcp() netip.AddrPort {
	addr, port := m.Address, m.RTCP.Port()
	if a := m.RTCP.Addr(); a.BitLen() == addr.BitLen() && !addr.IsUnspecified() && !isForMany(a) {
		addr = a
	}
	if port == 0 {
		port = m.Port + 1
	}
	if port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, port)
}

// packetTime is the length of our packets in ms: what the far end would like (20 where it
// does not say, RFC 3551 4.2) and can take, brought down to a length that we make.
func (m *Media) packetTime() int {
	want := cmp.Or(m.PTime, 20)
	if m.MaxPTime != 0 {
		want = min(want, m.MaxPTime)
	}
	for _, ms := range [...]int{60, 40, 30, 20} {
		if want >= ms {
			return ms
		}
	}
	return 10
}
