package wire_test

import (
	"fmt"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

func TestGateAnswersWhatIsWrong(t *testing.T) {
	const dropped = 0
	crlf := func(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }
	tests := []struct {
		name   string
		text   string
		status int
		header string // that must be there
	}{
		{"well-formed", request("OPTIONS", 1), 200, ""},
		{"compact forms", request("OPTIONS", 1, "Via", "v", "From", "f", "To", "T", "Call-ID", "i", "Content-Length", "l", "Contact", "m"), 200, ""},
		{"white space and folding", request("OPTIONS", 1, "Via: SIP/2.0/UDP", "Via  : SIP /\r\n 2.0 /\tUDP  ", ";tag=alice", " ;\r\n\ttag =  alice"), 200, ""},
		{"no Max-Forwards, no From tag", request("OPTIONS", 1, "Max-Forwards: 70\r\n", "", ";tag=alice", ""), 200, ""},
		{"Max-Forwards 0", request("OPTIONS", 1, "Max-Forwards: 70", "Max-Forwards: 0"), 200, ""},
		{"body behind Content-Length", request("OPTIONS", 1) + "noise", 200, ""},
		{"many Via in one line", request("OPTIONS", 1, ";rport", ";rport"+strings.Repeat(", SIP/2.0/UDP a.example.com", 63)), 200, ""},

		{"missing Via", request("OPTIONS", 1, "Via", "X-Via"), dropped, ""},
		{"missing From", request("OPTIONS", 1, "From", "X-From"), 400, ""},
		{"missing To", request("OPTIONS", 1, "To", "X-To"), 400, ""},
		{"missing Call-ID", request("OPTIONS", 1, "Call-ID", "X-Call-ID"), 400, ""},
		{"missing CSeq", request("OPTIONS", 1, "CSeq", "X-CSeq"), 400, ""},
		{"empty To", request("OPTIONS", 1, "To: <sip:1000@example.com>", "To:"), 400, ""},
		{"two From", request("OPTIONS", 1, "Contact", "From"), 400, ""},
		{"two To in one line", request("OPTIONS", 1, "To: <sip:1000@example.com>", "To: <sip:1@a>, <sip:2@b>"), 400, ""},
		{"two Call-ID", request("OPTIONS", 1, "Max-Forwards", "i"), 400, ""},
		{"two CSeq", request("OPTIONS", 1, "Max-Forwards: 70", "CSeq: 1 OPTIONS"), 400, ""},
		{"two Content-Length, equal", request("OPTIONS", 1, "Max-Forwards: 70", "l: 0"), 400, ""},
		{"negative Content-Length", request("OPTIONS", 1, "Length: 0", "Length: -1"), 400, ""},
		{"signed Content-Length", request("OPTIONS", 1, "Length: 0", "Length: +0"), 400, ""},
		{"empty Content-Length", request("OPTIONS", 1, "Length: 0", "Length:"), 400, ""},
		{"body shorter than Content-Length", request("OPTIONS", 1, "Length: 0", "Length: 5"), 400, ""},
		{"Content-Length beyond the limit", request("OPTIONS", 1, "Length: 0", "Length: 99999999999999999999"), 513, ""},
		{"header without colon", request("OPTIONS", 1, "Max-Forwards: 70", "Max-Forwards 70"), 400, ""},
		{"header without name", request("OPTIONS", 1, "Max-Forwards: 70", ": 70"), 400, ""},
		{"header name with a space", request("OPTIONS", 1, "Max-Forwards: 70", "Max Forwards: 70"), 400, ""},
		{"bare LF", request("OPTIONS", 1, "\r\n", "\n"), 400, ""},
		{"bare CR", request("OPTIONS", 1, "alice@192", "ali\rce@192"), 400, ""},
		{"no empty line", strings.TrimSuffix(request("OPTIONS", 1), "\r\n"), 400, ""},
		{"folded start line", request("OPTIONS", 1, "\r\nVia", "\r\n folded\r\nVia"), 400, ""},
		{"lower-case version", request("OPTIONS", 1, "com SIP/2.0", "com sip/2.0"), 200, ""},
		{"version 7", request("OPTIONS", 1, "SIP/2.0", "SIP/7.0"), 505, ""},
		{"version 1", request("OPTIONS", 1, "com SIP/2.0", "com SIP/1.0"), 505, ""},
		{"HTTP", request("OPTIONS", 1, "com SIP/2.0", "com HTTP/1.1"), 400, ""},
		{"no version", request("OPTIONS", 1, "com SIP/2.0", "com"), 400, ""},
		{"method with a slash", request("OPT/IONS", 1), 400, ""},
		{"method in lower case", request("options", 1), 501, "Allow"},
		{"method escaped", request("OPTI%4FNS", 1), 501, "Allow"},
		{"method unknown", request("DANCE", 1), 501, "Allow"},
		{"method unknown and CSeq of another", request("DANCE", 1, "1 DANCE", "1 INVITE"), 501, "Allow"},
		{"method not served", request("MESSAGE", 1), 405, "Allow"},
		{"registration", request("REGISTER", 1), 403, ""},
		{"registration of a book", request("REGISTER", 1, "To: <sip:1000@example.com>", "To: isbn:2983792873"), 400, ""},
		{"CSeq of another method", request("OPTIONS", 1, "1 OPTIONS", "1 INVITE"), 400, ""},
		{"CSeq of a method in lower case", request("OPTIONS", 1, "1 OPTIONS", "1 options"), 400, ""},
		{"CSeq 2**31 - 1", request("OPTIONS", 2147483647), 200, ""},
		{"CSeq 2**31", request("OPTIONS", 2147483648), 400, ""},
		{"CSeq without number", request("OPTIONS", 1, "CSeq: 1 ", "CSeq: "), 400, ""},
		{"CSeq negative", request("OPTIONS", 1, "CSeq: 1 ", "CSeq: -1 "), 400, ""},
		{"Max-Forwards not a number", request("OPTIONS", 1, "70", "seventy"), 400, ""},
		{"Call-ID with a space", request("OPTIONS", 1, "call-1@", "call 1@"), 400, ""},
		{"tel URI", request("OPTIONS", 1, "OPTIONS sip:1000@example.com", "OPTIONS tel:1000"), 416, ""},
		{"no scheme", request("OPTIONS", 1, "OPTIONS sip:1000@example.com", "OPTIONS 1000@example.com"), 400, ""},
		{"asterisk", request("OPTIONS", 1, "OPTIONS sip:1000@example.com", "OPTIONS *"), 400, ""},
		{"user and no host", request("OPTIONS", 1, "OPTIONS sip:1000@example.com", "OPTIONS sip:1000@"), 400, ""},
		{"no user before @", request("OPTIONS", 1, "OPTIONS sip:1000@", "OPTIONS sip:@"), 400, ""},
		{"two @", request("OPTIONS", 1, "OPTIONS sip:1000@", "OPTIONS sip:1000@b@"), 400, ""},
		{"half an escape", request("OPTIONS", 1, "OPTIONS sip:1000@", "OPTIONS sip:10%4@"), 400, ""},
		{"port too large", request("OPTIONS", 1, "example.com SIP/2.0", "example.com:65536 SIP/2.0"), 400, ""},
		{"IPv6 without brackets", request("OPTIONS", 1, "example.com SIP/2.0", "2001:db8::1 SIP/2.0"), 400, ""},
		{"IPv6 with three colons", request("OPTIONS", 1, "example.com SIP/2.0", "[2001:db8:::192.0.2.1] SIP/2.0"), 200, ""},
		{"IPv6 with garbage behind", request("OPTIONS", 1, "example.com SIP/2.0", "[::1]x SIP/2.0"), 400, ""},
		{"headers in the URI", request("OPTIONS", 1, "example.com SIP/2.0", "example.com?Route=%3Csip:a%3E SIP/2.0"), 400, ""},
		{"Contact * outside REGISTER", request("OPTIONS", 1, "Contact: <sip:alice@192.0.2.1>", "Contact: *"), 400, ""},
		{"Contact with headers and no brackets", request("OPTIONS", 1, "Contact: <sip:alice@192.0.2.1>", "Contact: sip:a@b?Route=x"), 400, ""},
		{"quotes not closed", request("OPTIONS", 1, "To: <", `To: "Bob <`), 400, ""},
		{"escaped quote in a name", request("OPTIONS", 1, "To: <", `To: "B\"ob\\" <`), 200, ""},
		{"name with a comma", request("OPTIONS", 1, "To: <", `To: Bob, too <`), 400, ""},
		{"space in angle brackets", request("OPTIONS", 1, "To: <", `To: < `), 400, ""},
		{"no closing bracket", request("OPTIONS", 1, "To: <sip:1000@example.com>", "To: <sip:1000@example.com"), 400, ""},
		{"tag twice", request("OPTIONS", 1, ";tag=alice", ";tag=alice;TAG=bob"), 400, ""},
		{"empty parameters", request("OPTIONS", 1, ";tag=alice", ";;;tag=alice"), 400, ""},
		{"branch of the cookie alone", request("OPTIONS", 1, "-OPTIONS-1;rport", ""), 400, ""},
		{"branch in upper case", request("OPTIONS", 1, "branch", "BRANCH"), 200, ""},
		{"Via without host", request("OPTIONS", 1, "192.0.2.1:5060", ""), 400, ""},
		{"Via with an impossible port", request("OPTIONS", 1, "192.0.2.1:5060", "192.0.2.1:x"), 400, ""},
		{"Via of another protocol", request("OPTIONS", 1, "Via: SIP", "Via: HTTP"), 400, ""},
		{"128 headers", request("OPTIONS", 1, "Length: 0\r\n", "Length: 0\r\n"+strings.Repeat("X: y\r\n", 120)), 200, ""},
		{"129 headers", request("OPTIONS", 1, "Length: 0\r\n", "Length: 0\r\n"+strings.Repeat("X: y\r\n", 121)), 400, ""},
		{"65 Via", request("OPTIONS", 1, ";rport", ";rport"+strings.Repeat(", SIP/2.0/UDP a.example.com", 64)), 400, ""},
		{"head of 16 kB", request("OPTIONS", 1, "70\r\n", "70\r\nX: "+strings.Repeat("x", 16000)+"\r\n"), 200, ""},
		{"head over 16 kB", request("OPTIONS", 1, "70\r\n", "70\r\nX: "+strings.Repeat("x", 16<<10)+"\r\n"), 513, ""},

		{"ACK that is broken", request("ACK", 1, "From", "X-From"), dropped, ""},
		{"ACK whose start line is broken", request("ACK", 1, " SIP/2.0\r\nVia", "\r\nVia"), dropped, ""},
		{"response to nothing", crlf("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@b>;tag=1", "To: <sip:a@b>;tag=1", "Call-ID: 1", "CSeq: 1 INVITE", ""), dropped, ""},
		{"response with a code that would wrap", crlf("SIP/2.0 4294967301 OK", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", ""), dropped, ""},
		{"nothing but letters", "hello\r\n\r\n", dropped, ""},
		{"keep-alive", "\r\n\r\n", dropped, ""},
		{"NUL", "\x00", dropped, ""},
		{"empty", "", dropped, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, l := listen(t, "udp://127.0.0.1:0", &recorder{})
			p := dial(t, l)
			p.send(test.text)
			p.send(request("OPTIONS", 4711)) // answered behind whatever was answered before
			answer := p.datagram()
			if strings.Contains(answer, "CSeq: 4711") {
				if test.status != dropped {
					t.Fatalf("dropped, want %d", test.status)
				}
				return
			}
			if !strings.HasPrefix(answer, fmt.Sprintf("SIP/2.0 %d ", test.status)) {
				t.Fatalf("answer %q, want %d", answer, test.status)
			}
			if !strings.Contains(answer, "\r\n"+test.header) {
				t.Errorf("answer %q without %s", answer, test.header)
			}
			if _, to, _ := strings.Cut(answer, "\r\nTo: "); to != "" && !strings.Contains(strings.Split(to, "\r\n")[0], "tag=") {
				t.Errorf("answer %q without a To tag", answer)
			}
		})
	}
}

// What the application sees does not depend on how it was written.
func TestGateReadsEveryWayToWriteTheSame(t *testing.T) {
	requests := make(chan *sipgo.Request, 1)
	sink := &recorder{answer: func(req *sipgo.Request, tx *wire.ServerTx) {
		requests <- req
		_ = tx.Reply(200, "")
	}}
	_, l := listen(t, "udp://127.0.0.1:0", sink)
	p := dial(t, l)
	p.send("INVITE sip:1000@example.com;user=phone SIP/2.0\r\n" +
		"v: SIP / 2.0 / UDP\r\n  [2001:db8::1] : 5061 ; BRANCH = z9hG4bKx ; x = \"a;b,c\" , SIP/2.0/TCP b.example.com,SIP/2.0/UDP [::ffff:192.0.2.1]\r\n" +
		"f: \"Anne \\\"B\\\" C\" <sip:anne@example.com;transport=udp> ; x-y ; Tag = 1 \r\n" +
		"t: sip:1000@example.com\r\ni: abc\r\ncseq: 0009\r\n   INVITE\r\n" +
		"m: <sip:anne,b@192.0.2.1>, Other <sip:anne@[2001:db8::1]:5062>;q=0.1\r\n" +
		"Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\nk: timer,\r\n 100rel\r\nc: application/sdp\r\n\r\nv=0\r\n")
	if answer := p.datagram(); !strings.HasPrefix(answer, "SIP/2.0 200 ") {
		t.Fatal(answer)
	}
	seen := <-requests
	header := func(name string) string {
		var all []string
		for _, h := range seen.GetHeaders(name) {
			all = append(all, h.Value())
		}
		return strings.Join(all, " | ")
	}
	_, port, _ := strings.Cut(p.conn.LocalAddr().String(), ":")
	tests := []struct{ what, got, want string }{
		{"method", string(seen.Method), "INVITE"},
		{"user", seen.Recipient.User, "1000"},
		{"via", header("via"), `SIP/2.0/UDP [2001:db8::1]:5061;branch=z9hG4bKx;x="a;b,c";received=127.0.0.1 | SIP/2.0/TCP b.example.com | SIP/2.0/UDP [::ffff:192.0.2.1]`},
		{"from", header("from"), `"Anne \"B\" C" <sip:anne@example.com;transport=udp>;x-y;tag=1`},
		{"to", header("to"), "<sip:1000@example.com>"},
		{"cseq", header("cseq"), "9 INVITE"},
		{"record-route", header("record-route"), "<sip:p1.example.com;lr> | <sip:p2.example.com;lr>"},
		{"supported", header("supported"), "timer, 100rel"},
		{"content-type", seen.ContentType().Value(), "application/sdp"},
		{"body", string(seen.Body()), "v=0\r\n"},
		{"source", seen.Source(), "127.0.0.1:" + port},
		{"transport", seen.Transport(), "UDP"},
		{"contacts", fmt.Sprint(len(seen.GetHeaders("contact"))), "2"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: %s, want %s", test.what, test.got, test.want)
		}
	}
}
