//go:build opus

package sdp_test

import (
	"fmt"
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
		{"of a far end that plays the wide band", "96", mapped + "\na=fmtp:96 maxplaybackrate=16000; sprop-maxcapturerate=48000", opus.At(16000), -1, false},
		{"of a far end that plays a rate between two of ours", "96", mapped + "\na=fmtp:96 maxplaybackrate=24000", opus.At(16000), -1, false},
		{"of a far end that says what it sends alone", "96", mapped + "\na=fmtp:96 sprop-maxcapturerate=16000", opus.At(16000), -1, false},
		{"of a far end that plays more than it sends", "96", mapped + "\na=fmtp:96 maxplaybackrate=48000;sprop-maxcapturerate=16000", opus, -1, false},
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
				!strings.Contains(text, fmt.Sprintf("a=fmtp:96 maxplaybackrate=%d;", remote.Codec.SampleRate())) || !strings.Contains(text, "useinbandfec=1")) {
				t.Errorf("packets of %d ms, answer\n%s", remote.PTime, text)
			}
		})
	}
}

// The rate of a room limits what is said, not what is settled: the call may be moved to another room.
func TestTellsTheRateThatIsMadeUseOf(t *testing.T) {
	opus, _ := media.Opus()
	for limit, want := range map[int]int{0: 48000, 8000: 8000, 16000: 16000, 32000: 16000, 96000: 48000} {
		ours := local("192.0.2.1")
		ours.Codecs, ours.SampleRate = media.Codecs(), limit
		offer := parse(t, "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2")
		answer, remote, err := sdp.Answer(offer, ours, phone)
		if err != nil {
			t.Fatal(err)
		}
		if remote.Codec != opus {
			t.Errorf("at %d Hz: Opus of %d Hz is settled", limit, remote.Codec.SampleRate())
		}
		for text, id := range map[string]int{string(answer.Bytes()): 96, string(sdp.Offer(ours).Bytes()): 107} {
			if said := fmt.Sprintf("a=fmtp:%d maxplaybackrate=%d;sprop-maxcapturerate=%d;", id, want, want); !strings.Contains(text, said) {
				t.Errorf("at %d Hz: no %s in\n%s", limit, said, text)
			}
		}
	}
}

func TestOffersOpusWithItsKeys(t *testing.T) {
	ours := local("192.0.2.1")
	ours.Codecs = media.Codecs()
	text := string(sdp.Offer(ours).Bytes())
	for _, line := range []string{"m=audio 10500 RTP/AVP 107 9 0 8 101 102", "a=rtpmap:107 opus/48000/2",
		"a=fmtp:107 maxplaybackrate=48000;sprop-maxcapturerate=48000;stereo=0;useinbandfec=1;usedtx=1", "a=rtpmap:102 telephone-event/48000"} {
		if !strings.Contains(text, line+"\r\n") {
			t.Errorf("offer without %s:\n%s", line, text)
		}
	}
}
