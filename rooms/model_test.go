package rooms

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"conclave/media"
	"conclave/mixer"
)

// modelMember is a member as the model has it.
type modelMember struct {
	phone     *phone
	number    int
	options   Options // of his role
	self      bool    // muted himself
	moderated bool    // muted by a moderator or an operator
}

func (m *modelMember) waits(leader bool) bool {
	return !leader && m.options.WaitMarked && !m.options.Marked
}

// model is what a room should be after what was done to it.
type model struct {
	members []*modelMember
	last    int
	locked  bool
	muted   bool // participants are
	limit   int
	left    map[*phone]string // results of those who are gone
}

// led tells that a leader is there.
func (m *model) led() bool {
	return slices.ContainsFunc(m.members, func(m *modelMember) bool { return m.options.Marked })
}

// join lets somebody in, or says by its result why not.
func (m *model) join(p *phone, options Options) (refused string) {
	switch {
	case options.Admin:
	case m.locked:
		return ResultLocked
	case m.limit > 0 && len(m.members) >= m.limit:
		return ResultFull
	}
	m.last++
	m.members = append(m.members, &modelMember{phone: p, number: m.last, options: options,
		self: options.StartMuted, moderated: m.muted && !options.Admin})
	return ""
}

// take takes somebody out, and those with him who go when a leader does.
func (m *model) take(gone *modelMember, result string) {
	m.members = slices.DeleteFunc(m.members, func(other *modelMember) bool { return other == gone })
	m.left[gone.phone] = result
	if gone.options.Marked {
		for _, other := range slices.Clone(m.members) {
			if slices.Contains(m.members, other) && (other.options.EndMarkedAny || other.options.EndMarked && !m.led()) {
				m.take(other, ResultEndMarked)
			}
		}
		// Who was not to go yet may be now: the last leader went with the others.
		for _, other := range slices.Clone(m.members) {
			if slices.Contains(m.members, other) && other.options.EndMarked && !m.led() {
				m.take(other, ResultEndMarked)
			}
		}
	}
	if len(m.members) == 0 {
		m.last, m.locked, m.muted = 0, false, false
	}
}

// compare tells how what is shown differs from the model.
func (m *model) compare(live []Conference) string {
	if len(m.members) == 0 {
		if len(live) > 0 {
			return fmt.Sprintf("shown though nobody is there: %+v", live)
		}
		return ""
	}
	if len(live) != 1 {
		return fmt.Sprintf("%d conferences, want 1", len(live))
	}
	led, active := m.led(), 0
	for _, member := range m.members {
		if !member.waits(led) {
			active++
		}
	}
	var want, got []string
	for _, member := range m.members {
		waits := member.waits(led)
		by := ""
		switch {
		case member.moderated:
			by = "moderator"
		case member.self:
			by = "self"
		}
		want = append(want, fmt.Sprint(member.number, " ", member.phone.name, " marked ", member.options.Marked, " muted ", by != "", by,
			" waits ", waits, " entered ", !waits, " music ", member.options.MusicOnHoldWhenEmpty && (waits || active == 1)))
	}
	for _, member := range live[0].Members {
		got = append(got, fmt.Sprint(member.ID, " ", member.Caller, " marked ", member.Marked, " muted ", member.Muted, member.MutedBy,
			" waits ", member.Waiting, " entered ", member.Entered, " music ", member.Music))
	}
	if !slices.Equal(got, want) || live[0].Locked != m.locked {
		return fmt.Sprintf("locked %t\n%q\nwant locked %t\n%q", live[0].Locked, got, m.locked, want)
	}
	return ""
}

// profiles are rooms of one conference with all kinds of members: those that ConfBridge's tests call the triple lindy, who
// are marked, wait for the marked and end with them, and all others.
func (b *building) profiles(limit int) []Room {
	b.t.Helper()
	var all []Room
	for _, options := range []map[string]string{
		{},
		{"marked": "yes"},
		{"marked": "yes", "admin": "yes"},
		{"admin": "yes"},
		{"wait_marked": "yes"},
		{"wait_marked": "yes", "end_marked": "yes"},
		{"wait_marked": "yes", "marked": "yes", "end_marked": "yes"},
		{"end_marked": "yes"},
		{"end_marked_any": "yes", "music_on_hold_when_empty": "no"},
		{"end_marked_any": "yes", "marked": "yes"},
		{"startmuted": "yes"},
		{"startmuted": "yes", "wait_marked": "yes", "quiet": "yes"},
		{"announcements": "no"},
	} {
		options["max_members"] = fmt.Sprint(limit)
		all = append(all, b.room("", options))
	}
	return all
}

