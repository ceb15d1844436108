package phone

import (
	"net/netip"
	"strings"
	"testing"
)

func TestDescriptionOfTheFarEnd(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	d, err := ParseDescription([]byte(head + "m=audio 4000 RTP/AVP 97 0 100\r\na=rtpmap:97 pcma/8000/1\r\na=rtpmap:100 telephone-event/8000\r\n" +
		"a=ptime:30\r\na=recvonly\r\na=rtcp-mux\r\nm=video 0 RTP/AVP 31\r\na=sendonly\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	codec, pt, ok := d.codec()
	if d.Address.String() != "192.0.2.1:4000" || d.RTCP.Port() != 4001 || d.PTime != 30 || d.Direction != "recvonly" ||
		!d.Mux || d.EventType != 100 || codec != PCMA || pt != 97 || !ok {
		t.Errorf("%+v", d)
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"no audio":         head + "m=video 4000 RTP/AVP 31\r\n",
		"port of letters":  head + "m=audio x RTP/AVP 0\r\n",
		"a host name":      strings.Replace(head, "c=IN IP4 192.0.2.1", "c=IN IP4 example.com", 1) + "m=audio 4000 RTP/AVP 0\r\n",
		"a bad media type": head + "m=audio 4000 RTP/AVP 200\r\n",
	} {
		if d, err := ParseDescription([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestOwnDescriptionReadsBack(t *testing.T) {
	o := Options{Codecs: []Codec{PCMA, PCMU}, PayloadTypes: map[Codec]uint8{PCMU: 96}, EventType: 99, PTime: 60, Mux: true, Direction: "sendonly"}
	text := newDescription(o, netip.MustParseAddrPort("[2001:db8::1]:5000")).String()
	d, err := ParseDescription([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	codec, pt, _ := d.codec()
	if d.Address != netip.MustParseAddrPort("[2001:db8::1]:5000") || codec != PCMA || pt != 8 || d.Codecs[96] != PCMU || d.EventType != 99 || d.PTime != 60 || !d.Mux || d.Direction != "sendonly" {
		t.Errorf("%q reads as %+v", text, d)
	}
}
