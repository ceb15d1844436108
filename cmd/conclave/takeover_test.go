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
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"conclave/cmd/conclave/bench"
	"conclave/sip/phone"
)

// takenOver starts another server, that goes on in the place of this one, which ends.
func (s *testServer) takenOver(flags ...string) *testServer {
	s.t.Helper()
	next := startServerOn(s.t, s.data, s.sip, append([]string{"--takeover"}, flags...)...)
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		s.t.Fatal("the old server has not ended 10 s after the new one was ready")
	}
	if state := s.command.ProcessState; !state.Success() {
		s.t.Errorf("the old server has ended with %v", state)
	}
	return next
}

// judge looks at what a phone has received after so many packets: one stream, of which no packet is missing, and no more ticks than ticks
// are on a machine that has much else to do.
func judge(t *testing.T, who string, call *phone.Call, packets, ticks int) {
	t.Helper()
	if why := call.Ending(); why != "" {
		t.Errorf("the call of %s has ended: %s", who, why)
		return
	}
	all := call.Packets()[max(0, packets-1):]
	missed := 0
	for i, p := range all[1:] {
		before := all[i]
		if p.SSRC != before.SSRC {
			t.Errorf("%s is sent another stream", who)
			return
		}
		if step := p.Sequence - before.Sequence; step != 1 {
			t.Errorf("%s is sent packet %d after %d", who, p.Sequence, before.Sequence)
		}
		missed += int(p.Timestamp-before.Timestamp)/160 - 1
	}
	if missed > ticks {
		t.Errorf("%d ticks are missing from what %s was sent, %d are the most", missed, who, ticks)
	}
}

