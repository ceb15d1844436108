package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/sip/phone"
)

func TestSIPpScenarios(t *testing.T) {
	need(t, "sipp", "sip-tester")
	server := startServer(t, "--guests", "all")
	server.run("room", "add", "1000", "--name", "Open", "--no-pin")
	server.run("room", "add", "1111", "--name", "With PIN", "--pin", "1234")
	tests := []struct{ scenario, room string }{
		{"pin", "1111"}, {"pin-info", "1111"}, {"wrong-pin", "1111"}, {"cancel", "1000"}, {"hold", "1000"}, {"offerless", "1000"}, {"lost-ack", "1000"}, {"session-timer", "1000"},
	}
	for i, tt := range tests {
		t.Run(tt.scenario, func(t *testing.T) {
			t.Parallel()
			media := 33000 + 20*i
			runSIPp(t, tt.scenario, "-s", tt.room, "-i", "127.0.0.1", "-p", fmt.Sprint(media+10), "-mi", "127.0.0.1", "-mp", fmt.Sprint(media),
				"-m", "1", server.sip)
		})
	}
}

// sipp is a run of a scenario of testdata/sipp, with further arguments.
func sipp(ctx context.Context, t *testing.T, scenario string, args ...string) *exec.Cmd {
	t.Helper()
	path := need(t, "sipp", "sip-tester")
	file, err := filepath.Abs("../../testdata/sipp/" + scenario + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := exec.CommandContext(ctx, path, append([]string{"-sf", file, "-nostdin", "-trace_err", "-error_file", filepath.Join(dir, "errors")}, args...)...)
	c.Dir = dir
	return c
}

// runSIPp runs a scenario to its end, and fails the test where a call does not go as the scenario says.
func runSIPp(t *testing.T, scenario string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := sipp(ctx, t, scenario, append([]string{"-timeout", "50", "-timeout_error"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("sipp, %s: %v\n%s", scenario, err, out)
	}
}

// carrierCall is a call that sipp makes as a carrier does.
type carrierCall struct{ number, from, asserted string }

// carrierCalls has sipp make calls by a scenario, all within a second.
func carrierCalls(t *testing.T, s *testServer, scenario, host, port string, calls []carrierCall) {
	t.Helper()
	var list strings.Builder
	list.WriteString("SEQUENTIAL\n")
	for _, c := range calls {
		fmt.Fprintf(&list, "%s;%s;%s\n", c.number, c.from, c.asserted)
	}
	file := filepath.Join(t.TempDir(), "calls.csv")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	n := fmt.Sprint(len(calls))
	runSIPp(t, scenario, "-i", host, "-p", port, "-mi", host, "-mp", "33400", "-inf", file, "-m", n, "-r", n, s.sip)
}

// sipp is a carrier: whatever form it dials a number in, its calls are in the room, by the numbers that it asserts. Who
// asserts one without being a trunk is believed nothing.
func TestRealCarrierCallsIn(t *testing.T) {
	t.Parallel()
	need(t, "sipp", "sip-tester")
	s := startServer(t, "--guests", "all")
	s.run("room", "add", "1000", "--name", "Weekly", "--no-pin")
	const trunk, stranger = "127.0.0.2", "127.0.0.3"
	port := freePort(t, trunk)
	s.run("trunk", "add", "carrier", "--peer", trunk+":"+port, "--did", "+49301234", "--did", "7")
	var calls, unknown []carrierCall
	for i, number := range []string{"+493012341000", "00493012341000", "493012341000", "03012341000", "3012341000", "1000", "71000",
		"+49-30-1234-1000", "%2B493012341000"} {
		calls = append(calls, carrierCall{number, "anonymous", fmt.Sprintf("+49405550%d", i)})
	}
	for i, number := range []string{"+493012351000", "+493012349999", "+49301234", "+433012341000", "81000"} {
		unknown = append(unknown, carrierCall{number, "anonymous", fmt.Sprintf("+49405559%d", i)})
	}
	carrierCalls(t, s, "carrier", trunk, port, calls)
	carrierCalls(t, s, "carrier-unknown", trunk, port, unknown)
	forged := carrierCall{"1000", "eve", "+4940666"}
	carrierCalls(t, s, "carrier", stranger, freePort(t, stranger), []carrierCall{forged})

	history := s.calls(len(calls) + len(unknown) + 1)
	for _, c := range calls {
		if v := history[c.asserted]; v.Room != "1000" || v.From != "trunk carrier" || v.Address != trunk || v.Entered == nil {
			t.Errorf("the call to %s is in the history as %+v", c.number, v)
		}
	}
	for _, c := range unknown {
		if v := history[c.asserted]; v.Room != "" || v.From != "trunk carrier" || !strings.Contains(v.Reason, "404") {
			t.Errorf("the call to %s is in the history as %+v", c.number, v)
		}
	}
	if v := history["eve"]; v.Room != "1000" || v.From != "guest" || v.Address != stranger {
		t.Errorf("who asserted a number without being a trunk is in the history as %+v", v)
	}
}

// sipp is a carrier that answers a call by where to call instead. The room may call there, too, and yet nobody does.
func TestRealCarrierThatRedirectsIsNotFollowed(t *testing.T) {
	t.Parallel()
	need(t, "sipp", "sip-tester")
	s := startServer(t)
	elsewhere, err := net.ListenPacket("udp4", "127.0.0.5:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	const trunk = "127.0.0.4"
	port := freePort(t, trunk)
	log := filepath.Join(t.TempDir(), "messages")
	carrier := sipp(t.Context(), t, "moved", "-i", trunk, "-p", port, "-key", "elsewhere", elsewhere.LocalAddr().String(), "-trace_msg", "-message_file", log)
	var words strings.Builder
	carrier.Stdout, carrier.Stderr = &words, &words
	if err := carrier.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = carrier.Wait(); close(ended) }()
	t.Cleanup(func() { // the test's context has ended it
		<-ended
		if t.Failed() {
			t.Logf("sipp: %.3000s", words.String())
		}
	})
	s.run("room", "add", "1000", "--name", "Weekly", "--no-pin", "-o", "call_out_allow=+49*,sip:*@127.0.0.5")
	s.run("trunk", "add", "carrier", "--peer", trunk+":"+port, "--allow-out", "+49*")
	s.wait("trunk that answers", 30*time.Second, func() bool { return strings.Contains(s.run("trunk", "list"), "reachable, ") })

	invitation := s.invites("1000", "+493055555")
	if code, words := invitation.ends(); code != exitFailure || !strings.Contains(words, "302") {
		t.Errorf("exit code %d, %s", code, words)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "INVITE sip:+493055555@") || !strings.Contains(string(text), "302 Moved Temporarily") {
		t.Errorf("sipp has not redirected the call:\n%s", text)
	}
	_ = elsewhere.SetReadDeadline(time.Now().Add(time.Second))
	packet := make([]byte, 65536)
	n, from, err := elsewhere.ReadFrom(packet)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("where the carrier redirects to, this came from %v (%v):\n%s", from, err, packet[:n])
	}
	var views []callView
	s.wait("history of the call", 20*time.Second, func() bool {
		views = nil
		if err := json.Unmarshal([]byte(s.run("calls", "--json", "--show-numbers")), &views); err != nil {
			t.Fatal(err)
		}
		return len(views) == 1
	})
	if v := views[0]; v.Dialled != "+493055555" || v.From != "trunk carrier" || v.Answered != nil {
		t.Errorf("the history has %+v", v)
	}
}

// sipp is a carrier whose provisional response has to be acknowledged, and whose session a phone's call outside has to refresh.
func TestRealCarrierThatInsistsOnPRACKAndSessionTimers(t *testing.T) {
	t.Parallel()
	need(t, "sipp", "sip-tester")
	s := startServer(t)
	const trunk = "127.0.0.6"
	port := freePort(t, trunk)
	log := filepath.Join(t.TempDir(), "messages")
	carrier := sipp(t.Context(), t, "reliable-callee", "-i", trunk, "-p", port, "-mi", trunk, "-mp", "33500", "-trace_msg", "-message_file", log)
	var words strings.Builder
	carrier.Stdout, carrier.Stderr = &words, &words
	if err := carrier.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = carrier.Wait(); close(ended) }()
	t.Cleanup(func() { // the test's context has ended it
		<-ended
		if t.Failed() {
			text, _ := os.ReadFile(log)
			t.Logf("sipp: %.3000s\n%s", words.String(), text)
		}
	})
	s.run("trunk", "add", "carrier", "--peer", trunk+":"+port, "--allow-out", "+49*")
	password := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
	s.run("phone", "set", "200", "--allow-out", "+49*")
	s.wait("trunk that answers", 30*time.Second, func() bool { return strings.Contains(s.run("trunk", "list"), "reachable, ") })

	ph, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ph.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	call, err := ph.Dial(ctx, s.sip, "+493055555", phone.Options{From: "200", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	s.wait("refresh of the session", time.Minute, func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "UPDATE sip:carrier@")
	})
	if call.Ending() != "" {
		t.Errorf("the call has ended: %s", call.Ending())
	}
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
	s.wait("end of the carrier's call", 20*time.Second, func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "BYE sip:carrier@")
	})
}
