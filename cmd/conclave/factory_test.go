package main

import (
	"strings"
	"testing"

	"conclave/sip/phone"
)

// A phone that calls the factory has a room with the prompts and keys of any other, until it hangs up.
func TestFactoryMakesARoom(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--factory", "9000")
	password := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
	p, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	call, err := p.Dial(t.Context(), s.sip, "9000", phone.Options{From: "200", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	number := call.Response().Contact().Address.User
	s.wait("the member", patience, func() bool { return strings.Contains(s.run("live"), number+" Conference, 1 member") })
	if live := s.run("live", number); !strings.Contains(live, "moderator") {
		t.Errorf("who has made the room is no moderator:\n%s", live)
	}
	s.run("mute", number, "1")
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
	s.wait("the end of the room", patience, func() bool { return strings.Contains(s.run("live"), "no conference") })
}
