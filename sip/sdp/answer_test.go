package sdp_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"conclave/media"
	"conclave/sip/sdp"
)

var phone = netip.MustParseAddr("192.0.2.200") // where the signalling comes from

func local(address string) sdp.Local {
	return sdp.Local{
		Address: netip.MustParseAddr(address), Port: 10500,
		SessionID: 77, Version: 3,
		Codecs:    []media.Codec{media.PCMU(), media.PCMA()},
		Direction: media.SendRecv,
	}
}

func parse(t testing.TB, description string) *sdp.Session {
	t.Helper()
	s, err := sdp.Parse([]byte(description))
	if err != nil {
		t.Fatalf("parse: %v\n%s", err, description)
	}
	return s
}

func file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestAnswersWhatPhonesAndCarriersOffer(t *testing.T) {
	const ours = "192.0.2.1"
	for _, test := range []struct {
		offer, local string
		remote       media.Remote
		media        string // the answer from its first m= on
	}{
		{"offers/asterisk", ours, media.Remote{
			RTP: addrPort("198.51.100.7:14528"), RTCP: addrPort("198.51.100.7:14529"),
			Codec: media.PCMA(), PayloadType: 8, EventType: 101, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 8 101|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendrecv|"},
		{"offers/linphone", ours, media.Remote{
			RTP: addrPort("192.168.1.34:7078"), RTCP: addrPort("192.168.1.34:7079"),
			Codec: media.PCMU(), PayloadType: 0, EventType: 100, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 0 100|a=rtpmap:0 PCMU/8000|a=rtpmap:100 telephone-event/8000|a=fmtp:100 0-16|a=ptime:20|a=sendrecv|" +
			"m=video 0 RTP/AVP 96 97|"},
		{"offers/yealink", ours, media.Remote{
			RTP: addrPort("10.0.3.21:11780"), RTCP: addrPort("10.0.3.21:11781"),
			Codec: media.PCMU(), PayloadType: 0, EventType: 101, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 0 101|a=rtpmap:0 PCMU/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendrecv|"},
		{"offers/cisco", ours, media.Remote{
			RTP: addrPort("10.10.10.10:20096"), RTCP: addrPort("10.10.10.10:20097"),
			Codec: media.PCMA(), PayloadType: 8, EventType: 101, PTime: 30, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 8 101|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:30|a=sendrecv|"},
		{"offers/polycom", ours, media.Remote{
			RTP: addrPort("172.16.9.14:2228"), RTCP: addrPort("172.16.9.14:2229"),
			Codec: media.PCMU(), PayloadType: 0, EventType: 127, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 0 127|a=rtpmap:0 PCMU/8000|a=rtpmap:127 telephone-event/8000|a=fmtp:127 0-16|a=ptime:20|a=sendrecv|"},
		{"offers/freeswitch", ours, media.Remote{
			RTP: addrPort("203.0.113.6:27870"), RTCP: addrPort("203.0.113.6:27870"), Mux: true,
			Codec: media.PCMU(), PayloadType: 0, EventType: 101, ComfortType: 13, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 0 101 13|a=rtpmap:0 PCMU/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=rtpmap:13 CN/8000|a=rtcp-mux|a=ptime:20|a=sendrecv|"},
		{"offers/carrier-audio-and-t38", ours, media.Remote{
			RTP: addrPort("192.0.2.79:13960"), RTCP: addrPort("192.0.2.79:13961"),
			Codec: media.PCMA(), PayloadType: 8, EventType: 101, PTime: 20, Direction: media.SendRecv,
		}, "m=image 0 udptl t38|" +
			"m=audio 10500 RTP/AVP 8 101|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendrecv|"},
		// b= before c=, a codec under a dynamic number, ptime of the session over maxptime
		{"offers/sbc-bandwidth-first", ours, media.Remote{
			RTP: addrPort("198.51.100.72:35278"), RTCP: addrPort("198.51.100.73:35300"),
			Codec: media.PCMA(), PayloadType: 97, EventType: 96, PTime: 30, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 97 96|a=rtpmap:97 PCMA/8000|a=rtpmap:96 telephone-event/8000|a=fmtp:96 0-16|a=ptime:30|a=sendrecv|"},
		{"offers/srtp-and-rtp", ours, media.Remote{
			RTP: addrPort("10.1.2.3:5006"), RTCP: addrPort("10.1.2.3:5007"),
			Codec: media.PCMU(), PayloadType: 0, EventType: 101, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 0 RTP/SAVP 0 8 101|" +
			"m=audio 10500 RTP/AVP 0 101|a=rtpmap:0 PCMU/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendrecv|"},
		{"offers/ipv6-anat", ours, media.Remote{
			RTP: addrPort("192.0.2.20:6002"), RTCP: addrPort("192.0.2.20:6003"),
			Codec: media.PCMU(), PayloadType: 0, EventType: -1, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 0 RTP/AVP 8 0|m=audio 10500 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv|"},
		{"offers/ipv6-anat", "2001:db8::1", media.Remote{
			RTP: addrPort("[2001:db8::20]:6000"), RTCP: addrPort("[2001:db8::20]:6001"),
			Codec: media.PCMA(), PayloadType: 8, EventType: -1, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=ptime:20|a=sendrecv|m=audio 0 RTP/AVP 0 8|"},
		{"offers/bare-minimum", ours, media.Remote{
			RTP: addrPort("192.0.2.44:4000"), RTCP: addrPort("192.0.2.44:4001"),
			Codec: media.PCMA(), PayloadType: 8, EventType: -1, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=ptime:20|a=sendrecv|"},
		{"rfc5118/mult-ip-in-sdp", ours, media.Remote{
			RTP: addrPort("192.0.2.1:22334"), RTCP: addrPort("192.0.2.1:22335"),
			Codec: media.PCMU(), PayloadType: 0, EventType: -1, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv|m=video 0 RTP/AVP 107|"},
		{"rfc4475/wsinv", ours, media.Remote{
			RTP: addrPort("192.0.2.4:49217"), RTCP: addrPort("192.0.2.4:49218"),
			Codec: media.PCMU(), PayloadType: 0, EventType: -1, PTime: 20, Direction: media.SendRecv,
		}, "m=audio 10500 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv|m=video 0 RTP/AVP 31|"},
	} {
		t.Run(test.offer+" to "+test.local, func(t *testing.T) {
			offered := strings.ReplaceAll(file(t, test.offer), "\r", "")
			for _, end := range []string{"\n", "\r\n", "\r"} {
				offer := parse(t, strings.ReplaceAll(offered, "\n", end))
				answer, remote, err := sdp.Answer(offer, local(test.local), phone)
				if err != nil {
					t.Fatal(err)
				}
				want := test.remote
				want.Signalling = phone
				if !reflect.DeepEqual(remote, want) {
					t.Errorf("remote %+v, want %+v", remote, want)
				}
				network := "IN IP4 "
				if strings.Contains(test.local, ":") {
					network = "IN IP6 "
				}
				network += test.local
				wantAnswer := "v=0|o=- 77 3 " + network + "|s=-|c=" + network + "|t=0 0|" + test.media
				if got := strings.ReplaceAll(string(answer.Bytes()), "\r\n", "|"); got != wantAnswer {
					t.Errorf("answer\n%s, want\n%s", got, wantAnswer)
				}
			}
		})
	}
}

func TestTakesTheAudioOfEveryTortureMessage(t *testing.T) {
	names, err := filepath.Glob("testdata/rfc4475/*.sdp")
	if err != nil || len(names) == 0 {
		t.Fatal("no bodies found", err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "testdata/"), ".sdp")
		if name == "rfc4475/test" {
			continue // no media: see the refusals
		}
		t.Run(name, func(t *testing.T) {
			offer := parse(t, file(t, name))
			answer, remote, err := sdp.Answer(offer, local("192.0.2.1"), phone)
			if err != nil {
				t.Fatal(err)
			}
			if remote.Codec != media.PCMU() || remote.RTP.Port() != 49217 {
				t.Errorf("remote %+v, want PCMU at port 49217", remote)
			}
			if len(answer.Media) != len(offer.Media) {
				t.Errorf("%d media lines, want %d", len(answer.Media), len(offer.Media))
			}
		})
	}
}

func TestRefusesByName(t *testing.T) {
	for _, test := range []struct {
		name, offer     string
		status, warning int
		text            string
	}{
		{"G.726 only over IPv6", file(t, "rfc5118/ipv6-in-sdp"), 488, 305,
			"no common codec: offered G726-32; this server takes PCMU, PCMA"},
		{"IPv6 alone", "v=0\nc=IN IP6 2001:db8::20\nm=audio 4000 RTP/AVP 0", 488, 301,
			"audio address 2001:db8::20 cannot be reached from 192.0.2.1; this server takes one of the same kind here"},
		{"G.726 only", file(t, "rfc5118/ipv4-mapped-ipv6"), 488, 305,
			"no common codec: offered G726-32; this server takes PCMU, PCMA"},
		{"several foreign codecs", audio("m=audio 4000 RTP/AVP 2 3 101", "a=rtpmap:101 telephone-event/8000"), 488, 305,
			"no common codec: offered G726-32, GSM; this server takes PCMU, PCMA"},
		{"many foreign codecs", audio("m=audio 4000 RTP/AVP 2 3 4 5 6 7 9 12 13 15 18"), 488, 305,
			"no common codec: offered G726-32, GSM, G723, DVI4, LPC, G722 and 4 more; this server takes PCMU, PCMA"},
		{"a number that means nothing", audio("m=audio 4000 RTP/AVP 99"), 488, 305,
			"no common codec: offered 99; this server takes PCMU, PCMA"},
		{"no format at all", audio("m=audio 4000 RTP/AVP"), 488, 305,
			"no common codec: offered none; this server takes PCMU, PCMA"},
		{"PCMU of another rate", audio("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMU/16000"), 488, 305,
			"no common codec: offered PCMU; this server takes PCMU, PCMA"},
		{"PCMU in stereo", audio("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 PCMU/8000/2"), 488, 305,
			"no common codec: offered PCMU; this server takes PCMU, PCMA"},
		{"SRTP", audio("m=audio 4000 RTP/SAVP 0"), 488, 302,
			"no common transport: offered RTP/SAVP; this server takes RTP/AVP"},
		{"feedback profile", audio("m=audio 4000 RTP/AVPF 0"), 488, 302,
			"no common transport: offered RTP/AVPF; this server takes RTP/AVP"},
		{"browser", file(t, "offers/browser"), 488, 302,
			"no common transport: offered UDP/TLS/RTP/SAVPF; this server takes RTP/AVP"},
		{"fax re-offer", file(t, "offers/t38-reoffer"), 488, 304,
			"no audio: offered audio (port 0), image; this server takes audio"},
		{"fax alone", file(t, "offers/t38-only-reoffer"), 488, 304,
			"no audio: offered image; this server takes audio"},
		{"no media", file(t, "rfc4475/test"), 488, 304,
			"no audio: offered none; this server takes audio"},
		{"multicast", "v=0\nc=IN IP4 224.2.1.1/127/3\nm=audio 4000 RTP/AVP 0", 488, 330,
			"audio address 224.2.1.1 is for many; this server takes the address of one phone"},
		{"broadcast", "v=0\nc=IN IP4 255.255.255.255\nm=audio 4000 RTP/AVP 0", 488, 330,
			"audio address 255.255.255.255 is for many; this server takes the address of one phone"},
		{"the first of several", audio("m=audio 4000 RTP/AVP 18", "m=audio 4000 RTP/SAVP 0"), 488, 305,
			"no common codec: offered G729; this server takes PCMU, PCMA"},
		{"what would break a quoted string", audio("m=audio 4000 RTP/\"\\\x00ü 0"), 488, 302,
			"no common transport: offered RTP/????; this server takes RTP/AVP"},
		{"what would fill a header", audio("m=audio 4000 " + strings.Repeat("x", 5000) + " 0"), 488, 302,
			"no common transport: offered xxxxxxxxxxxxxxxxxxxxx...; this server takes RTP/AVP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := sdp.Answer(parse(t, test.offer), local("192.0.2.1"), phone)
			expectRefusal(t, err, test.status, test.warning, test.text)
		})
	}
}

// audio is an offer with these lines for its audio.
func audio(lines ...string) string { return "v=0\nc=IN IP4 192.0.2.9\n" + strings.Join(lines, "\n") }

func TestComfortNoiseIsTakenWhereItCountsTimeAsTheCodecDoes(t *testing.T) {
	for _, test := range []struct {
		name, offer string
		want        uint8
		formats     string
	}{
		{"not offered", audio("m=audio 4000 RTP/AVP 0"), 0, "RTP/AVP 0\r\n"},
		{"by its number alone", audio("m=audio 4000 RTP/AVP 13 8"), 13, "RTP/AVP 8 13\r\n"},
		{"under another number", audio("m=audio 4000 RTP/AVP 0 98", "a=rtpmap:98 cn/8000"), 98, "RTP/AVP 0 98\r\n"},
		{"of another rate", audio("m=audio 4000 RTP/AVP 0 105", "a=rtpmap:105 CN/16000"), 0, "RTP/AVP 0\r\n"},
		{"of two rates", audio("m=audio 4000 RTP/AVP 0 105 13", "a=rtpmap:105 CN/16000"), 13, "RTP/AVP 0 13\r\n"},
	} {
		answer, remote, err := sdp.Answer(parse(t, test.offer), local("192.0.2.1"), phone)
		if err != nil {
			t.Fatal(err)
		}
		if remote.ComfortType != test.want || !strings.Contains(string(answer.Bytes()), test.formats) {
			t.Errorf("%s: comfort noise is %d, want %d, answered by\n%s", test.name, remote.ComfortType, test.want, answer.Bytes())
		}
	}
	if _, _, err := sdp.Answer(parse(t, audio("m=audio 4000 RTP/AVP 13")), local("192.0.2.1"), phone); err == nil {
		t.Error("comfort noise alone is taken for a codec")
	}
	if offer := sdp.Offer(local("192.0.2.1")); strings.Contains(string(offer.Bytes()), "CN") {
		t.Errorf("it is offered:\n%s", offer.Bytes())
	}
}

func expectRefusal(t *testing.T, err error, status, warning int, text string) {
	t.Helper()
	var refusal *sdp.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("error %v, want a refusal", err)
	}
	if refusal.Status != status || refusal.Warning != warning || refusal.Text != text {
		t.Errorf("%d %d %q, want %d %d %q", refusal.Status, refusal.Warning, refusal.Text, status, warning, text)
	}
}

func TestHoldAndResume(t *testing.T) {
	const shown = "192.0.2.9"
	for _, test := range []struct {
		address, session, line string // c= and the direction attribute at both levels
		willing                media.Direction
		want                   media.Direction
	}{
		{shown, "", "", media.SendRecv, media.SendRecv},
		{shown, "", "a=sendrecv", media.SendRecv, media.SendRecv},
		{shown, "", "a=sendonly", media.SendRecv, media.RecvOnly},
		{shown, "", "a=recvonly", media.SendRecv, media.SendOnly},
		{shown, "", "a=inactive", media.SendRecv, media.Inactive},
		{shown, "a=sendonly", "", media.SendRecv, media.RecvOnly},
		{shown, "a=inactive", "a=sendrecv", media.SendRecv, media.SendRecv},
		{"0.0.0.0", "", "", media.SendRecv, media.RecvOnly},
		{"0.0.0.0", "", "a=sendonly", media.SendRecv, media.RecvOnly},
		{"0.0.0.0", "", "a=recvonly", media.SendRecv, media.Inactive},
		{"0.0.0.0", "", "a=inactive", media.SendRecv, media.Inactive},
		{"::", "", "a=sendrecv", media.SendRecv, media.RecvOnly},
		{shown, "", "a=sendrecv", media.SendOnly, media.SendOnly},
		{shown, "", "a=sendonly", media.SendOnly, media.Inactive},
		{shown, "", "a=recvonly", media.RecvOnly, media.Inactive},
		{shown, "", "a=sendrecv", media.Inactive, media.Inactive},
	} {
		t.Run(strings.Join([]string{test.address, test.session, test.line, test.willing.String()}, " "), func(t *testing.T) {
			offer := parse(t, "v=0\nc=IN IP4 "+test.address+"\n"+test.session+"\nm=audio 4000 RTP/AVP 0\na=rtcp:4005 IN IP4 192.0.2.10\n"+test.line)
			ours := local("192.0.2.1")
			ours.Direction = test.willing
			answer, remote, err := sdp.Answer(offer, ours, phone)
			if err != nil {
				t.Fatal(err)
			}
			if remote.Direction != test.want || answer.Media[0].Direction != test.want {
				t.Errorf("direction %s, answered %s, want %s", remote.Direction, answer.Media[0].Direction, test.want)
			}
			if want := netip.MustParseAddr(test.address); remote.RTP.Addr() != want {
				t.Errorf("RTP to %s, want %s", remote.RTP.Addr(), want)
			}
			if held := test.address != shown; remote.RTCP.Addr().IsUnspecified() != held {
				t.Errorf("RTCP to %s in a hold by address: %t", remote.RTCP, held)
			}
		})
	}
}

func TestChoosesThePacketTime(t *testing.T) {
	for _, test := range []struct {
		attributes string
		want       int
	}{
		{"", 20},
		{"a=ptime:10", 10},
		{"a=ptime: 20 ", 20},
		{"a=ptime:30", 30},
		{"a=ptime:40", 40},
		{"a=ptime:60", 60},
		{"a=ptime:25", 20},
		{"a=ptime:50", 40},
		{"a=ptime:200", 60},
		{"a=ptime:5", 10},
		{"a=ptime:0", 20},
		{"a=ptime:-20", 20},
		{"a=ptime:twenty", 20},
		{"a=ptime:99999999999999999999", 20},
		{"a=maxptime:10", 10},
		{"a=maxptime:150", 20},
		{"a=ptime:60\na=maxptime:30", 30},
		{"a=ptime:20\na=maxptime:0", 20},
	} {
		t.Run(test.attributes, func(t *testing.T) {
			offer := parse(t, "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\n"+test.attributes)
			answer, remote, err := sdp.Answer(offer, local("192.0.2.1"), phone)
			if err != nil {
				t.Fatal(err)
			}
			if remote.PTime != test.want || answer.Media[0].PTime != test.want {
				t.Errorf("ptime %d, answered %d, want %d", remote.PTime, answer.Media[0].PTime, test.want)
			}
		})
	}
}

func TestFindsWhereToSend(t *testing.T) {
	none := netip.AddrPort{}
	for _, test := range []struct {
		name, local, session, line string // lines above and below m=
		rtp, rtcp                  netip.AddrPort
	}{
		{"line over session", "192.0.2.1", "c=IN IP4 192.0.2.8", "c=IN IP4 192.0.2.9", addrPort("192.0.2.9:65534"), addrPort("192.0.2.9:65535")},
		{"IPv6", "2001:db8::1", "c=IN IP6 2001:db8::9", "", addrPort("[2001:db8::9]:65534"), addrPort("[2001:db8::9]:65535")},
		{"IPv6 in brackets", "2001:db8::1", "c=IN IP6 [2001:db8::9]", "", addrPort("[2001:db8::9]:65534"), addrPort("[2001:db8::9]:65535")},
		{"IPv6 with zone", "fe80::1", "c=IN IP6 fe80::9%eth0", "", addrPort("[fe80::9]:65534"), addrPort("[fe80::9]:65535")},
		{"IPv4 in IPv6 form", "::ffff:192.0.2.1", "c=IN IP6 ::ffff:192.0.2.9", "", addrPort("192.0.2.9:65534"), addrPort("192.0.2.9:65535")},
		{"RTCP port", "192.0.2.1", "c=IN IP4 192.0.2.8", "a=rtcp:5005", addrPort("192.0.2.8:65534"), addrPort("192.0.2.8:5005")},
		{"RTCP address", "192.0.2.1", "c=IN IP4 192.0.2.8", "a=rtcp:5005 IN IP4 192.0.2.7", addrPort("192.0.2.8:65534"), addrPort("192.0.2.7:5005")},
		{"RTCP host", "192.0.2.1", "c=IN IP4 192.0.2.8", "a=rtcp:5005 IN IP4 a.example", addrPort("192.0.2.8:65534"), addrPort("192.0.2.8:5005")},
		{"RTCP multicast", "192.0.2.1", "c=IN IP4 192.0.2.8", "a=rtcp:5005 IN IP4 224.0.0.1", addrPort("192.0.2.8:65534"), addrPort("192.0.2.8:5005")},
		{"RTCP of the other family", "192.0.2.1", "c=IN IP4 192.0.2.8", "a=rtcp:5005 IN IP6 2001:db8::9", addrPort("192.0.2.8:65534"), addrPort("192.0.2.8:5005")},
		{"RTCP unreadable", "192.0.2.1", "c=IN IP4 192.0.2.8", "a=rtcp:x\na=rtcp:", addrPort("192.0.2.8:65534"), addrPort("192.0.2.8:65535")},
		{"host name", "192.0.2.1", "c=IN IP4 192.0.2.8", "c=IN IP4 phone.example", netip.AddrPortFrom(netip.Addr{}, 65534), netip.AddrPortFrom(netip.Addr{}, 65535)},
		{"no address", "192.0.2.1", "", "c=", netip.AddrPortFrom(netip.Addr{}, 65534), netip.AddrPortFrom(netip.Addr{}, 65535)},
	} {
		t.Run(test.name, func(t *testing.T) {
			offer := parse(t, "v=0\n"+test.session+"\nm=audio 65534 RTP/AVP 0\n"+test.line)
			if got := offer.AudioAddress(); got != test.rtp.Addr() {
				t.Errorf("audio address %s, want %s", got, test.rtp.Addr())
			}
			_, remote, err := sdp.Answer(offer, local(test.local), netip.MustParseAddr("::ffff:192.0.2.200"))
			if err != nil {
				t.Fatal(err)
			}
			if remote.RTP != test.rtp || remote.RTCP != test.rtcp {
				t.Errorf("RTP to %s, RTCP to %s, want %s and %s", remote.RTP, remote.RTCP, test.rtp, test.rtcp)
			}
			if remote.Signalling != phone {
				t.Errorf("signalling %s, want %s", remote.Signalling, phone)
			}
		})
	}
	t.Run("no port for RTCP", func(t *testing.T) {
		_, remote, err := sdp.Answer(parse(t, "v=0\nc=IN IP4 192.0.2.8\nm=audio 65535 RTP/AVP 0"), local("192.0.2.1"), phone)
		if err != nil || remote.RTCP != none {
			t.Errorf("RTCP to %s, %v, want none", remote.RTCP, err)
		}
	})
}

func TestAnswersWithTheCallersFirstCodec(t *testing.T) {
	const (
		g722 = "a=rtpmap:9 G722/8000"
		pcmu = "a=rtpmap:0 PCMU/8000"
		pcma = "a=rtpmap:8 PCMA/8000"
	)
	for _, test := range []struct {
		name, formats, attributes string
		codec                     media.Codec
		want                      string // of the answer
	}{
		{"wide band first", "9 8 0", "", media.G722(), g722},
		{"wide band last", "8 0 9", "", media.PCMA(), pcma},
		{"wide band alone", "9", "", media.G722(), g722},
		{"wide band under another number", "97 0", "a=rtpmap:97 g722/8000/1", media.G722(), "a=rtpmap:97 G722/8000"},
		{"G.722 with the clock that it does not have", "97 0", "a=rtpmap:97 G722/16000", media.PCMU(), pcmu},
		{"G.722 at 48 kbit/s under its own name", "97 0", "a=rtpmap:97 G722-48/8000", media.PCMU(), pcmu},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours := local("192.0.2.1")
			ours.Codecs = media.Codecs()
			offer := parse(t, "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP "+test.formats+" 101\n"+test.attributes+"\na=rtpmap:101 telephone-event/8000")
			answer, remote, err := sdp.Answer(offer, ours, phone)
			if err != nil {
				t.Fatal(err)
			}
			if remote.Codec != test.codec || remote.EventType != 101 || !strings.Contains(string(answer.Bytes()), test.want+"\r\n") {
				t.Errorf("%s, event %d, answer\n%s", remote.Codec.Name(), remote.EventType, answer.Bytes())
			}
		})
	}
}

func TestReadsPayloadTypes(t *testing.T) {
	for _, test := range []struct {
		name, formats, attributes string
		codec                     media.Codec
		payloadType               uint8
		event                     int
	}{
		{"static without rtpmap", "8 0", "", media.PCMA(), 8, -1},
		{"first that we have", "18 3 0 8", "", media.PCMU(), 0, -1},
		{"dynamic", "98 97", "a=rtpmap:97 PCMU/8000\na=rtpmap:98 pcma/8000", media.PCMA(), 98, -1},
		{"rtpmap without a rate", "98", "a=rtpmap:98 PCMU", media.PCMU(), 98, -1},
		{"rtpmap with one channel", "98", "a=rtpmap:98 PCMU/8000/1", media.PCMU(), 98, -1},
		{"broken rtpmap of a static type", "8 101", "a=rtpmap:8 \na=rtpmap:8\na=rtpmap:8 PCMA/x\na=rtpmap:101 ", media.PCMA(), 8, -1},
		{"static type under another name", "0", "a=rtpmap:0 PCMA/8000", media.PCMA(), 0, -1},
		{"words and numbers too large", "t38 128 -1 +8 8", "a=rtpmap:128 PCMU/8000\na=rtpmap:t38 PCMU/8000", media.PCMA(), 8, -1},
		{"event not in the format list", "0", "a=rtpmap:101 telephone-event/8000", media.PCMU(), 0, -1},
		{"event of another rate only", "0 101", "a=rtpmap:101 telephone-event/48000", media.PCMU(), 0, -1},
		{"event of the codec's rate", "0 101 96", "a=rtpmap:101 telephone-event/48000\na=rtpmap:96 Telephone-Event/8000", media.PCMU(), 0, 96},
		{"event first", "101 0", "a=rtpmap:101 telephone-event/8000", media.PCMU(), 0, 101},
		{"the first of two events", "0 101 126", "a=rtpmap:101 telephone-event/8000\na=rtpmap:126 telephone-event/8000", media.PCMU(), 0, 101},
	} {
		t.Run(test.name, func(t *testing.T) {
			offer := parse(t, "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 rtp/avp "+test.formats+"\n"+test.attributes)
			_, remote, err := sdp.Answer(offer, local("192.0.2.1"), phone)
			if err != nil {
				t.Fatal(err)
			}
			if remote.Codec != test.codec || remote.PayloadType != test.payloadType || remote.EventType != test.event {
				t.Errorf("%s as %d, event %d, want %s as %d, event %d", remote.Codec.Name(), remote.PayloadType,
					remote.EventType, test.codec.Name(), test.payloadType, test.event)
			}
		})
	}
}