func TestTakeoverTakesAllAlong(t *testing.T) {
	t.Parallel()
	flags := []string{"--guests", "all", "--insecure-sdes"}
	s := startServer(t, flags...)
	quiet(s, "1000")
	s.run("room", "set", "1000", "-o", "record_conference=yes", "-o", "record_notice=no", "--moderator-pin", "8421", "--pin", "4711")
	join := func(caller, pin string, o phone.Options) *phone.Call {
		t.Helper()
		o.From = caller
		call := s.dial("1000", o)
		if err := call.Press(pin, phone.Press{Duration: 40 * time.Millisecond, Gap: 60 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		s.wait(caller+" in the room", 10*time.Second, func() bool {
			members := s.live("1000").Members
			return len(members) > 0 && members[len(members)-1].Caller == caller
		})
		return call
	}
	anna := join("anna", "8421", phone.Options{})
	bert := join("bert", "4711", phone.Options{SRTP: "AEAD_AES_128_GCM", Mux: true})
	carl := join("carl", "4711", phone.Options{SRTP: "AES_CM_128_HMAC_SHA1_80"})
	dora := join("dora", "4711", phone.Options{})
	// Two phones that talk, the one over TCP.
	desk, secret := s.registered("200", "tcp")
	soft, _ := s.registered("201", "udp")
	pair := s.talks(desk, phone.Options{From: "200", Password: secret}, soft, "201")
	late := s.dial("1000", phone.Options{From: "emil"}) // is asked for the PIN still
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	interest := phone.Interest{User: "200", Password: secret, Event: "conference"}
	roster, _, err := desk.Subscribe(ctx, s.sip, "1000", interest)
	if err != nil {
		t.Fatal(err)
	}
	const hz = 1000
	anna.Say(phone.Tone(hz, -15))
	if err := dora.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	s.run("mute", "1000", "3")
	s.run("lock", "1000")
	var file string
	s.wait("recording", 10*time.Second, func() bool {
		if r := s.live("1000").Recording; r != nil {
			file = r.File
		}
		return file != ""
	})
	for _, call := range []*phone.Call{bert, carl} {
		s.hears(call, "an encrypted phone", hz, -15)
	}
	members := map[string]*phone.Call{"anna": anna, "bert": bert, "carl": carl, "200": pair.caller, "201": pair.called}
	before := s.live("1000")
	received := make(map[string]int)
	for who, call := range members {
		received[who] = len(call.Packets())
	}
	for range 2 { // what goes on can be taken over again
		s = s.takenOver(flags...)
		s.wait("recording to go on", 10*time.Second, func() bool { r := s.live("1000").Recording; return r != nil && r.File == file })
		for _, call := range []*phone.Call{bert, carl} {
			s.hears(call, "an encrypted phone", hz, -15)
		}
		s.hears(pair.called, "201", 440, -15)
		s.hears(pair.caller, "200", 700, -15)
	}
	s.wait("last word of the old server to who is told of the room", 10*time.Second, func() bool {
		notices := roster.Notices()
		return len(notices) > 0 && notices[len(notices)-1].GetHeader("Subscription-State").Value() == "terminated;reason=deactivated"
	})
	if _, _, err := desk.Subscribe(ctx, s.sip, "1000", interest); err != nil {
		t.Errorf("a new subscription over the connection of before: %v", err)
	}
	const ticks = 50
	for who, call := range members {
		judge(t, who, call, received[who], ticks)
	}
	after := s.live("1000")
	if !after.Locked || !after.Since.Equal(before.Since) || !reflect.DeepEqual(unchanged(after), unchanged(before)) {
		t.Errorf("the room is\n%+v, before\n%+v", after, before)
	}
	if n := s.logged("re-INVITE") + s.logged("level=ERROR") + s.logged("panic"); n > 0 {
		t.Errorf("the log has %d errors", n)
	}
	// Dialogs go on from either side, and phones stay registered, also those whose connection went along.
	if err := dora.Resume(ctx); err != nil {
		t.Errorf("a re-INVITE in the dialog of before: %v", err)
	}
	s.hears(dora, "dora", hz, -15)
	if phones := s.run("phone", "list"); strings.Count(phones, "tcp:127.0.0.1") != 1 || strings.Count(phones, "udp:127.0.0.1") != 1 {
		t.Errorf("phones have registered at\n%s", phones)
	}
	if err := pair.caller.Hold(ctx); err != nil {
		t.Errorf("a re-INVITE over the connection of before: %v", err)
	}
	if err := pair.called.Hangup(); err != nil {
		t.Error(err)
	}
	ended(t, pair.caller, "200")
	if err := carl.Hangup(); err != nil {
		t.Errorf("a BYE in the dialog of before: %v", err)
	}
	s.run("kick", "1000", "2")
	ended(t, bert, "bert")
	// Keys are heard as before: who has not entered the PIN is asked for it anew.
	if err := late.Press("8421", phone.Press{Duration: 40 * time.Millisecond, Gap: 60 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	s.wait("emil in the room", 10*time.Second, func() bool {
		members := s.live("1000").Members
		return members[len(members)-1].Caller == "emil"
	})
	s.run("record", "stop", "1000")
	s.wait("end of the recording", 10*time.Second, func() bool {
		all := s.recordings()
		return len(all) == 1 && all[0].State == "complete" && len(all[0].Members) >= 4
	})
	rows := s.calls(4)
	if row := rows["carl"]; row.Result != "HANGUP" || row.Answered == nil || row.Received < 200 {
		t.Errorf("a call that was taken over is recorded as %+v", row)
	}
}

// ended waits until a call is over.
func ended(t *testing.T, call *phone.Call, who string) {
	t.Helper()
	select {
	case <-call.Done():
	case <-time.After(10 * time.Second):
		t.Errorf("%s gets no BYE", who)
	}
}

func TestTakeoverThatMustNotBe(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	call := s.dial("1000", phone.Options{From: "anna"})
	t.Run("of nobody", func(t *testing.T) {
		got := conclave(t, nil, "serve", "--takeover", "--data", t.TempDir(), "--sip", "udp://127.0.0.1:0")
		if got.code == 0 || !strings.Contains(got.stderr, "`conclave serve`") {
			t.Errorf("taking over where no server runs: %+v", got)
		}
	})
	t.Run("by another user", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("it takes root to be another user")
		}
		if err := os.Chmod(filepath.Dir(s.data), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, "serve", "--takeover", "--data", s.data, "--sip", "udp://"+s.sip)
		if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		const nobody = 65534 // in the group of the server, so that he operates it
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: 0}}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "as the user of the old one") {
			t.Errorf("another user's takeover: %v\n%s", err, out)
		}
	})
	t.Run("by one that cannot start", func(t *testing.T) {
		got := conclave(t, nil, "serve", "--takeover", "--data", s.data, "--sip", "udp://"+s.sip, "--sip", "udp://192.0.2.1:5060", "--rtp-ports", "40000-42999")
		if got.code == 0 || !strings.Contains(got.stderr, "192.0.2.1") {
			t.Errorf("taking over with an address that this machine does not have: %+v", got)
		}
	})
	if why := call.Ending(); why != "" || s.status().Calls != 1 {
		t.Errorf("the call has ended: %q", why)
	}
	if err := call.Hangup(); err != nil {
		t.Errorf("BYE to the old server: %v", err)
	}
}

// heirSteps are how far the server of a test comes that wants to take over and is not healthy.
var heirSteps = []string{"hangs with the estate", "ends with the estate", "refuses the estate", "hangs with the audio", "ends with the audio"}

// TestHeirThatFails is no test but such a server, in a process of its own.
func TestHeirThatFails(t *testing.T) {
	step, data := os.Getenv("CONCLAVE_TEST_HEIR"), os.Getenv("CONCLAVE_DATA")
	if step == "" {
		t.Skip("it is for TestOldServerGoesOnWhereTheNewOneFails")
	}
	p, err := succeed(t.Context(), dataDir(data), make(chan struct{}))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("has the estate")
	what, when, _ := strings.Cut(step, " with ")
	if step == "refuses the estate" {
		_ = p.giveUp(fmt.Errorf("no room for it"))
		return
	}
	if when == "the audio" {
		if err := p.conn.send(messagePrepared, nil); err != nil {
			t.Fatal(err)
		}
		progress, err := p.conn.receive(messageYours)
		if err != nil {
			t.Fatal(err)
		}
		if standstill, err := readStandstill(progress); err != nil || len(standstill.Seats) != 2 {
			t.Fatal(err, standstill)
		}
	}
	if what == "hangs" {
		select {}
	}
}

