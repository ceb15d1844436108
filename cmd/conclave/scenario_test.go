package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"conclave/rooms"
	"conclave/sip/phone"
)

// These are the scenarios of ConfBridge's own tests that need calls over SIP; rooms/scenario_test.go has the others, and says
// which is where.

func TestScenarioTalkingEndsOnHold(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	const hz = 1000
	for i, hold := range []struct {
		name string
		phone.Change
	}{
		{"sendonly", phone.Change{Direction: "sendonly"}}, // the phone plays music of its own
		{"inactive", phone.Change{Direction: "inactive"}},
		{"of RFC 2543", phone.Change{ZeroHold: true}},
	} {
		t.Run(hold.name, func(t *testing.T) {
			t.Parallel()
			extension := fmt.Sprint(1000 + i)
			quiet(s, extension)
			s.run("room", "set", extension, "-o", "talk_detection_events=yes", "-o", "dsp_silence_threshold=500")
			events := s.follow(extension)
			bert := s.dial(extension, phone.Options{From: "bert"})
			events.next("join", "bert")
			anna := s.dial(extension, phone.Options{From: "anna"})
			events.next("join", "anna")
			reinvite := func(change phone.Change) {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if err := anna.Reinvite(ctx, change); err != nil {
					t.Fatal(err)
				}
			}
			anna.Say(phone.Tone(hz, -15))
			for range 2 {
				events.next("talking", "anna")
				if level := loudest(bert.Listen(time.Second), hz); level < -25 {
					t.Errorf("before the hold she is heard at %.0f dBFS", level)
				}
				reinvite(hold.Change)
				events.next("silent", "anna")
				if s.live(extension).Members[1].Talking {
					t.Error("she is shown as talking")
				}
				if level := loudest(bert.Listen(time.Second), 0); level > -60 {
					t.Errorf("her hold music is heard at %.0f dBFS", level)
				}
				reinvite(phone.Change{}) // and she goes on
			}
			events.next("talking", "anna")
		})
	}
}

func TestScenarioMenuChangesForTheNextCaller(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.run("menu", "set", "muting", "1", "toggle_mute")
	s.run("menu", "set", "leaving", "1", "leave_conference")
	s.run("room", "add", "1000", "--name", "Menus", "--pin", "4711", "--moderator-pin", "8421", "-o", "quiet=yes", "-o", "music_on_hold_when_empty=no")
	// member is how the room has a caller.
	member := func(caller string) (rooms.Member, bool) {
		members := s.live("1000").Members
		i := slices.IndexFunc(members, func(m rooms.Member) bool { return m.Caller == caller })
		if i < 0 {
			return rooms.Member{}, false
		}
		return members[i], true
	}
	enter := func(caller, pin string) *phone.Call {
		t.Helper()
		call := s.dial("1000", phone.Options{From: caller})
		if err := call.Press(pin, phone.Press{Duration: 40 * time.Millisecond, Gap: 60 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		s.wait(caller+" in the room", 10*time.Second, func() bool { _, in := member(caller); return in })
		return call
	}
	// The call may be over before the key is up again.
	press := func(call *phone.Call) { _ = call.Press("1", phone.Press{}) }
	s.run("room", "set", "1000", "-o", "menu=muting")
	anna := enter("anna", "4711") // keeps the menu that she found
	const participant, moderator = "4711", "8421"
	for i, step := range []struct {
		set  string
		pin  string
		want string
	}{
		{"menu=muting", participant, "muted"},
		{"menu=leaving", participant, "gone"},
		{"menu=leaving", moderator, "muted"}, // by the moderators' usual one
		{"moderator_menu=leaving", moderator, "gone"},
		{"moderator_menu=muting", moderator, "muted"},
		{"moderator_menu=muting", participant, "gone"}, // by menu=leaving
		{"moderator_menu=none", moderator, "nothing"},
		{"menu=none", participant, "nothing"},
		{"moderator_menu=", moderator, "muted"},
		{"menu=", participant, "muted"},
	} {
		s.run("room", "set", "1000", "-o", step.set)
		caller := fmt.Sprint("caller", i)
		call := enter(caller, step.pin)
		press(call)
		if step.want == "nothing" {
			time.Sleep(500 * time.Millisecond)
		}
		what := fmt.Sprintf("%s, PIN %s: %s by 1", step.set, step.pin, step.want)
		s.wait(what, 10*time.Second, func() bool {
			m, in := member(caller)
			switch step.want {
			case "muted":
				return m.Muted
			case "gone":
				return !in
			}
			return in && !m.Muted
		})
		_ = call.Hangup()
	}
	press(anna)
	s.wait("mute of anna by the menu that she found", 10*time.Second, func() bool { m, _ := member("anna"); return m.Muted })
	// The actions of a menu, too, are changed for the next caller.
	s.run("room", "set", "1000", "-o", "menu=muting")
	s.run("menu", "set", "muting", "1", "leave_conference")
	bert := enter("bert", participant)
	press(bert)
	select {
	case <-bert.Done():
	case <-time.After(10 * time.Second):
		t.Error("the menu was changed, and the next caller has the one before")
	}
}
