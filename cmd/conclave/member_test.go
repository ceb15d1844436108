package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"conclave/sip/phone"
)

func TestOrdersReachTheMembersWhoAreMeant(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	var calls []*phone.Call
	for i, name := range []string{"anna", "bert", "carl", "dora"} {
		calls = append(calls, s.dial("1000", phone.Options{From: name}))
		s.wait("member "+name, 5*time.Second, func() bool { return len(s.live("1000").Members) == i+1 })
	}
	muted := func() (muted []string) {
		for _, m := range s.live("1000").Members {
			if m.Muted {
				muted = append(muted, m.Caller)
			}
		}
		return muted
	}
	for _, tt := range []struct {
		args  []string
		says  string
		muted []string
	}{
		{[]string{"mute", "1000", "--last"}, "1 muted\n", []string{"dora"}},
		{[]string{"mute", "1000", "2"}, "1 muted\n", []string{"bert", "dora"}},
		{[]string{"unmute", "1000", "--last"}, "1 unmuted\n", []string{"bert"}},
		{[]string{"unmute", "1000", "2"}, "1 unmuted\n", nil},
		{[]string{"mute", "1000", "--all"}, "4 muted\n", []string{"anna", "bert", "carl", "dora"}},
		{[]string{"unmute", "1000", "--all"}, "4 unmuted\n", nil},
		{[]string{"mute", "1000", "--participants"}, "4 muted\n", []string{"anna", "bert", "carl", "dora"}},
		{[]string{"unmute", "1000", "--participants"}, "4 unmuted\n", nil},
	} {
		if out := s.run(tt.args...); out != tt.says {
			t.Errorf("%v printed %q, want %q", tt.args, out, tt.says)
		}
		if got := muted(); !slices.Equal(got, tt.muted) {
			t.Errorf("after %v muted are %v, want %v", tt.args, got, tt.muted)
		}
	}

	gone := func(calls ...*phone.Call) {
		t.Helper()
		for _, call := range calls {
			select {
			case <-call.Done():
			case <-time.After(10 * time.Second):
				t.Fatal("the kicked member's call goes on")
			}
		}
	}
	if out := s.run("kick", "1000", "--last"); out != "1 kicked\n" {
		t.Errorf("kick --last printed %q", out)
	}
	gone(calls[3])
	if out := s.run("kick", "1000", "2"); out != "1 kicked\n" {
		t.Errorf("kick 2 printed %q", out)
	}
	gone(calls[1])
	if n := len(s.live("1000").Members); n != 2 {
		t.Errorf("%d members are left, want 2", n)
	}
	if out := s.run("kick", "1000", "--participants"); out != "2 kicked\n" {
		t.Errorf("kick --participants printed %q", out)
	}
	gone(calls...)
	data := "--data=" + s.data
	for _, who := range []string{"1", "--all", "--last", "--participants"} {
		conclave(t, nil, data, "mute", "1000", who).refused(t, "room 1000 has no members now")
		conclave(t, nil, data, "kick", "999", who).refused(t, "there is no room 999")
	}
}

func TestWhatIsNoNumberOfAMemberIsRefused(t *testing.T) {
	for _, number := range []string{"0", "anna", "1,2", "99999999999999999999"} {
		conclave(t, nil, "mute", "1000", number).refused(t, fmt.Sprintf("member %q", number), "a number from 1", "conclave live", "--all")
	}
}

func TestOrdersWithoutAMemberAreRefused(t *testing.T) {
	for _, order := range []string{"mute", "unmute", "kick"} {
		for _, who := range [][]string{nil, {"1", "--all"}, {"--all", "--last"}, {"--last", "--participants"}, {"1", "--participants"}} {
			t.Run(fmt.Sprint(order, who), func(t *testing.T) {
				conclave(t, nil, append([]string{order, "1000"}, who...)...).refused(t, "--all, --last or --participants")
			})
		}
	}
}
