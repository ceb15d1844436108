package sip_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// lights are the documents that a subscriber to dialogs has got, each as the states that are in it.
func (w *watcher) lights() (all []string) {
	w.t.Helper()
	for _, n := range w.Notices() {
		var doc struct {
			XMLName xml.Name `xml:"urn:ietf:params:xml:ns:dialog-info dialog-info"`
			State   string   `xml:"state,attr"`
			Dialogs []struct {
				ID        string `xml:"id,attr"`
				Direction string `xml:"direction,attr"`
				State     string `xml:"state"`
			} `xml:"dialog"`
		}
		if len(n.Body()) == 0 {
			continue
		}
		if err := xml.Unmarshal(n.Body(), &doc); err != nil || doc.State != "full" {
			w.t.Fatalf("%v:\n%s", err, n)
		}
		var states []string
		for _, d := range doc.Dialogs {
			states = append(states, strings.TrimSpace(d.State+" "+d.Direction))
		}
		all = append(all, strings.Join(states, ", "))
	}
	return all
}

// shows waits for the documents that there are to be.
func (w *watcher) shows(want ...string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("the lamp shows %q", want), func() bool { return len(w.lights()) >= len(want) })
	if got := w.lights(); !slices.Equal(got, want) {
		w.t.Errorf("the lamp has shown %q, want %q", got, want)
	}
}

func TestLampOfAPhone(t *testing.T) {
	s := startServer(t, frequent)
	a, b, c := s.phoneAt(t, "tcp", "200"), s.phoneAt(t, "udp", "201"), s.phoneAt(t, "udp", "202")
	caller, callee := c.watches("200", c.interest("dialog")), c.watches("201", c.interest("dialog"))
	caller.shows("terminated")
	callee.shows("terminated")
	anna := a.calls("201", a.asItself())
	in := b.rings()
	caller.shows("terminated", "early initiator")
	callee.shows("terminated", "early recipient")
	bert, err := in.Answer(ends(t), phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	caller.shows("terminated", "early initiator", "confirmed initiator")
	callee.shows("terminated", "early recipient", "confirmed recipient")
	// A phone in a room is in a call as any other.
	again := b.dials("2000", "")
	eventually(t, "two calls", func() bool { l := callee.lights(); return strings.Count(l[len(l)-1], "confirmed") == 2 })
	hangsUp(t, again)
	eventually(t, "one call", func() bool { l := callee.lights(); return strings.Count(l[len(l)-1], "confirmed") == 1 })
	hangsUp(t, anna)
	over(t, bert)
	eventually(t, "none", func() bool { l := callee.lights(); return l[len(l)-1] == "terminated recipient" })
	caller.shows("terminated", "early initiator", "confirmed initiator", "terminated initiator")
	// One that is not answered.
	anna = a.calls("201", a.asItself())
	in = b.rings()
	eventually(t, "it rings", func() bool { l := callee.lights(); return l[len(l)-1] == "early recipient" })
	if err := in.Refuse(486, "Busy Here"); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, anna, 486)
	eventually(t, "it rings no more", func() bool { l := callee.lights(); return l[len(l)-1] == "terminated recipient" })
	for _, n := range callee.Notices() {
		for _, secret := range []string{"200", "call-id", "tag=", "Phone"} {
			if strings.Contains(string(n.Body()), secret) {
				t.Errorf("who the phone talks with is told, or the call (%s):\n%s", secret, n.Body())
			}
		}
	}
	valid(t, "dialog-info", slices.Concat(caller.Notices(), callee.Notices()))
	s.empty(t)
}

