package sip_test

import (
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// A CANCEL right behind its INVITE either still finds it without a final response, then that is
// 487, or comes too late, then the call stands until its BYE. Never are there two finals, and
// whichever it is, nothing is left.
func TestInviteAndCancelBackToBack(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, nil)
			a := newAgent(t, s, network)
			terminated := 0
			for range 200 {
				call := a.newCall("2000")
				branch := "z9hG4bK" + token()
				call.seq++
				call.sendAs("INVITE", branch, call.seq, call.offer("0"))
				call.sendAs("CANCEL", branch, call.seq, "")
				final, cancelled := 0, false
				tags := make(map[string]bool) // all responses must have the same
				for final == 0 || !cancelled {
					res := call.next().(*sipgo.Response)
					if tag, ok := res.To().Params.Get("tag"); ok && res.CallID().Value() == call.callID {
						tags[tag] = true
					}
					switch {
					case res.CallID().Value() != call.callID:
						if res.StatusCode != 487 { // repeated, because its ACK was late
							t.Fatalf("response of another call:\n%s", res)
						}
					case res.CSeq().MethodName == sipgo.CANCEL:
						cancelled = true
						if res.StatusCode != 200 && (res.StatusCode != 481 || final != 200) {
							t.Errorf("CANCEL: %d, want 200", res.StatusCode)
						}
					case res.StatusCode >= 200:
						if final != 0 && final != res.StatusCode {
							t.Errorf("final response %d after %d", res.StatusCode, final)
						}
						final = res.StatusCode
						call.took(res)
					}
				}
				if len(tags) != 1 {
					t.Errorf("responses have the To tags %v", tags)
				}
				switch final {
				case 487:
					terminated++
					call.sendAs("ACK", branch, call.seq, "")
				case 200:
					call.ack("")
					call.bye()
				default:
					t.Errorf("final response %d, want 487 or 200", final)
				}
				call.rtp.Close()
			}
			t.Logf("%d of 200 were cancelled in time", terminated)
			s.empty(t)
		})
	}
}

func TestCancelOfAnAnsweredCallChangesNothing(t *testing.T) {
	s := startServer(t, nil)
	call := newAgent(t, s, "udp").newCall("2000")
	branch := call.send("INVITE", call.offer("0"))
	call.took(call.response(200))
	to := call.to
	call.to = ""
	call.sendAs("CANCEL", branch, call.seq, "")
	call.to = to
	for {
		if res := call.next().(*sipgo.Response); res.CSeq().MethodName == sipgo.CANCEL {
			break
		}
	}
	call.ack("")
	call.send("OPTIONS", "")
	call.response(200)
	call.bye()
	s.empty(t)
}
