package wire

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// TestSourcesThatHaveProvenNothingAreNotAnsweredAtLength counts octets: those sent in a request over UDP, and all that comes
// back until nothing more does, repetitions included.
func TestSourcesThatHaveProvenNothingAreNotAnsweredAtLength(t *testing.T) {
	long := "User-Agent: a phone whose maker has given it a long name, as they do 1.2.3.4\r\nSupported: replaces, outbound, path\r\n" +
		"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER, UPDATE, PRACK\r\nContact: <sip:200@192.0.2.7:5060;transport=udp>\r\n"
	for _, tt := range []struct {
		name       string
		method     string
		status     int
		fields     string
		times      int // that the request is sent
		challenges int // that come with each answer; -1: no answer comes
	}{
		{"a phone's REGISTER gets both challenges", "REGISTER", 401, long, 1, 2},
		{"the shortest one gets none", "REGISTER", 401, "", 1, -1},
		{"a phone's INVITE gets both challenges, once", "INVITE", 401, long, 1, 2},
		{"busy is not repeated unasked", "INVITE", 486, "", 1, 0},
		{"a request that comes again is answered again", "INVITE", 486, "", 3, 0},
		{"OPTIONS is answered", "OPTIONS", 200, "", 1, 0},
		{"what the gate refuses is", "OPTIONS", 400, "CSeq: 2 OPTIONS\r\n", 1, 0},
		{"with headers, too", "MESSAGE", 405, "", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := New(Config{Log: quiet, Sink: challenging{tt.status}, Methods: []string{"INVITE", "OPTIONS", "REGISTER"}})
			t.Cleanup(w.Close)
			l, err := w.Listen("udp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("udp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			request := fmt.Sprintf("%[1]s sip:1000@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"+
				"To: <sip:1000@h>\r\nCall-ID: 1\r\nCSeq: 1 %[1]s\r\n%[2]s\r\n", tt.method, tt.fields)
			for range tt.times {
				if _, err := conn.Write([]byte(request)); err != nil {
					t.Fatal(err)
				}
			}
			in, out, answers := tt.times*len(request), 0, 0
			buf := make([]byte, 64<<10)
			for {
				// Twice T1 and more, in which a refusal would have been repeated twice.
				_ = conn.SetReadDeadline(time.Now().Add(1600 * time.Millisecond))
				n, err := conn.Read(buf)
				if err != nil {
					break
				}
				out += n
				answers++
				if c := strings.Count(string(buf[:n]), "WWW-Authenticate"); c != tt.challenges {
					t.Errorf("%d challenges in\n%s", c, buf[:n])
				}
			}
			t.Logf("%d octets in, %d out: %.2f", in, out, float64(out)/float64(in))
			if out > maxAmplification*in {
				t.Errorf("%d octets out for %d in, more than %d times as many", out, in, maxAmplification)
			}
			if answered := answers > 0; answered != (tt.challenges >= 0) || answers > 0 && answers < tt.times {
				t.Errorf("%d answers to %d requests", answers, tt.times)
			}
		})
	}
}
