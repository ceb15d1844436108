package main

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"conclave/rooms"
)

// watch is what `live --watch` shows and what its keys mean. It knows nothing of terminals and sockets: what goes on and
// keys come in, lines and orders go out.
type watch struct {
	live     []rooms.Conference // members loudest first
	now      time.Time
	selected spot // whom keys are for; the zero spot is nobody
	place    int  // row where the selection is, or was last
	asking   bool // whether to kick the one who is selected; the next key is the answer
	help     bool
	notice   string // what came of the last key
	top      int    // first line shown of those that may not all fit
}

// spot is one member's place in all conferences. His number alone would not do: it may be another's tomorrow.
type spot struct{ room, call string }

// order is what is to be asked of the server because of a key.
type order struct {
	path string
	// What to say once it is done: done where it changed something, and idle where it did not. Orders about a room as a
	// whole have no idle.
	done, idle string
}

const (
	keyLine  = "up/down or j/k select  m mute/unmute  x kick  l lock/unlock  q quit  ? hide"
	hintLine = "? keys   q quit"
)

// update takes what goes on now.
func (w *watch) update(live []rooms.Conference, now time.Time) {
	gone := ""
	if m, _, ok := w.member(); ok {
		gone = title(m)
	}
	w.live, w.now = live, now
	for _, c := range w.live {
		slices.SortFunc(c.Members, louder)
	}
	w.place = max(0, min(w.place, len(w.spots())-1))
	if w.selected == (spot{}) {
		return
	}
	if i := slices.Index(w.spots(), w.selected); i >= 0 {
		w.place = i
		return
	}
	// A key that is pressed just now must not strike the neighbour.
	w.selected, w.asking = spot{}, false
	w.notice = gone + " has left"
}

// louder orders members by level in whole dB, so that noise does not shuffle those who are silent.
func louder(a, b rooms.Member) int {
	loudness := func(m rooms.Member) float64 { return math.Round(max(m.Level, barFloor)) }
	return cmp.Or(cmp.Compare(loudness(b), loudness(a)), cmp.Compare(a.ID, b.ID))
}

// spots are the members of all conferences in the order in which they are shown.
func (w *watch) spots() []spot {
	var spots []spot
	for _, c := range w.live {
		for _, m := range c.Members {
			spots = append(spots, spot{c.Extension, m.Call})
		}
	}
	return spots
}

// member is the one who is selected, and his conference.
func (w *watch) member() (rooms.Member, rooms.Conference, bool) {
	for _, c := range w.live {
		for _, m := range c.Members {
			if w.selected == (spot{c.Extension, m.Call}) {
				return m, c, true
			}
		}
	}
	return rooms.Member{}, rooms.Conference{}, false
}

// press tells what a key asks of the server, if anything, and whether it ends the watch.
func (w *watch) press(k key) (o *order, quit bool) {
	w.notice = ""
	if w.asking {
		w.asking = false
		if k == "y" {
			return w.kick(), false
		}
		w.notice = "nobody is kicked"
		return nil, k == keyInterrupt
	}
	switch k {
	case "q", keyInterrupt:
		return nil, true
	case "?":
		w.help = !w.help
	case "j", keyDown:
		w.move(1)
	case "k", keyUp:
		w.move(-1)
	case "m":
		return w.mute(), false
	case "x":
		_, _, w.asking = w.chosen()
	case "l":
		return w.lock(), false
	}
	return nil, false
}

// move selects the next member, or the one before; the one in the last place first, if nobody is selected.
func (w *watch) move(by int) {
	spots := w.spots()
	if len(spots) == 0 {
		w.notice = "nobody is there to be selected"
		return
	}
	if w.selected != (spot{}) {
		w.place += by
	}
	w.place = max(0, min(w.place, len(spots)-1))
	w.selected = spots[w.place]
}

// chosen is the member whom an order is for; if there is none, the operator is told.
func (w *watch) chosen() (rooms.Member, rooms.Conference, bool) {
	m, c, ok := w.member()
	if !ok {
		w.notice = "select a member first, with up/down or j/k"
	}
	return m, c, ok
}

func (w *watch) mute() *order {
	m, c, ok := w.chosen()
	if !ok {
		return nil
	}
	name, what, done := title(m), "mute", " is muted"
	if m.Muted {
		what, done = "unmute", " may speak again"
	}
	return &order{path: memberPath(c.Extension, rooms.Selection{Member: m.ID}, what), done: name + done, idle: "nothing has changed for " + name}
}

func (w *watch) kick() *order {
	m, c, ok := w.chosen()
	if !ok {
		return nil
	}
	w.selected = spot{} // he goes by order: no need to say that he has left
	return &order{path: memberPath(c.Extension, rooms.Selection{Member: m.ID}, "kick"), done: title(m) + " is kicked", idle: title(m) + " was gone already"}
}

