package sip_test

import (
	"context"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestShutdownHangsUpAllCalls(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	established := make(map[string]*dialled)
	for range 5 {
		call := a.newCall("2000")
		call.establish()
		established[call.callID] = call
	}
	done := make(chan error)
	go func() { done <- s.Shutdown(context.Background()) }()
	var byes []*sipgo.Request
	for range established {
		byes = append(byes, a.request(sipgo.BYE))
	}
	late := a.newCall("2000")
	if res := late.refused(late.send("INVITE", late.offer("0")), 503); header(res, "Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	late.send("OPTIONS", "")
	late.response(503)
	select {
	case <-done:
		t.Error("shut down before the BYEs were answered")
	default:
	}
	for _, bye := range byes {
		established[bye.CallID().Value()].respond(bye, "200 OK", "")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := s.Stats().Calls; n != 0 {
		t.Errorf("%d calls are left", n)
	}
}

func TestShutdownThatIsNotAnswered(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	a.newCall("2000").establish()
	waiting := a.newCall("2000") // its ACK is missing, and so no BYE may be sent before the end
	waiting.send("INVITE", waiting.offer("0"))
	waiting.response(200)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "2 calls") {
		t.Errorf("error %v, want that 2 calls had not ended", err)
	}
	if n := s.Stats().Calls; n != 0 {
		t.Errorf("%d calls are left", n)
	}
}
