package sdp

import (
	"net/netip"
	"strconv"
	"strings"

	"conclave/media"
)

// The limits of Parse. What is over them was not written by a telephone.
const (
	MaxBytes   = 64 << 10 // octets of a description
	MaxMedia   = 32       // m= lines
	MaxFormats = 64       // formats of one m= line
)

// Parse reads a session description. Lines end in CRLF, LF or CR, the last one may have no
// end. Only these are errors, each a *Refusal: no v=0 line, an m= line that cannot be
// answered because its port or transport is missing, and more than the limits (ErrLimit).
func Parse(b []byte) (*Session, error) {
	if len(b) > MaxBytes {
		return nil, overLimit("session description of %d octets; at most %d are taken", len(b), MaxBytes)
	}
	s := new(Session)
	version := "missing"
	defaults := Media{Direction: media.SendRecv}
	at := &defaults // where c= and a= lines go: the session level until the first m=
	for line := range strings.FieldsFuncSeq(string(b), isLineEnd) {
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch key {
		case "v":
			version = value
		case "o":
			s.Origin = value
		case "s":
			s.Name = value
		case "c":
			at.Address = lastAddress(strings.Fields(value))
		case "a":
			at.attribute(value)
		case "m":
			if len(s.Media) == MaxMedia {
				return nil, overLimit("more than %d media lines", MaxMedia)
			}
			m := defaults
			m.Crypto = nil // it is for one m= line (RFC 4568 5)
			if refusal := m.mediaLine(value); refusal != nil {
				return nil, refusal
			}
			s.Media = append(s.Media, m)
			at = &s.Media[len(s.Media)-1]
		}
	}
	if version != "0" {
		return nil, refuse(400, warnMiscellaneous, "session description version is %s; v=0 is right", clip(version))
	}
	s.Address = defaults.Address
	return s, nil
}

func isLineEnd(r rune) bool { return r == '\r' || r == '\n' }

// mediaLine reads "audio 49170/2 RTP/AVP 0 8". The number of ports is of no use here, and
// formats may be missing: there are phones that leave them out of a line with port 0.
func (m *Media) mediaLine(value string) *Refusal {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return refuse(400, warnMiscellaneous, "media line m=%s is cut short; media, port, transport and formats are right", clip(value))
	}
	port, _, _ := strings.Cut(fields[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return refuse(400, warnMiscellaneous, "media line m=%s has port %s; a number up to 65535 is right", clip(fields[0]), clip(port))
	}
	formats := fields[3:]
	if len(formats) > MaxFormats {
		return overLimit("media line m=%s has %d formats; at most %d are taken", clip(fields[0]), len(formats), MaxFormats)
	}
	m.Type, m.Port, m.Proto = fields[0], uint16(n), fields[2]
	m.Formats = make([]Format, len(formats))
	for i, id := range formats {
		m.Formats[i] = Format{ID: id}
		if strings.EqualFold(m.Type, "audio") {
			m.Formats[i] = staticFormat(id)
		}
	}
	return nil
}

func (m *Media) attribute(s string) {
	key, value, _ := strings.Cut(s, ":")
	value = strings.TrimSpace(value)
	switch strings.ToLower(key) {
	case "sendrecv":
		m.Direction = media.SendRecv
	case "sendonly":
		m.Direction = media.SendOnly
	case "recvonly":
		m.Direction = media.RecvOnly
	case "inactive":
		m.Direction = media.Inactive
	case "rtpmap":
		m.rtpmap(value)
	case "fmtp":
		id, params, _ := strings.Cut(value, " ")
		for i := range m.Formats {
			if m.Formats[i].ID == id {
				m.Formats[i].Params = strings.TrimSpace(params)
			}
		}
	case "ptime":
		m.PTime = number(value)
	case "maxptime":
		m.MaxPTime = number(value)
	case "rtcp":
		if fields := strings.Fields(value); len(fields) > 0 {
			port, _ := strconv.ParseUint(fields[0], 10, 16) // unreadable: 0, as if not given
			m.RTCP = netip.AddrPortFrom(lastAddress(fields[1:]), uint16(port))
		}
	case "rtcp-mux":
		m.Mux = true
	case "crypto":
		if len(m.Crypto) < maxCrypto {
			m.Crypto = append(m.Crypto, parseCrypto(value))
		}
	}
}

// rtpmap reads "101 telephone-event/8000/1". A mapping without a name or with a rate that
// is none is ignored, so that a static payload type keeps its meaning.
func (m *Media) rtpmap(value string) {
	id, encoding, _ := strings.Cut(value, " ")
	parts := strings.SplitN(encoding, "/", 3)
	name, rate, channels := strings.TrimSpace(parts[0]), 8000, 1
	if len(parts) > 1 {
		rate = number(parts[1])
	}
	if len(parts) > 2 {
		channels = max(1, number(parts[2]))
	}
	if name == "" || rate == 0 {
		return
	}
	for i := range m.Formats {
		if f := &m.Formats[i]; f.ID == id {
			f.Name, f.Rate, f.Channels = name, rate, channels
		}
	}
}

// lastAddress reads the address at the end of "IN IP4 224.2.1.1/127". It is not valid for
// a host name and for what is no address at all. IPv4 addresses in IPv6 form count as IPv4
// (RFC 5118 4.9), and a zone means nothing on another machine.
func lastAddress(fields []string) netip.Addr {
	if len(fields) == 0 {
		return netip.Addr{}
	}
	host, _, _ := strings.Cut(fields[len(fields)-1], "/")
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// number reads a small positive number; what is none counts as not given.
func number(s string) int {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	if err != nil {
		return 0
	}
	return int(n)
}

// staticFormat is what an audio format means without a=rtpmap (RFC 3551 6).
func staticFormat(id string) Format {
	if f, ok := static[id]; ok {
		f.ID = id
		return f
	}
	return Format{ID: id}
}

// static has the codecs that the server does not take as well, so that a refusal can call
// them by their names.
var static = map[string]Format{
	"0":  {Name: "PCMU", Rate: 8000, Channels: 1},
	"2":  {Name: "G726-32", Rate: 8000, Channels: 1}, // reserved by now, still sent
	"3":  {Name: "GSM", Rate: 8000, Channels: 1},
	"4":  {Name: "G723", Rate: 8000, Channels: 1},
	"5":  {Name: "DVI4", Rate: 8000, Channels: 1},
	"6":  {Name: "DVI4", Rate: 16000, Channels: 1},
	"7":  {Name: "LPC", Rate: 8000, Channels: 1},
	"8":  {Name: "PCMA", Rate: 8000, Channels: 1},
	"9":  {Name: "G722", Rate: 8000, Channels: 1}, // the clock is 8000 Hz, the audio 16 kHz
	"10": {Name: "L16", Rate: 44100, Channels: 2},
	"11": {Name: "L16", Rate: 44100, Channels: 1},
	"12": {Name: "QCELP", Rate: 8000, Channels: 1},
	"13": {Name: "CN", Rate: 8000, Channels: 1},
	"14": {Name: "MPA", Rate: 90000, Channels: 1},
	"15": {Name: "G728", Rate: 8000, Channels: 1},
	"16": {Name: "DVI4", Rate: 11025, Channels: 1},
	"17": {Name: "DVI4", Rate: 22050, Channels: 1},
	"18": {Name: "G729", Rate: 8000, Channels: 1},
}