func TestOldServerGoesOnWhereTheNewOneFails(t *testing.T) {
	t.Parallel()
	for _, step := range heirSteps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "--guests", "all", "--insecure-sdes")
			quiet(s, "1000")
			anna := s.dial("1000", phone.Options{From: "anna"})
			bert := s.dial("1000", phone.Options{From: "bert", SRTP: "AEAD_AES_128_GCM"})
			const hz = 1000
			anna.Say(phone.Tone(hz, -15))
			s.hears(bert, "bert", hz, -15)
			cmd := exec.Command(os.Args[0], "-test.run=^TestHeirThatFails$", "-test.v")
			cmd.Env = append(os.Environ(), "CONCLAVE_TEST_HEIR="+step, "CONCLAVE_DATA="+s.data)
			out, err := cmd.CombinedOutput()
			if !strings.Contains(string(out), "has the estate") || strings.HasPrefix(step, "hangs") && err == nil {
				t.Fatalf("the other server: %v\n%s", err, out)
			}
			s.wait("the old server to go on", 10*time.Second, func() bool { return s.logged("so this one does") == 1 })
			s.run("mute", "1000", "1")
			s.run("unmute", "1000", "1")
			s.hears(bert, "bert", hz, -15)
			packets := bert.Packets()
			for i, p := range packets[1:] {
				if p.SSRC != packets[i].SSRC {
					t.Fatal("bert is sent another stream")
				}
			}
			for who, call := range map[string]*phone.Call{"anna": anna, "bert": bert} {
				if err := call.Hangup(); err != nil {
					t.Errorf("BYE of %s: %v", who, err)
				}
			}
			if audit := s.run("audit"); !strings.Contains(audit, "serve --takeover") || strings.Contains(audit, "not known to have ended") {
				t.Errorf("the attempt is in the audit as\n%s", audit)
			}
			if next := s.dial("1000", phone.Options{From: "carl"}); next.Ending() != "" {
				t.Error("no new call is taken")
			}
			// Nothing is left of the attempt that would keep the next one.
			s = s.takenOver("--guests", "all", "--insecure-sdes")
			if audit := s.run("audit"); strings.Count(audit, "serve --takeover") != 2 || strings.Contains(audit, "not known to have ended") {
				t.Errorf("the audit is\n%s", audit)
			}
		})
	}
}

func TestTakeoverLetsGoOfWhoIsRung(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	desk, secret := s.registered("200", "tcp")
	soft, _ := s.registered("201", "udp")
	member := s.dial("1000", phone.Options{From: "anna"})
	call, err := desk.Invite(s.sip, "201", phone.Options{From: "200", Password: secret})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	in, err := soft.Incoming(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	s = s.takenOver("--guests", "all")
	var refused *phone.Refused
	if err := call.Answered(ctx); !errors.As(err, &refused) || refused.Response.StatusCode != 503 {
		t.Errorf("who called has got %v; 503 is right", err)
	}
	select {
	case <-in.Cancelled():
	case <-ctx.Done():
		t.Error("who was rung has got no CANCEL")
	}
	if why := member.Ending(); why != "" {
		t.Errorf("the call of a member has ended: %s", why)
	}
	// Afterwards it is as ever.
	s.talks(desk, phone.Options{From: "200", Password: secret}, soft, "201")
}

// It sets the environment, so that it is not parallel to others.
func TestSystemdIsToldWhoTheServiceIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	told := func() string {
		t.Helper()
		b := make([]byte, 100)
		if err := systemd.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := systemd.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	s := startServer(t)
	if got := told(); got != "READY=1" {
		t.Fatalf("systemd was told %q", got)
	}
	s = s.takenOver()
	got := map[string]bool{told(): true, told(): true}
	if want := fmt.Sprintf("MAINPID=%d", s.command.Process.Pid); !got[want] || !got["READY=1"] {
		t.Errorf("systemd was told %v, want %s and READY=1", got, want)
	}
}

func TestBenchTakesTheServerOverAndLosesNothing(t *testing.T) {
	t.Parallel()
	// Its exit code judges gaps, too, for which this machine has too much else to do.
	r := conclave(t, nil, "bench", "--members", "20", "--rooms", "2", "--talkers", "2", "--takeover", "2", "--calls-per-second", "5", "--json")
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, r.stderr)
	}
	if got := report.Takeover; got == nil || got.Takeovers != 2 || got.Legs != 40 || got.Lost != 0 || got.Streams != 0 || got.Gone != 0 || got.Beside == 0 {
		t.Errorf("%+v: %s", got, r.stderr)
	}
}
