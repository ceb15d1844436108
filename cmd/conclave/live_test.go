package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"conclave/rooms"
	"conclave/sip/phone"
)

func TestLiveTableShowsHostileCallersHarmlessly(t *testing.T) {
	since := time.Date(2030, 1, 2, 10, 20, 30, 0, time.Local)
	live := []rooms.Conference{
		{Extension: "1000", Name: "Weekly", Since: since, Locked: true, Members: []rooms.Member{
			{ID: 1, Caller: "100", Name: "Anna", Role: "moderator", Since: since, Codec: "PCMU", Level: -21.4, Talking: true, Entered: true, TalkTime: 65, LossPercent: 0.25, Jitter: 1.26, Delay: 20},
			{ID: 12, Caller: "1\x1b[2J", Name: "\u202eevil\n", Role: "participant", Since: since, Codec: "opus", Rate: 48000, Level: -127, Muted: true, MutedBy: "moderator", Music: true, Encryption: "AEAD_AES_128_GCM", Entered: true, TalkTime: 3605},
		}},
		{Extension: "20", Name: "Two", Since: since, Members: []rooms.Member{
			{ID: 1, Since: since, Level: -127},
			{ID: 2, Since: since, Level: -127, Waiting: true, Muted: true},
		}},
	}
	var out strings.Builder
	if err := writeLive(&out, live); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`1000 Weekly, 2 members since 10:20:30, locked`,
		`MEMBER  CALLER    NAME          ROLE         STATE                      LEVEL      TALKED   LAST MINUTE  LOSS   JITTER  DELAY  CODEC           SINCE`,
		`1       100       Anna          moderator    talking                    -21 dBFS   1:05                  0.2 %  1.3 ms  20 ms  PCMU            10:20:30`,
		`12      1\x1b[2J  \u202eevil\n  participant  muted by moderator, music  -127 dBFS  1:00:05               0.0 %  0.0 ms  0 ms   opus 48k, SRTP  10:20:30`,
		``,
		`20 Two, 2 members since 10:20:30`,
		`MEMBER  CALLER  NAME  ROLE  STATE           LEVEL      TALKED  LAST MINUTE  LOSS   JITTER  DELAY  CODEC  SINCE`,
		`1                           entering        -127 dBFS  0:00                 0.0 %  0.0 ms  0 ms          10:20:30`,
		`2                           waiting, muted  -127 dBFS  0:00                 0.0 %  0.0 ms  0 ms          10:20:30`,
		``,
	}, "\n")
	if out.String() != want {
		t.Errorf("live is\n%s\nwant\n%s", out.String(), want)
	}
}

func TestOperatorsMuteKickAndLock(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	s.run("room", "add", "1000", "--name", "Weekly", "--no-pin")
	s.run("room", "add", "1001", "--name", "Empty", "--no-pin")
	first := s.dial("1000", phone.Options{From: "anna"})
	second := s.dial("1000", phone.Options{From: "bert", Codecs: []phone.Codec{phone.PCMA}})
	s.wait("two members", 10*time.Second, func() bool {
		members := s.live("1000").Members
		return len(members) == 2 && members[0].Codec != "" && members[1].Codec != ""
	})
	member := func(caller string) rooms.Member {
		t.Helper()
		for _, m := range s.live("1000").Members {
			if m.Caller == caller {
				return m
			}
		}
		return rooms.Member{}
	}
	anna, bert := member("anna"), member("bert")
	if anna.Codec != "PCMU" || bert.Codec != "PCMA" || anna.ID == bert.ID {
		t.Errorf("members are %+v and %+v", anna, bert)
	}

	if out := s.run("mute", "1000", "1"); out != "1 muted\n" {
		t.Errorf("mute printed %q", out)
	}
	s.wait("mute", 5*time.Second, func() bool { return s.live("1000").Members[0].Muted })
	if out := s.run("unmute", "1000", "1"); out != "1 unmuted\n" {
		t.Errorf("unmute printed %q", out)
	}
	s.wait("unmute", 5*time.Second, func() bool { return !s.live("1000").Members[0].Muted })
	s.run("lock", "1000")
	if !s.live("1000").Locked {
		t.Error("lock did not lock")
	}
	s.run("unlock", "1000")
	if s.live("1000").Locked {
		t.Error("unlock did not unlock")
	}
	if out := s.run("live", "1000"); !strings.Contains(out, "1000 Weekly, 2 members") || !strings.Contains(out, "anna") {
		t.Errorf("live 1000:\n%s", out)
	}
	if out := s.run("live", "1001", "--json"); out != "[]\n" {
		t.Errorf("live of a room with nobody in it: %q", out)
	}

	data := "--data=" + s.data
	conclave(t, nil, data, "mute", "1000", "7").refused(t, "room 1000 has no member 7", "1, 2")
	conclave(t, nil, data, "kick", "1001", "1").refused(t, "room 1001 has no members")
	conclave(t, nil, data, "lock", "999").refused(t, "no room 999")
	conclave(t, nil, data, "live", "999").refused(t, "no room 999")

	s.run("kick", "1000", fmt.Sprint(anna.ID))
	select {
	case <-first.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the kicked member's call goes on")
	}
	if out := s.run("kick", "1000", "--all"); out != "1 kicked\n" {
		t.Errorf("kick --all printed %q", out)
	}
	select {
	case <-second.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("after kick --all a call goes on")
	}

	// Each order leaves a line with who gave it.
	log, err := os.ReadFile(s.data + "/log")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/rooms/1000/members/1/mute", "/v1/rooms/1000/lock", "/v1/rooms/1000/members/all/kick", "/v1/rooms/reload"} {
		found := false
		for line := range strings.Lines(string(log)) {
			found = found || strings.Contains(line, "msg=operator") && strings.Contains(line, "uid=") && strings.Contains(line, "path="+path+"\n")
		}
		if !found {
			t.Errorf("no audit line for %s", path)
		}
	}
}

func TestWatchRepeatsUntilItIsEnded(t *testing.T) {
	s := startServer(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	watch := exec.Command(path, "live", "--watch", "--json", "--data", s.data)
	stdout, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	pictures := json.NewDecoder(stdout)
	for range 2 {
		var live []rooms.Conference
		if err := pictures.Decode(&live); err != nil {
			t.Fatal(err)
		}
	}
	if err := watch.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := watch.Wait(); err != nil {
		t.Errorf("ctrl-C: %v", err)
	}
}
