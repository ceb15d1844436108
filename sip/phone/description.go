package phone

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Description is the part of a session description that a phone understands:
// its first audio stream.
type Description struct {
	Text         string         // all of it
	Address      netip.AddrPort // RTP; invalid if the port is 0
	RTCP         netip.AddrPort // a=rtcp, else the port above RTP's
	PayloadTypes []uint8        // as in the m-line
	Codecs       map[uint8]Codec
	EventType    int // of telephone-event/8000, NoEvents if there is none
	PTime        int // ms, 0 if not given
	Direction    string
	Mux          bool
	Proto        string   // RTP/AVP, RTP/SAVP …
	Crypto       []Crypto // those that the phone can use
}

// ParseDescription reads what the far end describes.
func ParseDescription(body []byte) (Description, error) {
	d := Description{Text: string(body), EventType: NoEvents, Direction: "sendrecv", Codecs: map[uint8]Codec{}}
	var addr netip.Addr
	var port, rtcp uint64
	audio, other := false, false
	for line := range strings.Lines(d.Text) {
		line = strings.TrimRight(line, "\r\n")
		kind, value, _ := strings.Cut(line, "=")
		fields := strings.Fields(value)
		switch {
		case kind == "m":
			other = audio || len(fields) < 4 || fields[0] != "audio"
			if other {
				continue
			}
			audio = true
			d.Proto = fields[2]
			var err error
			if port, err = strconv.ParseUint(fields[1], 10, 16); err != nil {
				return d, fmt.Errorf("port in %q: %w", line, err)
			}
			for _, f := range fields[3:] {
				pt, err := strconv.ParseUint(f, 10, 7)
				if err != nil {
					return d, fmt.Errorf("payload type in %q: %w", line, err)
				}
				d.PayloadTypes = append(d.PayloadTypes, uint8(pt))
				if c := Codec(pt); pt < firstDynamic && mappings[c] != "" {
					d.Codecs[uint8(pt)] = c
				}
			}
		case other:
		case kind == "c" && len(fields) == 3:
			var err error
			if addr, err = netip.ParseAddr(fields[2]); err != nil {
				return d, fmt.Errorf("address in %q: %w", line, err)
			}
		case kind == "a":
			name, rest, _ := strings.Cut(value, ":")
			switch name {
			case "sendrecv", "sendonly", "recvonly", "inactive":
				d.Direction = name
			case "ptime":
				d.PTime, _ = strconv.Atoi(strings.TrimSpace(rest))
			case "rtcp":
				rtcp, _ = strconv.ParseUint(strings.Fields(rest + " ")[0], 10, 16)
			case "rtcp-mux":
				d.Mux = true
			case "crypto":
				if c, ok := parseCrypto(rest); ok {
					d.Crypto = append(d.Crypto, c)
				}
			case "rtpmap":
				d.rtpmap(rest)
			}
		}
	}
	if !audio {
		return d, fmt.Errorf("no audio in description %q", d.Text)
	}
	if port != 0 {
		d.Address = netip.AddrPortFrom(addr, uint16(port))
		if rtcp == 0 {
			rtcp = port + 1
		}
		d.RTCP = netip.AddrPortFrom(addr, uint16(rtcp))
	}
	return d, nil
}

// firstDynamic is the first payload type that has no meaning of its own (RFC 3551 6).
const firstDynamic = 96

func (d *Description) rtpmap(value string) {
	number, name, _ := strings.Cut(value, " ")
	pt, err := strconv.ParseUint(number, 10, 7)
	if err != nil {
		return
	}
	name = strings.TrimSpace(name)
	if c, ok := codecOf(name); ok {
		d.Codecs[uint8(pt)] = c
	}
	if strings.EqualFold(strings.TrimSuffix(name, "/1"), "telephone-event/8000") {
		d.EventType = int(pt)
	}
}

// codec returns the far end's first coding, and its payload type.
func (d Description) codec() (Codec, uint8, bool) {
	for _, pt := range d.PayloadTypes {
		if c, ok := d.Codecs[pt]; ok {
			return c, pt, true
		}
	}
	return 0, 0, false
}

// description is what we offer or answer.
type description struct {
	options   Options
	address   netip.AddrPort
	session   uint16 // identifies the session in o=
	version   int
	direction string // empty: not said
	zero      bool   // hold by c=0.0.0.0
	crypto    Crypto // ours; the zero value: none
	proto     string
}

func newDescription(o Options, media netip.AddrPort) description {
	d := description{options: o, address: media, session: media.Port(), version: 1, direction: o.Direction, proto: "RTP/AVP"}
	if o.SRTP != "" {
		d.crypto, d.proto = newCrypto(o.SRTP), "RTP/SAVP"
	}
	return d
}

func (d *description) change(c Change) {
	d.version++
	if c.Rekey {
		d.crypto = newCrypto(d.options.SRTP)
	}
	if len(c.Codecs) > 0 {
		d.options.Codecs = c.Codecs
	}
	d.direction, d.zero = c.Direction, c.ZeroHold
	if d.direction == "" && !c.ZeroHold {
		d.direction = "sendrecv"
	}
}

// follow makes the description answer the far end's offer (RFC 3264 6.1).
func (d *description) follow(offer Description) {
	d.version++
	d.zero = false
	switch offer.Direction {
	case "sendonly":
		d.direction = "recvonly"
	case "recvonly":
		d.direction = "sendonly"
	default:
		d.direction = offer.Direction
	}
	if offer.EventType == NoEvents {
		d.options.EventType = NoEvents
	} else if d.options.EventType != NoEvents {
		d.options.EventType = offer.EventType
	}
	if i := slices.IndexFunc(offer.Crypto, func(c Crypto) bool { return c.Suite == d.crypto.Suite }); i >= 0 {
		d.crypto.Tag, d.proto = offer.Crypto[i].Tag, offer.Proto
	} else {
		d.crypto, d.proto = Crypto{}, "RTP/AVP"
	}
	if c, pt, ok := offer.codec(); ok {
		d.options.Codecs = []Codec{c}
		d.options.PayloadTypes = map[Codec]uint8{c: pt}
	}
}

// sends tells whether we may send RTP.
func (d description) sends() bool {
	return d.direction == "" || d.direction == "sendrecv" || d.direction == "sendonly"
}

func (d description) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	family := "IP4"
	if d.address.Addr().Is6() {
		family = "IP6"
	}
	connection := d.address.Addr().String()
	if d.zero {
		connection = "0.0.0.0"
	}
	line("v=0")
	line("o=phone %d %d IN %s %s", d.session, d.version, family, d.address.Addr())
	line("s=-")
	line("c=IN %s %s", family, connection)
	line("t=0 0")
	var types []string
	for _, c := range d.options.Codecs {
		types = append(types, strconv.Itoa(int(d.options.payloadType(c))))
	}
	if d.options.EventType != NoEvents {
		types = append(types, strconv.Itoa(d.options.EventType))
	}
	line("m=audio %d %s %s", d.address.Port(), d.proto, strings.Join(types, " "))
	if d.crypto.Suite != "" {
		line("%s", d.crypto)
	}
	for _, c := range d.options.Codecs {
		line("a=rtpmap:%d %s", d.options.payloadType(c), mappings[c])
	}
	if d.options.EventType != NoEvents {
		line("a=rtpmap:%d telephone-event/8000", d.options.EventType)
		line("a=fmtp:%d 0-16", d.options.EventType)
	}
	line("a=ptime:%d", d.options.PTime)
	if d.options.Mux {
		line("a=rtcp-mux")
	}
	if d.direction != "" {
		line("a=%s", d.direction)
	}
	return b.String()
}