func TestLampOfARoom(t *testing.T) {
	s := startServer(t, frequent)
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	open, closed, waits := a.watches("2000", a.interest("dialog")), a.watches("1000", a.interest("dialog")), a.watches("8000", a.interest("dialog"))
	for _, lamp := range []*watcher{open, closed, waits} {
		lamp.shows("terminated")
	}
	bert := b.dials("2000", "")
	open.shows("terminated", "confirmed recipient")
	second := b.dials("2000", "") // which changes nothing
	eventually(t, "both are in", func() bool { r, _ := s.house.Roster("2000"); return len(r.Entries) == 2 })
	hangsUp(t, bert, second)
	open.shows("terminated", "confirmed recipient", "terminated recipient")
	// Who has not keyed in the PIN is not there.
	bert = b.dials("1000", "")
	asked(t, bert)
	closed.shows("terminated")
	press(t, bert, "events", "1234")
	closed.shows("terminated", "confirmed recipient")
	hangsUp(t, bert)
	closed.shows("terminated", "confirmed recipient", "terminated recipient")
	// Whoever waits for a leader has the lamp blink.
	bert = b.dials("8000", "")
	waits.shows("terminated", "early recipient")
	if r, _ := s.house.Roster("8000"); len(r.Entries) != 1 || !r.Entries[0].Waiting {
		t.Errorf("the room has %+v", r.Entries)
	}
	hangsUp(t, bert)
	waits.shows("terminated", "early recipient", "terminated recipient")
	valid(t, "dialog-info", slices.Concat(open.Notices(), closed.Notices(), waits.Notices()))
	s.empty(t)
}

// waitingRoom is a room whose callers wait for a leader.
func waitingRoom() (rooms.Room, error) {
	options, err := rooms.ParseOptions(map[string]string{"quiet": "yes", "wait_marked": "yes"})
	return rooms.Room{ID: "waits", Extension: "8000", Name: "Waits", Options: options}, err
}

// A trunk whose peer chokes on it does not see that rooms are conferences.
func TestTrunkWithoutFocus(t *testing.T) {
	s := startServer(t, brisk)
	pbx := newAgent(t, s, "udp")
	for _, hidden := range []bool{false, true} {
		s.set(t, store.Trunk{Name: "pbx", Peer: pbx.local().String(), Transport: "udp", OpenRooms: true, NoFocus: hidden})
		call := (&handset{newPhone(t, "udp", "127.0.0.1"), t, &exchange{server: s}, "udp", "pbx"}).calls("2000", phone.Options{})
		if err := answered(call); err != nil {
			t.Fatal(err)
		}
		if got := call.Response().Contact().Params.Has("isfocus"); got == hidden {
			t.Errorf("hidden %v, isfocus in Contact: %v", hidden, got)
		}
		hangsUp(t, call)
	}
	s.empty(t)
}

// A PBX may ask who is in the rooms that its callers may enter, and nothing else.
func TestTrunkSubscribesToItsRooms(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { frequent(c); brisk(c) })
	pbx := &handset{newPhone(t, "udp", "127.0.0.2"), t, &exchange{server: s}, "udp", "pbx"}
	trunk := store.Trunk{Name: "pbx", Peer: pbx.Address().String(), Transport: "udp", DIDs: []string{"7"}}
	s.set(t, trunk)
	i := phone.Interest{User: "pbx", Event: "conference"}
	w := pbx.watches("71000", i)
	w.sees("nobody is there", "0")
	if res := pbx.refused("2000", i, 403); header(res, "Warning") == "" {
		t.Errorf("no Warning:\n%s", res)
	}
	i.Event = "dialog"
	pbx.refused("201", i, 403)
	pbx.watches("1000", i).shows("terminated")
	trunk.OpenRooms = true
	s.set(t, trunk)
	i.Event = "conference"
	open := pbx.watches("2000", i)
	open.sees("nobody is there", "0")
	b := s.phoneAt(t, "udp", "201")
	bert := b.dials("2000", "")
	open.sees("one is there", "1 active, Phone 201 participant connected")
	trunk.OpenRooms = false
	s.set(t, trunk)
	if got := open.ending(); got != "terminated;reason=rejected" {
		t.Errorf("without the right to the room it is over by %s", got)
	}
	s.set(t)
	if got := w.ending(); got != "terminated;reason=rejected" {
		t.Errorf("without the trunk it is over by %s", got)
	}
	hangsUp(t, bert)
	s.empty(t)
}
