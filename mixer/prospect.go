package mixer

import (
	"unsafe"

	"conclave/media"
)

// prospect looks ahead on the way through all lanes of a slot, from part to part, and brings near what their turns need:
// between two ticks of a leg all the others have had theirs, and the kernel has used the caches (media.Leg.Approach).
type prospect struct {
	parts       []*part // those that lanes are still to be found in
	lane        int     // of the first of parts, to be found next
	next, after lane    // those whose turns come next; no seat: there is none
}

// begin brings near what nobody's turn comes before.
func (a *prospect) begin(parts []*part) {
	a.parts, a.lane = parts, 0
	for _, p := range parts[:min(2, len(parts))] {
		p.approach()
	}
	a.next, a.after = lane{}, lane{}
	for range 2 {
		a.advance()
		a.approach()
	}
}

// advance is called when a lane's turn begins, and approach when it has been read: the processor fetches a dozen lines of
// memory at a time, and waits where it is told of more.
func (a *prospect) advance() {
	a.next, a.after = a.after, a.find()
	if a.after.seat != nil {
		a.after.seat.approach()
		a.after.leg.Approach()
	}
}

func (a *prospect) approach() {
	if a.after.seat != nil {
		a.after.leg.ApproachJitter()
	}
	if a.next.seat != nil {
		a.next.leg.ApproachHistory()
		a.next.seat.approachTape()
	}
}

// find returns the lane that comes after those that were found.
func (a *prospect) find() lane {
	for len(a.parts) > 0 {
		if lanes := a.parts[0].lanes; a.lane < len(lanes) {
			a.lane++
			return lanes[a.lane-1]
		}
		a.parts, a.lane = a.parts[1:], 0
		if len(a.parts) > 1 {
			a.parts[1].approach()
		}
	}
	return lane{}
}

// approach brings a part near before its turn, but for the full band, which most have nobody in.
func (p *part) approach() {
	media.Prefetch(unsafe.Pointer(p), unsafe.Offsetof(p.bands)+fullBand*unsafe.Sizeof(p.bands[0]))
}
