package rooms

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// machine is ConfBridge's way to the same: a state, two lists, and what each coming and going does to them in each state
// (apps/confbridge/conf_state_*.c). It knows what was before, where a crowd only knows who is there.
type machine struct {
	state   phase
	active  []*modelUser
	waiting []*modelUser
	began   int // times that a leader freed those who waited
	left    int // times that those who remained were told that the leader has left
}

type modelUser struct {
	role  role
	music bool
	ended bool
}

func (c *machine) marked() (n int) {
	for _, u := range c.active {
		if u.role.marked {
			n++
		}
	}
	return n
}

func (c *machine) become(state phase, by *modelUser) {
	c.state = state
	switch state {
	case phaseSingle, phaseSingleMarked:
		c.active[0].music = c.active[0].role.music
	case phaseMultiMarked:
		for _, u := range c.waiting {
			u.music = false
		}
		if len(c.waiting) > 0 && by.role.marked && c.marked() == 1 {
			c.began++
		}
		c.active = append(c.active, c.waiting...)
		c.waiting = nil
	}
}

func (c *machine) join(u *modelUser) {
	waits := u.role.waitMarked && !u.role.marked
	switch c.state {
	case phaseEmpty, phaseInactive, phaseSingle, phaseMulti:
		if waits {
			c.waiting = append(c.waiting, u)
			u.music = u.role.music
			if c.state == phaseEmpty {
				c.become(phaseInactive, u)
			}
			return
		}
	}
	if c.state == phaseSingle || c.state == phaseSingleMarked {
		c.active[0].music = false
	}
	c.active = append(c.active, u)
	switch c.state {
	case phaseEmpty:
		if u.role.marked {
			c.become(phaseSingleMarked, u)
		} else {
			c.become(phaseSingle, u)
		}
	case phaseInactive:
		if u.role.marked {
			c.become(phaseMultiMarked, u)
		} else {
			c.become(phaseSingle, u)
		}
	case phaseSingle, phaseMulti:
		if u.role.marked {
			c.become(phaseMultiMarked, u)
		} else {
			c.become(phaseMulti, u)
		}
	case phaseSingleMarked:
		c.become(phaseMultiMarked, u)
	}
}

func (c *machine) leave(u *modelUser) {
	gone := func(other *modelUser) bool { return other == u }
	waited := slices.ContainsFunc(c.waiting, gone)
	c.active, c.waiting = slices.DeleteFunc(c.active, gone), slices.DeleteFunc(c.waiting, gone)
	switch {
	case u.role.marked:
		c.leaveMarked()
	case waited:
		if c.state == phaseInactive && len(c.waiting) == 0 {
			c.become(phaseEmpty, u)
		}
	case c.state == phaseSingle && len(c.waiting) > 0:
		c.become(phaseInactive, u)
	case c.state == phaseSingle:
		c.become(phaseEmpty, u)
	case len(c.active) == 1 && c.state == phaseMulti:
		c.become(phaseSingle, u)
	case len(c.active) == 1:
		c.become(phaseSingleMarked, u)
	}
}

// leaveMarked is what happens when somebody marked has been taken off the list.
func (c *machine) leaveMarked() {
	for _, u := range slices.Clone(c.active) {
		if u.role.endMarkedAny && !u.ended {
			u.ended = true
			c.active = slices.DeleteFunc(c.active, func(other *modelUser) bool { return other == u })
		}
	}
	if c.marked() > 0 {
		if len(c.active) == 1 {
			c.become(phaseSingleMarked, nil)
		}
		return
	}
	var stay []*modelUser
	for _, u := range c.active {
		switch {
		case u.role.endMarked:
			u.ended = true
		case u.role.waitMarked:
			u.music = u.role.music
			c.waiting = append(c.waiting, u)
		default:
			stay = append(stay, u)
		}
	}
	c.active = stay
	if len(c.active)+len(c.waiting) > 0 {
		c.left++
	}
	switch {
	case len(c.active) == 0 && len(c.waiting) == 0:
		c.become(phaseEmpty, nil)
	case len(c.active) == 0:
		c.become(phaseInactive, nil)
	case len(c.active) == 1:
		c.become(phaseSingle, nil)
	default:
		c.become(phaseMulti, nil)
	}
}

// stood is the same by counting heads.
type stood struct {
	members []*modelUser
	ended   map[*modelUser]bool
	began   int
	left    int
}

func (s *stood) crowd() (c crowd) {
	for _, u := range s.members {
		c.add(u.role)
	}
	return c
}

func (s *stood) join(u *modelUser) {
	before := s.crowd()
	s.members = append(s.members, u)
	if u.role.marked && before.marked == 0 && before.waiting() > 0 {
		s.began++
	}
}

func (s *stood) leave(u *modelUser) {
	s.members = slices.DeleteFunc(s.members, func(other *modelUser) bool { return other == u })
	if !u.role.marked {
		return
	}
	for {
		crowd, before := s.crowd(), len(s.members)
		s.members = slices.DeleteFunc(s.members, func(u *modelUser) bool {
			if crowd.ends(u.role) {
				s.ended[u] = true
			}
			return s.ended[u]
		})
		if len(s.members) == before {
			break
		}
	}
	if len(s.members) > 0 && s.crowd().marked == 0 {
		s.left++
	}
}

func TestStandingsAreThoseOfConfBridge(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 7))
		one := func(in int) bool { return random.IntN(in) == 0 }
		c := &machine{state: phaseEmpty}
		s := &stood{ended: make(map[*modelUser]bool)}
		for step := range 200 {
			did := "joins"
			u := &modelUser{role: role{marked: one(3), waitMarked: one(3), endMarked: one(3), endMarkedAny: one(9), music: !one(3)}}
			if n := len(s.members); n > 0 && random.IntN(12) < n {
				did, u = "leaves", s.members[random.IntN(n)]
				c.leave(u)
				s.leave(u)
			} else {
				c.join(u)
				s.join(u)
			}
			if complaint := differ(c, s); complaint != "" {
				t.Fatalf("seed %d, step %d: after %+v %s: %s", seed, step, u.role, did, complaint)
			}
		}
	}
}

// differ tells in what the two ways differ.
func differ(c *machine, s *stood) string {
	crowd := s.crowd()
	if crowd.phase() != c.state || crowd.active() != len(c.active) || crowd.waiting() != len(c.waiting) {
		return fmt.Sprintf("%s with %d active and %d waiting, want %s with %d and %d",
			crowd.phase(), crowd.active(), crowd.waiting(), c.state, len(c.active), len(c.waiting))
	}
	if s.began != c.began || s.left != c.left {
		return fmt.Sprintf("begun %d times and without a leader %d times, want %d and %d", s.began, s.left, c.began, c.left)
	}
	for _, u := range s.members {
		want := standing{waiting: slices.Contains(c.waiting, u), music: u.music}
		if got := crowd.standing(u.role); got != want || u.ended {
			return fmt.Sprintf("%+v stands %+v, want %+v, ended %t", u.role, got, want, u.ended)
		}
	}
	for u := range s.ended {
		if !u.ended {
			return fmt.Sprintf("%+v was ended, and should not be", u.role)
		}
	}
	return ""
}
