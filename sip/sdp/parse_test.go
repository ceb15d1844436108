package sdp_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conclave/media"
	"conclave/sip/sdp"
)

func TestWhatIsWrittenReadsTheSame(t *testing.T) {
	for _, name := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			first := parse(t, string(b)).Bytes()
			if again := parse(t, string(first)).Bytes(); string(again) != string(first) {
				t.Errorf("written\n%s, then\n%s", first, again)
			}
		})
	}
}

func corpus(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*/*.sdp")
	if err != nil || len(names) == 0 {
		t.Fatal("no descriptions found", err)
	}
	return names
}

func TestIgnoresWhatItDoesNotNeed(t *testing.T) {
	for _, test := range []struct{ name, description string }{
		{"unknown lines", "v=0\nx=1\ny\n=\nz=\nX-Header: a=b\nm=audio 4000 RTP/AVP 0"},
		{"empty lines", "\n\r\n\nv=0\n\n\nm=audio 4000 RTP/AVP 0\n\n"},
		{"spaces at the ends", "v=0 \nm=audio 4000 RTP/AVP 0 \t"},
		{"spaces between", "v=0\nm=audio  4000\tRTP/AVP   0"},
		{"number of ports", "v=0\nm=audio 4000/2 RTP/AVP 0"},
		{"m= misspelt", "v=0\nm=audio 4000 RTP/AVP 0\nm =video 3227 RTP/AVP 31"},
		{"bytes that are no text", "v=0\ns=\xff\x00\xfe\nm=audio 4000 RTP/AVP 0\na=\xff:\x00"},
		{"attributes in capitals", "v=0\nm=audio 4000 RTP/AVP 0\na=SendRecv"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := parse(t, test.description)
			if len(s.Media) != 1 {
				t.Fatalf("%d media lines, want 1", len(s.Media))
			}
			m := s.Media[0]
			if m.Type != "audio" || m.Port != 4000 || len(m.Formats) != 1 || m.Formats[0].Name != "PCMU" || m.Direction != media.SendRecv {
				t.Errorf("read as %+v", m)
			}
		})
	}
}

func TestRefusesWhatCannotBeRead(t *testing.T) {
	for _, test := range []struct{ name, description, text string }{
		{"nothing", "", "session description version is missing; v=0 is right"},
		{"something else", "<xml/>", "session description version is missing; v=0 is right"},
		{"another version", "v=1\nm=audio 4000 RTP/AVP 0", "session description version is 1; v=0 is right"},
		{"no transport", "v=0\nm=audio 4000", "media line m=audio 4000 is cut short; media, port, transport and formats are right"},
		{"no number", "v=0\nm=audio \"x RTP/AVP 0", "media line m=audio has port ?x; a number up to 65535 is right"},
		{"a port too large", "v=0\nm=audio 65536 RTP/AVP 0", "media line m=audio has port 65536; a number up to 65535 is right"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := sdp.Parse([]byte(test.description))
			expectRefusal(t, err, 400, 399, test.text)
			if errors.Is(err, sdp.ErrLimit) {
				t.Error("counts as over the limits")
			}
		})
	}
}

func TestKeepsToTheLimits(t *testing.T) {
	lines := func(n int) string { return "v=0\n" + strings.Repeat("m=video 4000 RTP/AVP 31\n", n) }
	formats := func(n int) string { return "v=0\nm=audio 4000 RTP/AVP" + strings.Repeat(" 0", n) }
	octets := func(n int) string { return fmt.Sprintf("v=0\ns=%s", strings.Repeat("x", n-6)) }
	for _, test := range []struct {
		name, most, over, text string
	}{
		{"media lines", lines(32), lines(33), "more than 32 media lines"},
		{"formats", formats(64), formats(65), "media line m=audio has 65 formats; at most 64 are taken"},
		{"octets", octets(65536), octets(65537), "session description of 65537 octets; at most 65536 are taken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			parse(t, test.most)
			_, err := sdp.Parse([]byte(test.over))
			expectRefusal(t, err, 513, 399, test.text)
			if !errors.Is(err, sdp.ErrLimit) {
				t.Error("does not count as over the limits")
			}
		})
	}
}

// FuzzParse: what was read can be written and read again, to the same.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := sdp.Parse(b)
		if err != nil {
			var refusal *sdp.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("error without a refusal: %v", err)
			}
			checkText(t, refusal)
			return
		}
		if len(s.Media) > sdp.MaxMedia {
			t.Fatalf("%d media lines", len(s.Media))
		}
		first := s.Bytes()
		if len(first) > sdp.MaxBytes {
			return // a=rtpmap was added to payload types that came without
		}
		if again := parse(t, string(first)).Bytes(); string(again) != string(first) {
			t.Errorf("written\n%q, then\n%q", first, again)
		}
	})
}

// FuzzAnswer: whatever can be read is refused in a text that fits a header, or gets an
// answer that can be read, has the same media lines and takes one of them.
func FuzzAnswer(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		offer, err := sdp.Parse(b)
		if err != nil || len(b) > sdp.MaxBytes/2 {
			return
		}
		answer, remote, err := sdp.Answer(offer, local("192.0.2.1"), phone)
		if err != nil {
			var refusal *sdp.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("error without a refusal: %v", err)
			}
			checkText(t, refusal)
			return
		}
		read := parse(t, string(answer.Bytes()))
		if len(read.Media) != len(offer.Media) {
			t.Fatalf("%d media lines answered to %d", len(read.Media), len(offer.Media))
		}
		taken := 0
		for i, m := range read.Media {
			if m.Type != offer.Media[i].Type || m.Proto != offer.Media[i].Proto {
				t.Errorf("line %d: %s %s answered to %s %s", i, m.Type, m.Proto, offer.Media[i].Type, offer.Media[i].Proto)
			}
			if m.Port != 0 {
				taken++
			}
		}
		if taken != 1 {
			t.Errorf("%d lines taken", taken)
		}
		if remote.Codec == nil || remote.PayloadType > 127 || remote.EventType > 127 || remote.PTime < 10 || remote.PTime > 60 {
			t.Errorf("remote %+v", remote)
		}
		// The far end comes to terms with the answer as we do with its offer.
		far := local("192.0.2.2")
		if _, err := sdp.Accept(offer, read, far, phone); err != nil {
			t.Errorf("the answer is refused: %v\n%s", err, answer.Bytes())
		}
	})
}

func seed(f *testing.F) {
	for _, name := range corpus(f) {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(sdp.Offer(local("192.0.2.1")).Bytes())
}

func checkText(t *testing.T, r *sdp.Refusal) {
	t.Helper()
	if len(r.Text) > 300 {
		t.Errorf("text of %d octets", len(r.Text))
	}
	for _, c := range []byte(r.Text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			t.Errorf("text is not safe in a quoted string: %q", r.Text)
		}
	}
}
