package rooms

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"conclave/media"
	"conclave/mixer"
)

// Where the scenarios of ConfBridge's own tests are:
//
//	nominal                 TestScenarios/nominal
//	marked                  TestScenarios/marked
//	marked, unmarked        TestScenarios/marked_unmarked
//	end_marked              TestScenarios/end_marked, TestEndMarkedGoWithTheLastLeader
//	end_marked_any          TestScenarios/end_marked_any, TestEndMarkedAnyGoWithTheFirstLeader
//	wait_marked, kick       TestScenarios/wait_marked_kick, TestKickedWaiterIsToldAndTheOthersWaitOn
//	wait_marked, normal     TestScenarios/wait_marked_normal, TestWaitMarkedHearMusicAndNotEachOtherUntilALeaderComes
//	wait_marked, only       TestScenarios/wait_marked_only
//	wait_marked, single     TestScenarios/wait_marked_single
//	triple lindy            TestTripleLindy; TestStandingsAreThoseOfConfBridge by rules alone, and
//	                        TestRandomComingsAndGoingsAreAsTheRulesSay with mutes, kicks and locks between
//	start_muted             TestMembersThatStartMutedAreNotHeardUntilAnOperatorSaysSo, TestModeratorStartsUnmuted
//	muted conference        TestMutedConferenceMutesWhoComesLater
//	timeout                 TestScenarios/timeout, TestTimeAllowedEnds
//	kick one                TestScenarios/kick_one, TestKickedMemberIsToldAndTheOthersHearHimLeave
//	kick last               TestScenarios/kick_last, TestKeyKicksWhoCameLastUnlessHeIsAModerator
//	kick all                TestScenarios/kick_all, TestKickingAllEndsTheConference
//	kick non-admins         TestScenarios/kick_non_admins, TestOperatorsSelectMembers
//	dynamic menus           TestScenarioMenuChangesForTheNextCaller in cmd/conclave
//	talking                 TestEventsTellWhatHappens
//	talking off on hold     TestScenarioTalkingEndsOnHold in cmd/conclave

// parts are the kinds of members that scenarios have.
var parts = map[string]map[string]string{
	"plain":           {},
	"marked":          {"marked": "yes"},
	"wait":            {"wait_marked": "yes"},
	"end":             {"end_marked": "yes"},
	"wait+end":        {"wait_marked": "yes", "end_marked": "yes"},
	"any":             {"end_marked_any": "yes"},
	"marked+wait+end": {"marked": "yes", "wait_marked": "yes", "end_marked": "yes"},
	"admin":           {"admin": "yes"},
	"brief":           {"timeout": "1"},
}

// scene is one step of a scenario.
type scene struct {
	does  string // "ann joins as marked", "ann leaves", "kick of ann", "kick of all", …; empty: time passes
	want  string // the state of the room, who is in it, in parentheses who waits, and who has gone how
	hears string // what who hears of it, among other things: "ann: music, bob: conf-kicked"
}

