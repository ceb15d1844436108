package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"conclave/cmd/conclave/bench"
	"conclave/media/tone"
	"conclave/rooms"
	"conclave/sip/phone"
	"conclave/store"
)

// killed kills the server as the kernel would, and starts another one in its place.
func (s *testServer) killed(flags ...string) *testServer {
	s.t.Helper()
	if err := s.command.Process.Signal(syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
	return startServerOn(s.t, s.data, s.sip, flags...)
}

// unchanged are what of members a crash must not change.
func unchanged(c rooms.Conference) []rooms.Member {
	members := make([]rooms.Member, len(c.Members))
	for i, m := range c.Members {
		members[i] = rooms.Member{ID: m.ID, Call: m.Call, Caller: m.Caller, Name: m.Name, Since: m.Since.UTC().Round(0), Muted: m.Muted, MutedBy: m.MutedBy,
			Role: m.Role, Marked: m.Marked, Waiting: m.Waiting, Entered: m.Entered, Music: m.Music}
	}
	return members
}

func TestCallsGoOnAfterACrash(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.run("room", "add", "1000", "--name", "Board", "--pin", "4711", "--moderator-pin", "8421", "-o", "quiet=yes", "-o", "wait_marked=yes",
		"-o", "music_on_hold_when_empty=no", "-o", "comfort_noise=no")
	enter := func(caller, pin string) *phone.Call {
		t.Helper()
		call := s.dial("1000", phone.Options{From: caller})
		if pin != "" {
			if err := call.Press(pin, phone.Press{Duration: 40 * time.Millisecond, Gap: 60 * time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			s.wait(caller+" in the room", 10*time.Second, func() bool {
				members := s.live("1000").Members
				return len(members) > 0 && members[len(members)-1].Caller == caller
			})
		}
		return call
	}
	anna := enter("anna", "8421")
	bert := enter("bert", "4711")
	carl := enter("carl", "4711")
	gone := enter("dora", "4711")
	late := enter("emil", "") // is asked for the PIN still
	const hz = 1000
	anna.Say(phone.Tone(hz, -15))
	s.wait("anna heard by bert", 10*time.Second, func() bool { return tone.LevelAt(bert.Listen(300*time.Millisecond), 8000, hz) > -25 })
	// What is acknowledged outlives a process that is killed at once.
	s.run("mute", "1000", "3")
	s.run("lock", "1000")
	before := s.live("1000")
	ssrc := bert.Packets()[0].SSRC
	gone.Forget()
	s = s.killed()
	back := time.Now()

	s.wait("anna heard by bert again", 3*time.Second, func() bool { return tone.LevelAt(bert.Listen(200*time.Millisecond), 8000, hz) > -25 })
	t.Logf("heard again %v after the server was there", time.Since(back))
	for i, p := range bert.Packets() {
		if p.SSRC != ssrc {
			t.Errorf("packet %d has SSRC %x, the one before the crash was %x", i, p.SSRC, ssrc)
			break
		}
	}
	s.wait("end of the call of who is gone", 10*time.Second, func() bool { return len(s.live("1000").Members) == 3 })
	after := s.live("1000")
	if !after.Locked || !after.Since.Equal(before.Since) {
		t.Errorf("the room is %+v, before the crash it was %+v", after, before)
	}
	want := unchanged(before)[:3]
	for i, m := range unchanged(after) {
		if !reflect.DeepEqual(m, want[i]) {
			t.Errorf("member %d is\n%+v, before the crash\n%+v", i+1, m, want[i])
		}
	}
	for name, call := range map[string]*phone.Call{"anna": anna, "bert": bert, "carl": carl, "emil": late} {
		if why := call.Ending(); why != "" {
			t.Errorf("the call of %s has ended: %s", name, why)
		}
	}
	// Who has not entered the PIN is asked for it anew. The room is locked for him, but not for a moderator.
	if err := late.Press("8421", phone.Press{Duration: 40 * time.Millisecond, Gap: 60 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	s.wait("emil in the room", 10*time.Second, func() bool { return len(s.live("1000").Members) == 4 })
	if m := s.live("1000").Members[3]; m.ID != 5 || m.Role != "moderator" {
		t.Errorf("who comes next is %+v; member 5, a moderator, is right", m)
	}
	if err := carl.Hangup(); err != nil {
		t.Errorf("a BYE in the dialog of before: %v", err)
	}
	rows := s.calls(2)
	if row := rows["dora"]; row.Room != "1000" || row.Result != "HANGUP" || row.Role != "participant" || row.Entered == nil {
		t.Errorf("the call of who is gone is recorded as %+v", row)
	}
	if row := rows["carl"]; row.Result != "HANGUP" || row.Answered == nil || row.Ended.Sub(*row.Answered) < time.Since(back) {
		t.Errorf("a call that a crash was in is recorded as %+v", row)
	}
}

func TestTalkAndRecordingGoOnAfterACrash(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	// Two phones that talk, the one over TCP.
	desk, secret := s.registered("200", "tcp")
	soft, _ := s.registered("201", "udp")
	anna := s.talks(desk, phone.Options{From: "200", Password: secret}, soft, "201")
	// A room that is recorded.
	quiet(s, "1000")
	s.run("room", "set", "1000", "-o", "record_conference=yes", "-o", "record_notice=no")
	carl := s.dial("1000", phone.Options{From: "carl"})
	const hz = 1000
	carl.Say(phone.Tone(hz, -15))
	var file string
	s.wait("recording", 10*time.Second, func() bool {
		if r := s.live("1000").Recording; r != nil {
			file = r.File
		}
		return file != ""
	})
	s.run("mute", "1000", "1") // what is acknowledged is written, and with it the file
	s.run("unmute", "1000", "1")
	s = s.killed("--guests", "all")

	s.wait("recording to go on", 10*time.Second, func() bool { r := s.live("1000").Recording; return r != nil && r.File == file })
	s.hears(anna.called, "201", 440, -15)
	s.hears(anna.caller, "200", 700, -15)
	for name, call := range map[string]*phone.Call{"anna": anna.caller, "bert": anna.called, "carl": carl} {
		if why := call.Ending(); why != "" {
			t.Errorf("the call of %s has ended: %s", name, why)
		}
	}
	// Who hangs up ends the talk for the other, whose connection of before is gone.
	if err := anna.called.Hangup(); err != nil {
		t.Fatal(err)
	}
	s.wait("end of the talk", 10*time.Second, func() bool { return s.status().Calls == 1 })
	rows := s.calls(2)
	if row := rows["201"]; row.Direction != string(store.CallOut) || row.Result != "HANGUP" || row.Answered == nil {
		t.Errorf("the call of who was called is recorded as %+v", row)
	}
}

// talk is a call between two phones, in which the caller says 440 Hz and the called one 700 Hz.
type talk struct{ caller, called *phone.Call }

// registered is a phone of the server's that has registered.
func (s *testServer) registered(number, transport string) (p *phone.Phone, password string) {
	s.t.Helper()
	p, err := phone.New(transport, "127.0.0.1")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.Close() })
	password = generatedPassword(s.t, s.run("phone", "add", number, "--name", "Phone "+number))
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if _, err := p.Register(ctx, s.sip, phone.Registration{User: number, Password: password}); err != nil {
		s.t.Fatal(err)
	}
	return p, password
}

// talks has one phone call another, which answers.
func (s *testServer) talks(from *phone.Phone, o phone.Options, to *phone.Phone, callee string) (both talk) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	call, err := from.Invite(s.sip, callee, o)
	if err != nil {
		s.t.Fatal(err)
	}
	in, err := to.Incoming(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	if both.called, err = in.Answer(ctx, phone.Options{}); err != nil {
		s.t.Fatal(err)
	}
	if err := call.Answered(ctx); err != nil {
		s.t.Fatal(err)
	}
	both.caller = call
	both.caller.Say(phone.Tone(440, -15))
	both.called.Say(phone.Tone(700, -15))
	s.hears(both.called, callee, 440, -15)
	return both
}

func TestCallThatCannotBeGoneOnWithIsGivenUp(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	p, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := p.Dial(ctx, s.sip, "1000", phone.Options{From: "silent"}); err != nil {
		t.Fatal(err)
	}
	s.run("lock", "1000")
	if err := p.Close(); err != nil { // without a word: no re-INVITE is answered any more
		t.Fatal(err)
	}
	for range 2 {
		s = s.killed("--guests", "all")
		if n := len(s.live("1000").Members); n != 1 {
			t.Fatalf("the room has %d members, the one whose call may still be gone on with is right", n)
		}
	}
	s = s.killed("--guests", "all")
	if n := s.status().Calls; n != 0 {
		t.Errorf("%d calls, of which none has let the server live", n)
	}
	if row := s.calls(1)["silent"]; row.Room != "1000" || row.Role != "participant" || row.Answered == nil || !strings.Contains(row.Reason, "killed") {
		t.Errorf("the call that was given up is recorded as %+v", row)
	}
}

func TestBenchKillsTheServerAndLosesNothing(t *testing.T) {
	t.Parallel()
	// Its exit code judges how soon they hear again, too, for which this machine has too much else to do.
	r := conclave(t, nil, "bench", "--members", "20", "--rooms", "2", "--talkers", "2", "--kills", "3", "--calls-per-second", "5", "--json")
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, r.stderr)
	}
	k := report.Killing
	if k == nil || k.Kills != 3 || k.Legs != 60 || k.HeardAtLast != 60 || k.Gone != 0 || k.Lost != 0 || k.Orders == 0 || k.Beside == 0 {
		t.Errorf("%+v: %s", k, r.stderr)
	}
}

// Keys are never written: an encrypted call gets new ones, and until then nothing is sent to it, least of all in clear.
func TestEncryptedCallGoesOnAfterACrashWithNewKeys(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all", "--insecure-sdes")
	quiet(s, "1000")
	anna := s.dial("1000", phone.Options{From: "anna", SRTP: "AES_CM_128_HMAC_SHA1_80"})
	bert := s.dial("1000", phone.Options{From: "bert"})
	anna.Say(phone.Tone(440, -15))
	bert.Say(phone.Tone(700, -15))
	s.hears(bert, "bert", 440, -15)
	s.run("lock", "1000")
	var text []byte
	for _, file := range []string{"conclave.db", "conclave.db-wal"} {
		part, err := os.ReadFile(filepath.Join(s.data, file))
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	if bytes.Contains(text, []byte("inline:")) || !bytes.Contains(text, []byte(`"encrypted":true`)) {
		t.Error("the call is not written, or with its keys")
	}
	s = s.killed("--guests", "all", "--insecure-sdes")
	s.hears(bert, "bert", 440, -15)
	s.hears(anna, "anna", 700, -15)
}