func TestRandomComingsAndGoingsAreAsTheRulesSay(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			b := newBuilding(t, mixer.Config{})
			for name := range b.prompts() {
				b.prompts()[name] = media.NewSound(8000, make([]int16, 160))
			}
			random := rand.New(rand.NewPCG(seed, 1))
			m := &model{limit: []int{0, 3, 12, 0}[seed%4], left: map[*phone]string{}}
			profiles := b.profiles(m.limit)
			if seed == 0 { // only one kind of members, as most rooms have
				profiles = profiles[:1]
			}
			for step := range 80 {
				did := m.step(t, b, random, profiles)
				if complaint := m.compare(b.house.Live()); complaint != "" {
					t.Fatalf("step %d, %s: %s", step, did, complaint)
				}
			}
			for len(m.members) > 0 {
				m.take(m.members[0], ResultHangup)
			}
			for p := range m.left {
				p.cancel()
			}
			b.house.Drain()
			if len(b.house.live) != 0 {
				t.Errorf("%d conferences left behind", len(b.house.live))
			}
		})
	}
}

// step does something at random, to the room and the model, and says what.
func (m *model) step(t *testing.T, b *building, random *rand.Rand, profiles []Room) (did string) {
	t.Helper()
	check := func(_ int, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// end waits for those who are to be gone.
	before := len(m.left)
	end := func() {
		t.Helper()
		if len(m.left) == before {
			return
		}
		for p, result := range m.left {
			p.over(t, result)
		}
	}
	action := random.IntN(22)
	if len(m.members) == 0 || action < 9 && len(m.members) < 20 {
		room := profiles[random.IntN(len(profiles))]
		p := b.call(fmt.Sprint("p", random.IntN(1_000_000)), room)
		if refused := m.join(p, room.Options); refused != "" {
			m.left[p] = refused
			p.over(t, refused)
		} else {
			b.members(len(m.members))
		}
		return p.name + " joins"
	}
	one := m.members[random.IntN(len(m.members))]
	on := random.IntN(2) == 0
	switch {
	case action < 12:
		m.take(one, ResultHangup)
		one.phone.cancel()
		end()
		return one.phone.name + " leaves"
	case action < 14:
		check(b.house.Mute("1000", Selection{Member: one.number}, on))
		one.moderated, one.self = on, one.self && on
		return fmt.Sprint(one.phone.name, " mute ", on)
	case action < 16:
		inside := one.phone.visit.member.Load()
		if _, allowed := one.phone.visit.conference.toggleOwnMute(inside); allowed == one.moderated {
			t.Fatalf("%s may mute himself: %t", one.phone.name, allowed)
		}
		one.self = one.self != !one.moderated
		return one.phone.name + " mutes himself or not"
	case action < 17:
		m.muted = on
		for _, member := range m.members {
			if !member.options.Admin {
				member.moderated, member.self = on, member.self && on
			}
		}
		check(b.house.Mute("1000", Selection{Participants: true}, on))
		return fmt.Sprint("participants mute ", on)
	case action < 18:
		m.take(one, ResultKicked)
		check(b.house.Kick("1000", Selection{Member: one.number}))
		end()
		return one.phone.name + " kicked"
	case action < 19:
		last := m.members[len(m.members)-1]
		m.take(last, ResultKicked)
		check(b.house.Kick("1000", Selection{Last: true}))
		end()
		return last.phone.name + " kicked as the last"
	case action < 21:
		m.locked = on
		check(0, b.house.Lock("1000", on))
		return fmt.Sprint("locked ", on)
	case random.IntN(3) == 0:
		for len(m.members) > 0 {
			gone := m.members[0]
			m.members = m.members[1:]
			m.left[gone.phone] = ResultKicked
		}
		m.last, m.locked, m.muted = 0, false, false
		check(b.house.Kick("1000", Selection{All: true}))
		end()
		return "all kicked"
	default:
		var leaders bool
		for _, member := range slices.Clone(m.members) {
			if !member.options.Admin {
				m.members = slices.DeleteFunc(m.members, func(other *modelMember) bool { return other == member })
				m.left[member.phone] = ResultKicked
				leaders = leaders || member.options.Marked
			}
		}
		if leaders { // an imaginary leader goes last of them
			ghost := &modelMember{phone: &phone{}, options: Options{Marked: true}}
			m.take(ghost, ResultKicked)
			delete(m.left, ghost.phone)
		} else if len(m.members) == 0 {
			m.last, m.locked, m.muted = 0, false, false
		}
		check(b.house.Kick("1000", Selection{Participants: true}))
		end()
		return "participants kicked"
	}
}
