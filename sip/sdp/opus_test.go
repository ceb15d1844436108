//go:build opus

package sdp_test

import (
	"strings"
	"testing"

	"conclave/media"
	"conclave/sip/sdp"
)

func TestAnswersOpus(t *testing.T) {
	opus, _ := media.Opus()
	const (
		event8, event48 = "a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/48000"
		mapped          = "a=rtpmap:96 opus/48000/2"
	)
	for _, test := range []struct {
		name, formats, attributes string
		codec                     media.Codec
		event                     int
		discontinuous             bool
	}{
		{"first of three", "96 9 0 101 102", mapped + "\n" + event8 + "\n" + event48, opus, 102, false},
		{"after G.722", "9 96 0 101", mapped + "\n" + event8, media.G722(), 101, false},
		{"last of three", "0 9 96 101", mapped + "\n" + event8, media.PCMU(), 101, false},
		{"alone", "96", mapped, opus, -1, false},
		{"with all that it may say", "96", mapped + "\na=fmtp:96 maxplaybackrate=48000; sprop-stereo=1; stereo=1;useinbandfec=1; usedtx=1; cbr=0", opus, -1, true},
		{"of a far end that plays the telephone band", "96", mapped + "\na=fmtp:96 maxplaybackrate=8000;usedtx=0", opus.At(8000), -1, false},
		{"with parameters that are none", "96", mapped + "\na=fmtp:96 maxplaybackrate=x;;=;usedtx", opus, -1, false},
		{"with one channel, as some say", "96", "a=rtpmap:96 OPUS/48000", opus, -1, false},
		{"with six channels", "96 0", "a=rtpmap:96 opus/48000/6", media.PCMU(), -1, false},
		{"with another clock", "96 8", "a=rtpmap:96 opus/16000/2", media.PCMA(), -1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours := local("192.0.2.1")
			ours.Codecs = media.Codecs()
			offer := parse(t, "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP "+test.formats+"\na=ptime:60\n"+test.attributes)
			answer, remote, err := sdp.Answer(offer, ours, phone)
			if err != nil {
				t.Fatal(err)
			}
			if remote.Codec != test.codec || remote.EventType != test.event || remote.Discontinuous != test.discontinuous {
				t.Errorf("%s at %d Hz, event %d, discontinuous %t", remote.Codec.Name(), remote.Codec.SampleRate(), remote.EventType, remote.Discontinuous)
			}
			text := string(answer.Bytes())
			if remote.Codec.Name() == "opus" && (remote.PTime != 20 || !strings.Contains(text, "a=rtpmap:96 opus/48000/2\r\n") ||
				!strings.Contains(text, "a=fmtp:96 maxplaybackrate=16000;") || !strings.Contains(text, "useinbandfec=1")) {
				t.Errorf("packets of %d ms, answer\n%s", remote.PTime, text)
			}
		})
	}
}

func TestOffersOpusWithItsKeys(t *testing.T) {
	ours := local("192.0.2.1")
	ours.Codecs = media.Codecs()
	text := string(sdp.Offer(ours).Bytes())
	for _, line := range []string{"m=audio 10500 RTP/AVP 107 9 0 8 101 102", "a=rtpmap:107 opus/48000/2", "a=rtpmap:102 telephone-event/48000"} {
		if !strings.Contains(text, line+"\r\n") {
			t.Errorf("offer without %s:\n%s", line, text)
		}
	}
}
