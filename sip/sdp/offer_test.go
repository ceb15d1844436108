package sdp_test

import (
	"reflect"
	"strings"
	"testing"

	"conclave/media"
	"conclave/sip/sdp"
)

func TestOffersAllCodecs(t *testing.T) {
	for _, test := range []struct {
		name    string
		address string
		hold    bool
		want    string
	}{
		{"IPv4", "192.0.2.1", false, "v=0|o=- 77 3 IN IP4 192.0.2.1|s=-|c=IN IP4 192.0.2.1|t=0 0|m=audio 10500 RTP/AVP 0 8 101|" +
			"a=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendrecv|"},
		{"IPv6", "2001:db8::1", false, "v=0|o=- 77 3 IN IP6 2001:db8::1|s=-|c=IN IP6 2001:db8::1|t=0 0|m=audio 10500 RTP/AVP 0 8 101|" +
			"a=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendrecv|"},
		{"hold", "192.0.2.1", true, "v=0|o=- 77 3 IN IP4 192.0.2.1|s=-|c=IN IP4 192.0.2.1|t=0 0|m=audio 10500 RTP/AVP 0 8 101|" +
			"a=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendonly|"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours := local(test.address)
			ours.Hold = test.hold
			if got := strings.ReplaceAll(string(sdp.Offer(ours).Bytes()), "\r\n", "|"); got != test.want {
				t.Errorf("offer\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestBothSidesOfARoundTripAgree(t *testing.T) {
	for _, caller := range []string{"192.0.2.30", "2001:db8::30"} {
		server := "192.0.2.1"
		if strings.Contains(caller, ":") {
			server = "2001:db8::1"
		}
		theirs, ours := local(caller), local(server)
		theirs.Port = 4000
		theirs.Codecs = []media.Codec{media.PCMA()}
		offer := parse(t, string(sdp.Offer(theirs).Bytes()))
		answer, remote, err := sdp.Answer(offer, ours, phone)
		if err != nil {
			t.Fatal(err)
		}
		far, err := sdp.Accept(offer, parse(t, string(answer.Bytes())), theirs, phone)
		if err != nil {
			t.Fatal(err)
		}
		if far.RTP.Addr() != ours.Address || far.RTP.Port() != ours.Port || remote.RTP.Addr() != theirs.Address || remote.RTP.Port() != theirs.Port {
			t.Errorf("sending to %s and %s", far.RTP, remote.RTP)
		}
		far.RTP, far.RTCP = remote.RTP, remote.RTCP
		if !reflect.DeepEqual(far, remote) {
			t.Errorf("the caller has %+v, the server %+v", far, remote)
		}
	}
}

func TestAcceptsAnswers(t *testing.T) {
	for _, test := range []struct {
		name, answer string // from its first m= on
		muxOffered   bool
		codec        media.Codec
		event        int
		mux          bool
		direction    media.Direction
	}{
		{"one codec", "m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000", false, media.PCMA(), 101, false, media.SendRecv},
		{"several codecs", "m=audio 4000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000", false, media.PCMA(), 101, false, media.SendRecv},
		{"no rtpmap at all", "m=audio 4000 RTP/AVP 0 101", false, media.PCMU(), 101, false, media.SendRecv},
		{"no telephone-event", "m=audio 4000 RTP/AVP 0", false, media.PCMU(), -1, false, media.SendRecv},
		{"telephone-event under a number of its own", "m=audio 4000 RTP/AVP 0 97\na=rtpmap:97 telephone-event/8000", false, media.PCMU(), 101, false, media.SendRecv},
		{"rtcp-mux not offered", "m=audio 4000 RTP/AVP 0\na=rtcp-mux", false, media.PCMU(), -1, false, media.SendRecv},
		{"rtcp-mux offered", "m=audio 4000 RTP/AVP 0\na=rtcp-mux", true, media.PCMU(), -1, true, media.SendRecv},
		{"held", "m=audio 4000 RTP/AVP 0\na=recvonly", false, media.PCMU(), -1, false, media.SendOnly},
		{"a line too many", "m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 31", false, media.PCMU(), -1, false, media.SendRecv},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours := local("192.0.2.1")
			offer := sdp.Offer(ours)
			offer.Media[0].Mux = test.muxOffered
			remote, err := sdp.Accept(offer, parse(t, "v=0\nc=IN IP4 192.0.2.9\n"+test.answer), ours, phone)
			if err != nil {
				t.Fatal(err)
			}
			want := media.Remote{
				RTP: addrPort("192.0.2.9:4000"), RTCP: addrPort("192.0.2.9:4001"), Mux: test.mux, Signalling: phone,
				Codec: test.codec, PayloadType: test.codec.PayloadType(), EventType: test.event,
				PTime: 20, Direction: test.direction,
			}
			if !reflect.DeepEqual(remote, want) {
				t.Errorf("remote %+v, want %+v", remote, want)
			}
		})
	}
}

func TestRefusesAnswersWithoutOurAudio(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		warning      int
		text         string
	}{
		{"audio refused", "m=audio 0 RTP/AVP 0", 304, "no audio: offered audio (port 0); this server takes audio"},
		{"no media", "", 304, "no audio: offered none; this server takes audio"},
		{"audio in another line", "m=video 0 RTP/AVP 31\nm=audio 4000 RTP/AVP 0", 304, "no audio: offered video (port 0); this server takes audio"},
		{"another codec", "m=audio 4000 RTP/AVP 18", 305, "no common codec: offered G729; this server takes PCMU, PCMA"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours := local("192.0.2.1")
			_, err := sdp.Accept(sdp.Offer(ours), parse(t, "v=0\nc=IN IP4 192.0.2.9\n"+test.answer), ours, phone)
			expectRefusal(t, err, 488, test.warning, test.text)
		})
	}
}
