package rooms_test

import (
	"strings"
	"testing"
	"time"

	"conclave/rooms"
	"conclave/store"
)

// defaults are the options of a room for which none is given.
var defaults = rooms.Options{AnnounceOnlyUser: true, HearOwnJoinSound: true, MusicOnHoldWhenEmpty: true}

func TestOptionsAreRead(t *testing.T) {
	with := func(change func(*rooms.Options)) rooms.Options {
		o := defaults
		change(&o)
		return o
	}
	tests := []struct {
		name, value string
		want        rooms.Options
	}{
		{"quiet", "yes", with(func(o *rooms.Options) { o.Quiet = true })},
		{"quiet", "true", with(func(o *rooms.Options) { o.Quiet = true })},
		{"quiet", "on", with(func(o *rooms.Options) { o.Quiet = true })},
		{"quiet", "1", with(func(o *rooms.Options) { o.Quiet = true })},
		{"quiet", " YES ", with(func(o *rooms.Options) { o.Quiet = true })},
		{"quiet", "no", defaults},
		{"announce_only_user", "no", with(func(o *rooms.Options) { o.AnnounceOnlyUser = false })},
		{"announce_only_user", "false", with(func(o *rooms.Options) { o.AnnounceOnlyUser = false })},
		{"hear_own_join_sound", "off", with(func(o *rooms.Options) { o.HearOwnJoinSound = false })},
		{"music_on_hold_when_empty", "0", with(func(o *rooms.Options) { o.MusicOnHoldWhenEmpty = false })},
		{"startmuted", "yes", with(func(o *rooms.Options) { o.StartMuted = true })},
		{"max_members", "0", defaults},
		{"max_members", "12", with(func(o *rooms.Options) { o.MaxMembers = 12 })},
		{"max_members", "100000", with(func(o *rooms.Options) { o.MaxMembers = 100_000 })},
		{"timeout", "90", with(func(o *rooms.Options) { o.Timeout = 90 * time.Second })},
	}
	for _, test := range tests {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			got, err := rooms.ParseOptions(map[string]string{test.name: test.value})
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
	if got, err := rooms.ParseOptions(nil); err != nil || got != defaults {
		t.Errorf("without options: got %+v, %v; want %+v", got, err, defaults)
	}
}

func TestWrongOptionsAreNamedWithWhatWouldBeRight(t *testing.T) {
	tests := []struct {
		name, value string
		want        []string
	}{
		{"quiet", "maybe", []string{"quiet", `"maybe"`, "yes or no", "default no"}},
		{"quiet", "", []string{"quiet", `""`, "yes or no"}},
		{"max_members", "many", []string{"max_members", `"many"`, "whole number of members from 0 to 100000", "default 0"}},
		{"max_members", "-1", []string{"max_members", `"-1"`, "from 0 to 100000"}},
		{"max_members", "100001", []string{"max_members", `"100001"`, "from 0 to 100000"}},
		{"max_members", "99999999999999999999", []string{"max_members", "from 0 to 100000"}},
		{"timeout", "1.5", []string{"timeout", `"1.5"`, "whole number of seconds from 0 to 604800"}},
		{"timeout", "10s", []string{"timeout", `"10s"`, "seconds"}},
		{"wait_marked", "yes", []string{"wait_marked", "not supported by this version", "max_members"}},
		{"sound_begin", "x", []string{"sound_begin", "not supported by this version"}},
		{"record_command", "rm", []string{"record_command", "not supported by this version", "runs a program"}},
		{"video_mode", "none", []string{"video_mode", "not supported by this version", "audio"}},
		{"pin", "1", []string{"option pin", "setting of the room"}},
		{"max_member", "3", []string{`"max_member"`, "nearest", "max_members"}},
		{"Quiet", "yes", []string{`"Quiet"`, "nearest", "quiet"}},
		{"startmutet", "yes", []string{`"startmutet"`, "startmuted"}},
		{"wait_market", "yes", []string{`"wait_market"`, "wait_marked"}},
		{"", "yes", []string{`unknown option ""`}},
	}
	for _, test := range tests {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			got, err := rooms.ParseOptions(map[string]string{test.name: test.value})
			if err == nil {
				t.Fatalf("taken: %+v", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestAllWrongOptionsAreNamedAtOnce(t *testing.T) {
	_, err := rooms.ParseOptions(map[string]string{"quiet": "x", "timeout": "y", "colour": "z", "startmuted": "yes"})
	if err == nil {
		t.Fatal("taken")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 {
		t.Errorf("got %d lines, want 3:\n%v", len(lines), err)
	}
}

func TestOptionNamesAreSortedAndTaken(t *testing.T) {
	want := "announce_only_user hear_own_join_sound max_members music_on_hold_when_empty quiet startmuted timeout"
	if got := strings.Join(rooms.OptionNames(), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStoredRoomBecomesARoom(t *testing.T) {
	got, err := rooms.NewRoom(store.Room{ID: "r1", Extension: "1000", Name: "Board", PIN: "0",
		Options: map[string]string{"quiet": "yes"}})
	want := rooms.Room{ID: "r1", Extension: "1000", Name: "Board", PIN: "0", Options: defaults}
	want.Options.Quiet = true
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	_, err = rooms.NewRoom(store.Room{Extension: "1000", Options: map[string]string{"menu": "x"}})
	if err == nil || !strings.Contains(err.Error(), "room 1000") || !strings.Contains(err.Error(), "menu") {
		t.Errorf("got %v, want an error that names room and option", err)
	}
}
