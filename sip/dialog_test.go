package sip_test

import (
	"errors"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
)

// parseRequest reads a request written with bare line feeds.
func parseRequest(t *testing.T, text string) *sipgo.Request {
	t.Helper()
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\r\n") + "\r\n\r\n"
	msg, err := sipgo.NewParser().ParseSIP([]byte(text))
	if err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return msg.(*sipgo.Request)
}

const inviteHead = `INVITE sip:1000@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1
From: "A" <sip:a@192.0.2.9>;tag=far
To: <sip:1000@192.0.2.1>
Call-ID: c1
CSeq: 7 INVITE
`

func TestRequestsInADialogFollowItsRouteSet(t *testing.T) {
	tests := []struct {
		name    string
		headers string
		line    string
		routes  []string
	}{
		{"without routes the target is asked", "Contact: <sip:a@198.51.100.7:5070;ob>",
			"BYE sip:a@198.51.100.7:5070;ob SIP/2.0", nil},
		{"loose routers in their order", "Record-Route: <sip:p2;lr>, <sip:p1:5080;lr;x=y>\nContact: <sip:a@phone>",
			"BYE sip:a@phone SIP/2.0", []string{"<sip:p2;lr>", "<sip:p1:5080;lr;x=y>"}},
		{"over several header lines", "Record-Route: <sip:p2;lr>\nRecord-Route: <sip:p1;lr>\nContact: <sip:a@phone>",
			"BYE sip:a@phone SIP/2.0", []string{"<sip:p2;lr>", "<sip:p1;lr>"}},
		{"a strict router goes into the Request-URI", "Record-Route: <sip:p2;method=INVITE;maddr=192.0.2.7>\nRecord-Route: <sip:p1;lr>\nContact: <sip:a@phone;ob>",
			"BYE sip:p2;maddr=192.0.2.7 SIP/2.0", []string{"<sip:p1;lr>", "<sip:a@phone;ob>"}},
		{"a lone strict router", "Record-Route: <sip:p2>\nContact: <sip:a@phone>",
			"BYE sip:p2 SIP/2.0", []string{"<sip:a@phone>"}},
		{"LR in capitals is loose", "Record-Route: <sip:p2;LR>\nContact: <sip:a@phone>",
			"BYE sip:a@phone SIP/2.0", []string{"<sip:p2;LR>"}},
		{"no Contact, as in RFC 2543", "", "BYE sip:a@192.0.2.9 SIP/2.0", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := sip.NewDialog(parseRequest(t, inviteHead+test.headers), "near")
			_, bye := d.Request(sipgo.BYE)
			if got := bye.StartLine(); got != test.line {
				t.Errorf("start line %q, want %q", got, test.line)
			}
			var routes []string
			for _, h := range bye.GetHeaders("Route") {
				routes = append(routes, h.Value())
			}
			if got, want := strings.Join(routes, ", "), strings.Join(test.routes, ", "); got != want {
				t.Errorf("routes %s, want %s", got, want)
			}
		})
	}
}

func TestRequestsInADialogNameIt(t *testing.T) {
	d := sip.NewDialog(parseRequest(t, inviteHead+"Contact: <sip:a@phone>"), "near")
	d, first := d.Request(sipgo.INVITE)
	ack := d.Ack(first.CSeq().SeqNo)
	_, second := d.Request(sipgo.BYE)
	for _, test := range []struct {
		req  *sipgo.Request
		cseq string
	}{{first, "1 INVITE"}, {ack, "1 ACK"}, {second, "2 BYE"}} {
		if got := test.req.CSeq().Value(); got != test.cseq {
			t.Errorf("CSeq %s, want %s", got, test.cseq)
		}
		if got, want := test.req.From().Value(), "<sip:1000@192.0.2.1>;tag=near"; got != want {
			t.Errorf("From %s, want %s", got, want)
		}
		if got, want := test.req.To().Value(), "<sip:a@192.0.2.9>;tag=far"; got != want {
			t.Errorf("To %s, want %s", got, want)
		}
		if got := test.req.CallID().Value(); got != "c1" {
			t.Errorf("Call-ID %s, want c1", got)
		}
		if got := test.req.MaxForwards().Value(); got != "70" {
			t.Errorf("Max-Forwards %s, want 70", got)
		}
	}
}

func TestCallerWithoutTagIsNamedWithoutTag(t *testing.T) {
	invite := parseRequest(t, strings.Replace(inviteHead, ";tag=far", "", 1))
	_, bye := sip.NewDialog(invite, "near").Request(sipgo.BYE)
	if got, want := bye.To().Value(), "<sip:a@192.0.2.9>"; got != want {
		t.Errorf("To %s, want %s", got, want)
	}
}

func TestOnlyHigherCSeqIsTaken(t *testing.T) {
	before := sip.NewDialog(parseRequest(t, inviteHead), "near")
	for _, test := range []struct {
		cseq string
		ok   bool
	}{{"6", false}, {"7", false}, {"8", true}, {"2147483647", true}} {
		req := parseRequest(t, strings.Replace(inviteHead, "CSeq: 7 ", "CSeq: "+test.cseq+" ", 1))
		after, err := before.Receive(req)
		if test.ok != (err == nil) {
			t.Errorf("CSeq %s: error %v", test.cseq, err)
		}
		if err != nil && !errors.Is(err, sip.ErrSequence) {
			t.Errorf("CSeq %s: error %v is not ErrSequence", test.cseq, err)
		}
		if changed := after.RemoteSeq != before.RemoteSeq; changed != test.ok {
			t.Errorf("CSeq %s: sequence of the far end is now %d", test.cseq, after.RemoteSeq)
		}
		if _, err := after.Receive(req); err == nil {
			t.Errorf("CSeq %s is taken twice", test.cseq)
		}
	}
}

func TestRefreshChangesTheTargetAndNothingElse(t *testing.T) {
	invite := inviteHead + "Record-Route: <sip:p1;lr>\nContact: <sip:a@phone>"
	d := sip.NewDialog(parseRequest(t, invite), "near")
	for _, test := range []struct{ contact, want string }{
		{"Record-Route: <sip:other;lr>\nContact: <sip:a@moved:5071>", "BYE sip:a@moved:5071 SIP/2.0"},
		{"Contact: *", "BYE sip:a@phone SIP/2.0"},
		{"", "BYE sip:a@phone SIP/2.0"},
	} {
		refreshed := d.Refresh(parseRequest(t, inviteHead+test.contact))
		_, bye := refreshed.Request(sipgo.BYE)
		if got := bye.StartLine(); got != test.want {
			t.Errorf("%q: start line %q, want %q", test.contact, got, test.want)
		}
		if got := bye.Route().Value(); got != "<sip:p1;lr>" {
			t.Errorf("%q: route %s", test.contact, got)
		}
	}
	if d.Target.Host != "phone" {
		t.Errorf("the value before has changed: target %s", d.Target.String())
	}
}

func TestDialogsShareNothing(t *testing.T) {
	d := sip.NewDialog(parseRequest(t, inviteHead+"Record-Route: <sip:p2>\nRecord-Route: <sip:p1;lr>\nContact: <sip:a@phone>"), "near")
	_, first := d.Request(sipgo.BYE)
	first.Recipient.UriParams.Add("spoilt", "yes")
	first.Route().Address.Host = "spoilt"
	if _, second := d.Request(sipgo.BYE); strings.Contains(second.String(), "spoilt") {
		t.Errorf("a request is tied to the one before:\n%s", second)
	}
}
