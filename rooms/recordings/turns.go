package recordings

import (
	"cmp"
	"slices"
	"strings"
)

// Turn is one time that a member has talked.
type Turn struct {
	Span
	Member *Member
}

// Turns are all of them, in the order in which they began.
func (r *Recording) Turns() (all []Turn) {
	for i := range r.Members {
		for _, t := range r.Members[i].Talks {
			all = append(all, Turn{t, &r.Members[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b Turn) int { return cmp.Compare(a.From, b.From) })
	return all
}

// Mean is the loss in percent and the jitter in ms with which a member was heard, on average.
func (m *Member) Mean() (loss, jitter float64) {
	total := 0.0
	for _, h := range m.Heard {
		weight := h.To - h.From
		loss, jitter, total = loss+weight*h.Loss, jitter+weight*h.Jitter, total+weight
	}
	if total == 0 {
		return 0, 0
	}
	return loss / total, jitter / total
}

// Strip draws in so many characters when a member of a recording of that length was there (·) and talked (▁ to █: for how
// much of that time).
func (m *Member) Strip(seconds float64, cells int) string {
	if seconds <= 0 {
		return ""
	}
	var b strings.Builder
	for i := range cells {
		cell := Span{seconds * float64(i) / float64(cells), seconds * float64(i+1) / float64(cells)}
		talk, stay := cell.share(m.Talks), cell.share(m.Stays)
		switch {
		case talk > 0:
			b.WriteRune([]rune("▁▂▃▄▅▆▇█")[min(7, int(talk*8))])
		case stay > 0:
			b.WriteRune('·')
		default:
			b.WriteRune(' ')
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// share is how much of the span others cover, 0 to 1; these do not overlap each other.
func (s Span) share(others []Span) float64 {
	covered := 0.0
	for _, o := range others {
		covered += max(0, min(s.To, o.To)-max(s.From, o.From))
	}
	if s.To <= s.From {
		return 0
	}
	return min(1, covered/(s.To-s.From))
}
