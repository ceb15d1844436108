package wire_test

import (
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

func TestUnacceptable(t *testing.T) {
	tests := []struct {
		name    string
		headers string // "Name: value" lines
		method  sipgo.RequestMethod
		body    string
		status  int // 0: accepted
		header  string
	}{
		{"plain offer", "Content-Type: application/sdp", sipgo.INVITE, "v=0", 0, ""},
		{"type in capitals with parameter", "Content-Type: Application/SDP;charset=utf-8", sipgo.INVITE, "v=0", 0, ""},
		{"no body", "", sipgo.INVITE, "", 0, ""},
		{"another body", "Content-Type: text/plain", sipgo.INVITE, "hi", 415, "Accept: application/sdp"},
		{"body without type", "", sipgo.INVITE, "v=0", 415, "Accept: application/sdp"},
		{"coded body", "Content-Type: application/sdp\nContent-Encoding: gzip", sipgo.UPDATE, "v=0", 415, "Accept-Encoding: identity"},
		{"another body in INFO is not judged here", "Content-Type: application/dtmf", sipgo.INFO, "1", 0, ""},
		{"extension", "Require: 100rel, Timer, sec-agree", sipgo.OPTIONS, "", 420, "Unsupported: 100rel, sec-agree"},
		{"extension known", "Require: TIMER", sipgo.INVITE, "", 0, ""},
		{"extension before body", "Require: x\nContent-Type: text/plain", sipgo.INVITE, "hi", 420, "Unsupported: x"},
		{"takes no SDP", "Accept: text/plain, image/png", sipgo.INVITE, "", 406, "Warning: 399 "},
		{"takes nothing", "Accept:", sipgo.INVITE, "", 406, "Warning: 399 "},
		{"takes SDP, too", "Accept: text/plain\nAccept: application/sdp;level=1", sipgo.INVITE, "", 0, ""},
		{"takes anything", "Accept: */*", sipgo.INVITE, "", 0, ""},
		{"Accept of an OPTIONS", "Accept: text/plain", sipgo.OPTIONS, "", 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req := sipgo.NewRequest(test.method, sipgo.Uri{User: "1000", Host: "example.com"})
			for _, line := range strings.Split(test.headers, "\n") {
				if name, value, ok := strings.Cut(line, ":"); ok {
					req.AppendHeader(sipgo.NewHeader(name, strings.TrimSpace(value)))
				}
			}
			req.SetBody([]byte(test.body))
			r := wire.Unacceptable(req, []string{"timer"})
			if r == nil {
				if test.status != 0 {
					t.Fatalf("accepted, want %d", test.status)
				}
				return
			}
			if r.Status != test.status {
				t.Fatalf("status %d %s, want %d", r.Status, r.Reason, test.status)
			}
			if got := r.Headers[0].Name() + ": " + r.Headers[0].Value(); !strings.HasPrefix(got, test.header) {
				t.Errorf("header %q, want %q", got, test.header)
			}
		})
	}
}
