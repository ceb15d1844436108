package recordings

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"
)

//go:embed report.html
var reportPage string

// WriteReport draws a recording as an HTML page that needs nothing beside it: who talked when, and how loud each was, with
// what loss and jitter. What callers have chosen is escaped.
func WriteReport(w io.Writer, r Recording) error {
	page, err := template.New("report").Funcs(template.FuncMap{"clock": clock, "moment": moment, "visible": visible}).Parse(reportPage)
	if err != nil {
		return fmt.Errorf("read the page of reports: %w", err)
	}
	if err := page.Execute(w, newReport(r)); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// report is what the page shows.
type report struct {
	Recording
	Silence float64 // percent of the time in which nobody talks
	Lanes   []lane
	Ticks   []tick
	Turns   []Turn
	Worst   struct{ Loss, Jitter float64 }
}

// lane is a member's part of the page. Places are in units of which the recording has span.
type lane struct {
	*Member
	Colour               int
	Share                float64 // percent of the talk of all
	Loss, Jitter         float64
	Here, Talk           []bar
	Level                string // points of a polygon: -60 dBFS is at 100, 0 dBFS at 0
	LossBars             []bar  // with their heights
	JitterLine           string
	MostLoss, MostJitter float64
}

type bar struct{ X, Width, Y, Height float64 }

type tick struct {
	At   float64 // percent
	Text string
}

const (
	span    = 1000.0
	colours = 8
	// mostPoints bounds the points of a curve: a pixel of a large screen each.
	mostPoints = 600
)

func newReport(r Recording) report {
	p := report{Recording: r, Turns: r.Turns()}
	p.Silence = 100 * (1 - covered(p.Turns, r.Seconds))
	total := 0.0
	for _, m := range r.Members {
		total += m.Talked
		for _, h := range m.Heard {
			p.Worst.Loss, p.Worst.Jitter = max(p.Worst.Loss, h.Loss), max(p.Worst.Jitter, h.Jitter)
		}
	}
	for i := range r.Members {
		m := &r.Members[i]
		l := lane{Member: m, Colour: i % colours}
		if total > 0 {
			l.Share = 100 * m.Talked / total
		}
		l.Loss, l.Jitter = m.Mean()
		l.Here, l.Talk = bars(m.Stays, r.Seconds), bars(m.Talks, r.Seconds)
		l.draw(r.Seconds, max(5, p.Worst.Loss), max(20, p.Worst.Jitter))
		p.Lanes = append(p.Lanes, l)
	}
	p.Ticks = ticks(r.Seconds)
	return p
}

// covered is the share of the time in which somebody talks.
func covered(turns []Turn, seconds float64) float64 {
	talk, until := 0.0, 0.0
	for _, t := range turns {
		talk += max(0, t.To-max(t.From, until))
		until = max(until, t.To)
	}
	if seconds <= 0 {
		return 0
	}
	return min(1, talk/seconds)
}

// bars are spans as they are drawn: none so short that it is not seen.
func bars(spans []Span, seconds float64) (all []bar) {
	for _, s := range spans {
		x := place(s.From, seconds)
		all = append(all, bar{X: x, Width: fine(max(place(s.To, seconds)-x, 1)), Height: 100})
	}
	return all
}

func place(at, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return fine(span * max(0, min(at/seconds, 1)))
}

// fine rounds a place or a length: to 10 ms of a day.
func fine(v float64) float64 { return math.Round(v*1e4) / 1e4 }

func hundredth(v float64) float64 { return math.Round(v*100) / 100 }

// draw makes the curves. Loss and jitter reach the top at the values given.
func (l *lane) draw(seconds, topLoss, topJitter float64) {
	var level, jitter strings.Builder
	last := -1.0
	points := thin(l.Heard)
	for i, h := range points {
		from, to := place(h.From, seconds), place(h.To, seconds)
		if from != last { // he was away
			if i > 0 {
				fmt.Fprintf(&level, "%g,100 ", last)
			}
			fmt.Fprintf(&level, "%g,100 ", from)
		}
		y := hundredth(100 * min(1, max(0, h.Level/-60)))
		fmt.Fprintf(&level, "%g,%g %g,%g ", from, y, to, y)
		fmt.Fprintf(&jitter, "%g,%g ", hundredth((from+to)/2), hundredth(100-100*min(1, h.Jitter/topJitter)))
		if h.Loss > 0 {
			height := hundredth(max(4, 100*min(1, h.Loss/topLoss)))
			l.LossBars = append(l.LossBars, bar{X: from, Width: hundredth(max(to-from, 1)), Y: hundredth(100 - height), Height: height})
		}
		l.MostLoss, l.MostJitter = max(l.MostLoss, h.Loss), max(l.MostJitter, h.Jitter)
		last = to
	}
	if len(points) > 0 {
		fmt.Fprintf(&level, "%g,100", last)
	}
	l.Level, l.JitterLine = level.String(), strings.TrimSpace(jitter.String())
}

// thin makes of many points as many as can be seen: the loudest level and the worst loss and jitter of each stretch.
func thin(points []Heard) []Heard {
	each := (len(points) + mostPoints - 1) / mostPoints
	if each <= 1 {
		return points
	}
	var few []Heard
	for chunk := range slices.Chunk(points, each) {
		h := chunk[0]
		for _, c := range chunk[1:] {
			h.To, h.Level, h.Loss, h.Jitter = c.To, max(h.Level, c.Level), max(h.Loss, c.Loss), max(h.Jitter, c.Jitter)
		}
		few = append(few, h)
	}
	return few
}

// ticks are times below the picture, five or so of them.
func ticks(seconds float64) (all []tick) {
	steps := []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 12 * 3600, 24 * 3600}
	i, _ := slices.BinarySearchFunc(steps, seconds/5, cmp.Compare)
	step := steps[min(i, len(steps)-1)]
	for at := 0.0; at <= seconds; at += step {
		all = append(all, tick{hundredth(100 * at / max(seconds, 1)), clock(at)})
	}
	return all
}

// clock is a time in a recording: 1:05 or 1:00:05.
func clock(seconds float64) string {
	s := int(seconds)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// moment is a time in a recording to a tenth of a second: 1:05.3.
func moment(seconds float64) string {
	tenths := math.Round(10 * seconds)
	return fmt.Sprintf("%s.%d", clock(tenths/10), int(tenths)%10)
}

// visible is a text of a caller without what is not seen: controls, and what changes the direction of writing.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
