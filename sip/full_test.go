package sip_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"conclave/sip"
)

// Where there is no time for more calls, new ones are refused and told so, and those that are there go on.
func TestFullServerRefusesNewCallsAndKeepsThoseThere(t *testing.T) {
	var full atomic.Bool
	s := startServer(t, func(c *sip.Config) { c.Full = full.Load })
	a := newAgent(t, s, "udp")
	there := a.newCall("2000")
	there.establish()
	full.Store(true)

	late := a.newCall("2000")
	res := late.refused(late.send("INVITE", late.offer("0")), 503)
	if header(res, "Retry-After") == "" || !strings.Contains(header(res, "Warning"), "as many calls as this machine can carry") {
		t.Errorf("503 with Retry-After %q and Warning %q", header(res, "Retry-After"), header(res, "Warning"))
	}
	late.send("OPTIONS", "")
	late.response(503)

	there.send("INVITE", there.offer("0"))
	there.response(200)
	there.ack("")
	full.Store(false)
	next := a.newCall("2000")
	next.establish()
	next.bye()
	there.bye()
}
