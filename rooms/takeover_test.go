package rooms

import (
	"testing"

	"conclave/mixer"
)

// takesOver has a phone take the place of another one's visit.
func (b *building) takesOver(name string, of *phone) *phone {
	b.t.Helper()
	p := b.phone(name, "")
	p.visit = of.visit.TakeOver(p.ctx, p)
	p.done = p.visit.Done()
	return p
}

func TestWhoTakesAPlaceIsThatMember(t *testing.T) {
	for _, test := range []struct {
		name          string
		mute, unmuted bool // by an operator before, and again afterwards
	}{{name: "as he is"}, {name: "muted", mute: true, unmuted: true}} {
		t.Run(test.name, func(t *testing.T) {
			b := newBuilding(t, mixer.Config{})
			room := b.room("", map[string]string{"quiet": "yes", "music_on_hold_when_empty": "no"})
			ann := b.call("ann", room)
			b.members(1)
			bob := b.call("bob", room)
			before := b.members(2)[1]
			if test.mute {
				if _, err := b.house.Mute("1000", Selection{Member: 2}, true); err != nil {
					t.Fatal(err)
				}
			}
			eve := b.takesOver("eve", bob)
			bob.over(t, ResultHangup)
			after := b.members(2)[1]
			if after.ID != before.ID || after.Call != "call-eve" || after.Role != before.Role || after.MutedBy != map[bool]string{true: "moderator"}[test.mute] {
				t.Errorf("member %+v, before %+v", after, before)
			}
			if test.unmuted {
				if _, err := b.house.Mute("1000", Selection{Member: 2}, false); err != nil {
					t.Fatal(err)
				}
			}
			eve.talks.Store(true)
			ann.heardOnly(t, "eve")
			eve.cancel()
			eve.over(t, ResultHangup)
			b.members(1)
		})
	}
}

func TestPlacesAreTakenOverInARow(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("1234", nil)
	ann := b.call("ann", room)
	ann.press("1234")
	b.members(1)
	bob := b.takesOver("bob", ann)
	eve := b.takesOver("eve", bob)
	ann.over(t, ResultHangup)
	bob.over(t, ResultHangup)
	if m := b.members(1)[0]; m.ID != 1 || m.Call != "call-eve" {
		t.Errorf("member %+v, want eve as 1", m)
	}
	eve.cancel()
	eve.over(t, ResultHangup)
	b.members(0)
}

func TestWhoTakesThePlaceOfNoMemberIsAskedForThePIN(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("1234", nil)
	for _, gone := range []bool{false, true} {
		ann := b.call("ann", room)
		ann.hears(t, promptGetPIN)
		if gone {
			ann.cancel()
			ann.over(t, ResultHangup)
		}
		bob := b.takesOver("bob", ann)
		ann.over(t, ResultHangup)
		bob.hears(t, promptGetPIN)
		b.members(0)
		bob.press("1234")
		b.members(1)
		bob.cancel()
		bob.over(t, ResultHangup)
	}
}

// Whoever hangs up while he takes a place leaves none behind.
func TestTakeoverAndHangUpAtOnce(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", nil)
	for range 20 {
		ann := b.call("ann", room)
		b.members(1)
		bob := b.takesOver("bob", ann)
		bob.cancel()
		ann.over(t, ResultHangup)
		bob.over(t, ResultHangup)
		b.members(0)
	}
}