func TestScenarios(t *testing.T) {
	for _, test := range []struct {
		name   string
		scenes []scene
	}{
		{"nominal", []scene{
			{"ann joins as plain", "single ann", "ann: conf-onlyperson confbridge-join music"},
			{"bob joins as plain", "multi ann bob", "ann: confbridge-join, bob: confbridge-join"},
			{"eve joins as plain", "multi ann bob eve", "ann: confbridge-join"},
			{"bob leaves", "multi ann eve, bob HANGUP", "ann: confbridge-leave, eve: confbridge-leave"},
			{"eve leaves", "single ann, eve HANGUP", "ann: confbridge-leave music"},
			{"ann leaves", "empty, ann HANGUP", ""},
		}},
		{"marked", []scene{
			{"ann joins as marked", "single_marked ann", "ann: conf-onlyperson music"},
			{"bob joins as marked", "multi_marked ann bob", "ann: confbridge-join"},
			{"ann leaves", "single_marked bob, ann HANGUP", "bob: confbridge-leave music"},
			{"bob leaves", "empty, bob HANGUP", ""},
		}},
		{"marked_unmarked", []scene{
			{"ann joins as marked", "single_marked ann", ""},
			{"bob joins as plain", "multi_marked ann bob", "ann: confbridge-join"},
			{"eve joins as plain", "multi_marked ann bob eve", "bob: confbridge-join"},
			{"ann leaves", "multi bob eve, ann HANGUP", "bob: conf-leaderhasleft, eve: conf-leaderhasleft"},
			{"joe joins as marked", "multi_marked bob eve joe", "bob: confbridge-join"},
			{"bob leaves", "multi_marked eve joe, bob HANGUP", "joe: confbridge-leave"},
			{"eve leaves", "single_marked joe, eve HANGUP", "joe: music"},
		}},
		{"end_marked", []scene{
			{"bob joins as end", "single bob", "bob: conf-onlyperson music"},
			{"ann joins as marked", "multi_marked bob ann", "bob: confbridge-join"},
			{"eve joins as wait+end", "multi_marked bob ann eve", ""},
			{"joe joins as plain", "multi_marked bob ann eve joe", ""},
			{"kim joins as marked", "multi_marked bob ann eve joe kim", ""},
			{"ann leaves", "multi_marked bob eve joe kim, ann HANGUP", "bob: confbridge-leave"},
			{"kim leaves", "single joe, bob ENDMARKED, eve ENDMARKED, kim HANGUP", "bob: conf-leaderhasleft, eve: conf-leaderhasleft, joe: conf-leaderhasleft music"},
		}},
		{"end_marked_any", []scene{
			{"ann joins as marked", "single_marked ann", ""},
			{"bob joins as any", "multi_marked ann bob", ""},
			{"eve joins as marked", "multi_marked ann bob eve", ""},
			{"ann leaves", "single_marked eve, ann HANGUP, bob ENDMARKED", "bob: conf-leaderhasleft, eve: music"},
		}},
		{"wait_marked_normal", []scene{
			{"bob joins as wait", "inactive (bob)", "bob: conf-waitforleader music"},
			{"eve joins as wait", "inactive (bob) (eve)", "eve: conf-waitforleader music"},
			{"ann joins as marked", "multi_marked bob eve ann", "ann: confbridge-conf-begin, bob: confbridge-conf-begin, eve: confbridge-conf-begin"},
			{"joe joins as wait", "multi_marked bob eve ann joe", "bob: confbridge-join"},
			{"ann leaves", "inactive (bob) (eve) (joe), ann HANGUP", "bob: conf-leaderhasleft music, joe: conf-leaderhasleft music"},
			{"kim joins as marked", "multi_marked bob eve joe kim", "bob: confbridge-conf-begin"},
			{"eve leaves", "multi_marked bob joe kim, eve HANGUP", "bob: confbridge-leave"},
		}},
		{"wait_marked_only", []scene{
			{"bob joins as wait", "inactive (bob)", "bob: conf-waitforleader music"},
			{"eve joins as wait", "inactive (bob) (eve)", "eve: conf-waitforleader music"},
			{"joe joins as wait", "inactive (bob) (eve) (joe)", "joe: conf-waitforleader music"},
			{"eve leaves", "inactive (bob) (joe), eve HANGUP", ""},
			{"bob leaves", "inactive (joe), bob HANGUP", "joe: music"},
			{"joe leaves", "empty, joe HANGUP", ""},
		}},
		{"wait_marked_single", []scene{
			{"bob joins as wait", "inactive (bob)", "bob: conf-waitforleader music"},
			{"eve joins as plain", "single (bob) eve", "eve: conf-onlyperson music, bob: music"},
			{"joe joins as plain", "multi (bob) eve joe", "eve: confbridge-join"},
			{"eve leaves", "single (bob) joe, eve HANGUP", "joe: confbridge-leave music"},
			{"ann joins as marked", "multi_marked bob joe ann", "bob: confbridge-conf-begin"},
			{"joe leaves", "multi_marked bob ann, joe HANGUP", "bob: confbridge-leave"},
			{"ann leaves", "inactive (bob), ann HANGUP", "bob: conf-leaderhasleft music"},
		}},
		{"wait_marked_kick", []scene{
			{"bob joins as wait", "inactive (bob)", "bob: conf-waitforleader music"},
			{"eve joins as wait", "inactive (bob) (eve)", "eve: conf-waitforleader music"},
			{"kick of bob", "inactive (eve), bob KICKED", "bob: conf-kicked, eve: music"},
			{"ann joins as marked", "multi_marked eve ann", "eve: confbridge-conf-begin"},
			{"kick of ann", "inactive (eve), ann KICKED", "ann: conf-kicked, eve: conf-leaderhasleft music"},
			{"kick of eve", "empty, eve KICKED", "eve: conf-kicked"},
		}},
		{"timeout", []scene{
			{"ann joins as plain", "single ann", ""},
			{"bob joins as brief", "single ann, bob TIMEOUT", "ann: confbridge-join confbridge-leave music, bob: confbridge-join"},
			{"ann leaves", "empty, ann HANGUP", ""},
		}},
		{"kick_one", []scene{
			{"ann joins as admin", "single ann", ""},
			{"bob joins as plain", "multi ann bob", ""},
			{"eve joins as plain", "multi ann bob eve", ""},
			{"kick of bob", "multi ann eve, bob KICKED", "bob: conf-kicked, ann: confbridge-leave"},
			{"kick of ann", "single eve, ann KICKED", "ann: conf-kicked, eve: confbridge-leave music"},
		}},
		{"kick_last", []scene{
			{"ann joins as plain", "single ann", ""},
			{"bob joins as plain", "multi ann bob", ""},
			{"eve joins as admin", "multi ann bob eve", ""},
			{"kick of last", "multi ann bob, eve KICKED", "eve: conf-kicked, ann: confbridge-leave"},
			{"kick of last", "single ann, bob KICKED", "bob: conf-kicked, ann: music"},
			{"kick of last", "empty, ann KICKED", "ann: conf-kicked"},
		}},
		{"kick_all", []scene{
			{"ann joins as admin", "single ann", ""},
			{"bob joins as plain", "multi ann bob", ""},
			{"eve joins as wait", "multi ann bob (eve)", "eve: conf-waitforleader music"},
			{"kick of all", "empty, ann KICKED, bob KICKED, eve KICKED", "ann: conf-kicked, bob: conf-kicked, eve: conf-kicked"},
			{"joe joins as plain", "single joe", "joe: conf-onlyperson music"},
		}},
		{"kick_non_admins", []scene{
			{"ann joins as admin", "single ann", ""},
			{"bob joins as marked", "multi_marked ann bob", ""},
			{"eve joins as wait+end", "multi_marked ann bob eve", ""},
			{"joe joins as plain", "multi_marked ann bob eve joe", ""},
			{"kim joins as admin", "multi_marked ann bob eve joe kim", ""},
			{"kick of participants", "multi ann kim, bob KICKED, eve KICKED, joe KICKED", "bob: conf-kicked, eve: conf-kicked, joe: conf-kicked, ann: confbridge-leave"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &play{building: newBuilding(t, mixer.Config{}), phones: make(map[string]*phone), gone: make(map[string]bool)}
			for _, scene := range test.scenes {
				p.perform(scene)
			}
		})
	}
}

// play is a scenario that is performed.
type play struct {
	*building
	phones map[string]*phone
	gone   map[string]bool // before this scene
}

// perform does what a scene says, and waits for what is to come of it.
func (p *play) perform(s scene) {
	p.t.Helper()
	p.told()
	for _, phone := range p.phones {
		phone.forget()
	}
	who, part, joins := strings.Cut(s.does, " joins as ")
	whom, kicks := strings.CutPrefix(s.does, "kick of ")
	leaver, leaves := strings.CutSuffix(s.does, " leaves")
	switch {
	case joins:
		p.phones[who] = p.call(who, p.room("", parts[part]))
	case kicks:
		if _, err := p.house.Kick("1000", p.selection(whom)); err != nil {
			p.t.Fatal(err)
		}
	case leaves:
		p.phones[leaver].cancel()
	default:
		p.t.Fatalf("what is %q?", s.does)
	}
	eventually(p.t, func() string {
		if got := p.picture(); got != s.want {
			return fmt.Sprintf("%s: the room is %q, want %q", s.does, got, s.want)
		}
		return ""
	})
	for name, phone := range p.phones {
		p.gone[name] = phone.visit.Result() != ""
	}
	if s.hears == "" {
		return
	}
	for _, line := range strings.Split(s.hears, ", ") {
		name, sounds, _ := strings.Cut(line, ": ")
		eventually(p.t, func() string {
			heard, missing := p.phones[name].sounds(), strings.Fields(sounds)
			for _, sound := range heard {
				if len(missing) > 0 && sound == missing[0] {
					missing = missing[1:]
				}
			}
			if len(missing) == 0 {
				return ""
			}
			return fmt.Sprintf("%s: %s heard %q, want %q among it", s.does, name, heard, sounds)
		})
	}
}

// told waits until the room has been told of all who came and went: who goes before has never been there for it.
func (p *play) told() {
	p.t.Helper()
	eventually(p.t, func() string {
		p.house.mu.Lock()
		defer p.house.mu.Unlock()
		for _, c := range p.house.live {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.playing > 0 {
				return "the room is being spoken to"
			}
		}
		return ""
	})
}

// selection is that of whom a scene names.
func (p *play) selection(whom string) Selection {
	switch whom {
	case "all":
		return Selection{All: true}
	case "last":
		return Selection{Last: true}
	case "participants":
		return Selection{Participants: true}
	}
	for _, c := range p.house.Live() {
		for _, m := range c.Members {
			if m.Caller == whom {
				return Selection{Member: m.ID}
			}
		}
	}
	p.t.Fatalf("%s is not there", whom)
	return Selection{}
}

// picture is the room as scenes describe it.
func (p *play) picture() string {
	picture := string(phaseEmpty)
	for _, c := range p.house.Live() {
		picture = c.State
		for _, m := range c.Members {
			if m.Waiting {
				picture += " (" + m.Caller + ")"
			} else {
				picture += " " + m.Caller
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.phones)) {
		if result := p.phones[name].visit.Result(); result != "" && !p.gone[name] {
			picture += ", " + name + " " + result
		}
	}
	return picture
}

// Three of each kind, named after where three swimmers jump: they come in any order, and go in any.
func TestTripleLindy(t *testing.T) {
	kinds := []string{"plain", "marked", "wait", "end", "wait+end", "marked+wait+end"}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("order ", seed), func(t *testing.T) {
			b := newBuilding(t, mixer.Config{})
			for name := range b.prompts() {
				b.prompts()[name] = media.NewSound(8000, make([]int16, 160))
			}
			random := rand.New(rand.NewPCG(seed, 3))
			m := &model{left: map[*phone]string{}}
			check := func(did string) {
				t.Helper()
				live := b.house.Live()
				if complaint := m.compare(live); complaint != "" {
					t.Fatalf("%s: %s", did, complaint)
				}
				if len(live) > 0 && live[0].State != m.state() {
					t.Fatalf("%s: the room is %s, want %s", did, live[0].State, m.state())
				}
			}
			for _, i := range random.Perm(3 * len(kinds)) {
				room := b.room("", parts[kinds[i/3]])
				p := b.call(fmt.Sprintf("%s %d", kinds[i/3], i%3), room)
				m.join(p, room.Options)
				b.members(len(m.members))
				check(p.name + " joins")
			}
			for len(m.members) > 0 {
				one := m.members[random.IntN(len(m.members))]
				m.take(one, ResultHangup)
				one.phone.cancel()
				for p, result := range m.left {
					p.over(t, result)
				}
				check(one.phone.name + " leaves")
			}
		})
	}
}

// state is the phase that ConfBridge has a name for.
func (m *model) state() string {
	inside := len(m.members)
	for _, member := range m.members {
		if member.waits(m.led()) {
			inside--
		}
	}
	switch {
	case len(m.members) == 0:
		return "empty"
	case inside == 0:
		return "inactive"
	case inside == 1 && m.led():
		return "single_marked"
	case inside == 1:
		return "single"
	case m.led():
		return "multi_marked"
	}
	return "multi"
}