func (w *watch) lock() *order {
	_, c, ok := w.member()
	switch {
	case ok:
	case len(w.live) == 1:
		c = w.live[0]
	case len(w.live) == 0:
		w.notice = "there is no conference to be locked"
		return nil
	default:
		w.notice = "select a member of the room first, with up/down or j/k"
		return nil
	}
	if c.Locked {
		return &order{path: roomPath(c.Extension, "unlock"), done: "room " + c.Extension + " is open again"}
	}
	return &order{path: roomPath(c.Extension, "lock"), done: "room " + c.Extension + " is locked"}
}

// answered takes what came of an order: for how many members it changed something, or why it was refused.
func (w *watch) answered(o *order, changed int, err error) {
	switch {
	case err != nil:
		w.notice = escape(err.Error(), math.MaxInt)
	case changed == 0 && o.idle != "":
		w.notice = o.idle
	default:
		w.notice = o.done
	}
}

// title names a member in a message.
func title(m rooms.Member) string {
	return strings.TrimSpace(fmt.Sprintf("member %d %s", m.ID, printable(cmp.Or(m.Name, m.Caller))))
}

// picture is what a screen shows: lines that fit, of which one may be the selected member's.
type picture struct {
	lines    []string
	selected int // -1: none
}

// draw shows it on a screen of so many lines and columns: a heading, as much of the tables as fits, and a line for
// messages.
func (w *watch) draw(height, width int) (picture, error) {
	tables, selected, err := w.tables()
	if err != nil {
		return picture{}, err
	}
	summary := fmt.Sprintf("%s  %s, %s", clock(w.now), count(len(w.live), "conference"), count(len(w.spots()), "member"))
	fits := max(1, height-2)
	w.scroll(selected, len(tables), fits)
	shown := tables[w.top:min(len(tables), w.top+fits)]
	if len(shown) < len(tables) {
		summary += fmt.Sprintf("  lines %d-%d of %d", w.top+1, w.top+len(shown), len(tables))
	}
	p := picture{selected: -1}
	if selected >= 0 {
		p.selected = 1 + selected - w.top
	}
	p.lines = append(append([]string{summary}, shown...), w.message())
	for len(p.lines) < height { // the message stands at the bottom
		p.lines = slices.Insert(p.lines, len(p.lines)-1, "")
	}
	for i := range p.lines {
		p.lines[i] = firstRunes(p.lines[i], width)
	}
	return p, nil
}

// tables are the lines of all conferences, and which of them is the selected member's; -1 if nobody is selected.
func (w *watch) tables() (lines []string, selected int, err error) {
	if len(w.live) == 0 {
		return []string{noConference}, -1, nil
	}
	selected = -1
	for i, c := range w.live {
		if i > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, heading(c))
		var text bytes.Buffer
		table := newMemberTable(&text, "  MEMBER")
		for j, m := range c.Members {
			mark := "  "
			if w.selected == (spot{c.Extension, m.Call}) {
				mark, selected = "> ", len(lines)+1+j
			}
			m.Caller, m.Name = shorten(printable(m.Caller)), shorten(printable(m.Name))
			memberRow(table, mark+strconv.Itoa(m.ID), m, fmt.Sprintf("%s %4.0f", levelBar(m.Level), m.Level), w.now)
		}
		if err := table.Flush(); err != nil {
			return nil, -1, err
		}
		lines = append(lines, strings.Split(strings.TrimRight(text.String(), "\n"), "\n")...)
	}
	return lines, selected, nil
}

// shorten cuts a name or number: one long name must not push the rest off the screen.
func shorten(text string) string {
	const longest = 20
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	return firstRunes(text, longest-1) + "…"
}

// scroll moves what is shown as little as brings the selected line into sight, with the two lines above the first member.
func (w *watch) scroll(selected, lines, fits int) {
	if selected >= 0 {
		w.top = min(w.top, max(0, selected-2))
		w.top = max(w.top, selected-fits+1)
	}
	w.top = max(0, min(w.top, lines-fits))
}

// message is the last line.
func (w *watch) message() string {
	switch m, c, ok := w.member(); {
	case w.asking && ok:
		return fmt.Sprintf("kick %s out of room %s? y/n", title(m), c.Extension)
	case w.notice != "":
		return w.notice
	case w.help:
		return keyLine
	}
	return hintLine
}

const barFloor = -60 // dBFS

// levelBar draws a level from -60 dBFS (empty) to 0 dBFS (full).
func levelBar(level float64) string {
	const cells = 20
	full := int((level - barFloor) / -barFloor * cells)
	full = max(0, min(cells, full))
	return strings.Repeat("█", full) + strings.Repeat("·", cells-full)
}

func firstRunes(line string, n int) string {
	for i := range line {
		if n == 0 {
			return line[:i]
		}
		n--
	}
	return line
}
