package rooms

// role is what a member is to the others, which he is for as long as he stays. Who is marked is a leader; the rest says
// what those who are not do without one.
type role struct {
	marked       bool
	waitMarked   bool // waits, outside the mix, until a leader is there
	endMarked    bool // goes when the last leader has left
	endMarkedAny bool // goes when any leader has left
	music        bool // hears music while he is alone or waits
}

// standing is where a member is at one moment.
type standing struct {
	waiting bool // not in the mix
	music   bool
}

// phase is the state of a conference, by the name that ConfBridge has for it.
type phase string

const (
	phaseEmpty        phase = "empty"
	phaseInactive     phase = "inactive" // all wait for a leader
	phaseSingle       phase = "single"   // one is in the mix, others may wait
	phaseSingleMarked phase = "single_marked"
	phaseMulti        phase = "multi"
	phaseMultiMarked  phase = "multi_marked"
)

// crowd counts the members of a conference. Where each of them stands follows from it and from his role, and from nothing
// that was before.
type crowd struct {
	marked   int
	waitable int // would wait if nobody were marked
	others   int
}

// add counts one more.
func (c *crowd) add(r role) {
	switch {
	case r.marked:
		c.marked++
	case r.waitMarked:
		c.waitable++
	default:
		c.others++
	}
}

// active is how many are in the mix.
func (c crowd) active() int {
	if c.marked > 0 {
		return c.marked + c.waitable + c.others
	}
	return c.others
}

// waiting is how many wait for a leader.
func (c crowd) waiting() int {
	if c.marked > 0 {
		return 0
	}
	return c.waitable
}

func (c crowd) phase() phase {
	switch active := c.active(); {
	case active == 0 && c.waiting() == 0:
		return phaseEmpty
	case active == 0:
		return phaseInactive
	case active == 1 && c.marked == 1:
		return phaseSingleMarked
	case active == 1:
		return phaseSingle
	case c.marked > 0:
		return phaseMultiMarked
	default:
		return phaseMulti
	}
}

// standing is where one of the crowd stands.
func (c crowd) standing(r role) standing {
	waiting := r.waitMarked && !r.marked && c.marked == 0
	return standing{waiting: waiting, music: r.music && (waiting || c.active() == 1)}
}

// ends tells whether one of the crowd has to go, which is what a leader has just left.
func (c crowd) ends(r role) bool {
	return r.endMarkedAny || r.endMarked && !r.marked && c.marked == 0
}
