package rooms

import (
	"testing"
	"time"

	"conclave/mixer"
)

func TestStayTellsWhoBecameAMember(t *testing.T) {
	b := newBuilding(t, mixer.Config{})
	room := b.room("", map[string]string{"max_members": "1", "quiet": "yes"})
	before := time.Now()
	ann := b.call("ann", room)
	b.members(1)
	bob := b.call("bob", room)
	bob.over(t, ResultFull)
	if stay := bob.visit.Stay(); stay != (Stay{Result: ResultFull, Reason: errFull.Error()}) {
		t.Errorf("who was not let in had %+v", stay)
	}
	if n, err := b.house.Kick("1000", Selection{All: true}); err != nil || n != 1 {
		t.Fatalf("%d kicked, %v", n, err)
	}
	ann.over(t, ResultKicked)
	stay := ann.visit.Stay()
	if stay.Entered.Before(before) || stay.Entered.After(time.Now()) {
		t.Errorf("became a member at %v", stay.Entered)
	}
	stay.Entered = time.Time{}
	if stay != (Stay{Result: ResultKicked, Reason: "removed by an operator or a moderator", Role: "participant"}) {
		t.Errorf("the member had %+v", stay)
	}
}
