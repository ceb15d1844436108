package recordings

import (
	"errors"
	"io"
	"slices"
)

var errNoDiary = errors.New("its diary does not begin as one")

// read takes from a diary who was there, who talked when, and how each was heard.
func (r *Recording) read(diary io.Reader) error {
	s := story{recording: r, members: map[int]*Member{}}
	if _, err := readNotes(diary, s.take); err != nil {
		return err
	}
	if !s.begun {
		return errNoDiary
	}
	s.pause(r.Seconds)
	for _, m := range s.members {
		for _, t := range m.Talks {
			m.Talked += t.To - t.From
		}
		m.Talked = rounded(m.Talked)
		r.Members = append(r.Members, *m)
	}
	slices.SortFunc(r.Members, func(a, b Member) int { return a.Number - b.Number })
	return nil
}

// story puts a recording together from its notes.
type story struct {
	recording *Recording
	members   map[int]*Member
	begun     bool
	levels    float64 // place of the last levels
}

func (s *story) take(n Note) {
	r := s.recording
	if n.Kind == NoteStart {
		s.pause(n.At)
		if !s.begun && n.Time != nil {
			r.Begin, r.Room, r.Title, s.begun = *n.Time, n.Room, n.Title, true
		}
		r.State, r.Reason, s.levels = StateCut, "", n.At
		return
	}
	m := s.members[n.Member]
	switch n.Kind {
	case NoteJoin:
		if m == nil {
			m = &Member{Number: n.Member}
			s.members[n.Member] = m
		}
		m.Caller, m.Name, m.Role, m.Track = n.Caller, n.Name, n.Role, n.Track
		m.Stays = begin(m.Stays, n.At)
	case NoteLevels:
		for _, l := range n.Levels {
			if m := s.members[l.Member]; m != nil {
				m.Heard = append(m.Heard, Heard{Span{max(s.levels, lastStay(m)), n.At}, l.Level, l.Loss, l.Jitter})
			}
		}
		s.levels = n.At
	case NoteStop:
		s.pause(n.At)
		r.State, r.Reason, r.Lost = StateComplete, n.Reason, r.Lost+float64(n.Lost)/50
	}
	if m == nil {
		return
	}
	switch n.Kind {
	case NoteLeave:
		m.Talks, m.Stays = end(m.Talks, n.At), end(m.Stays, n.At)
	case NoteTalk:
		if k := len(m.Stays); k > 0 && m.Stays[k-1].To == open {
			m.Talks = begin(m.Talks, n.At)
		}
	case NoteSilent:
		m.Talks = end(m.Talks, n.At)
	}
}

// pause ends what goes on where the recording does.
func (s *story) pause(at float64) {
	for _, m := range s.members {
		m.Talks, m.Stays = end(m.Talks, at), end(m.Stays, at)
	}
}

// open is the end of a span that goes on.
const open = -1

func begin(spans []Span, at float64) []Span {
	if n := len(spans); n > 0 && spans[n-1].To == open {
		return spans
	}
	return append(spans, Span{at, open})
}

func end(spans []Span, at float64) []Span {
	if n := len(spans); n > 0 && spans[n-1].To == open {
		spans[n-1].To = max(at, spans[n-1].From)
	}
	return spans
}

func lastStay(m *Member) float64 {
	if n := len(m.Stays); n > 0 {
		return m.Stays[n-1].From
	}
	return 0
}
