package rooms

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ConfBridge is what an Asterisk's confbridge.conf holds: sections of settings, in the order of the file.
type ConfBridge struct {
	Sections []ConfBridgeSection
}

// ConfBridgeSection is a profile, a menu, a template of these, or [general].
type ConfBridgeSection struct {
	Name     string
	Line     int  // of its head, from 1
	Template bool // [name](!): there for others to inherit from
	// Settings are first those inherited, each name once, then those of its own lines. Of
	// several with one name the last counts.
	Settings []ConfBridgeSetting
}

// ConfBridgeSetting is a line of the form name=value or name => value.
type ConfBridgeSetting struct {
	Line    int    // from 1
	Section string // in which the line stands
	Name    string
	Value   string
}

// ParseConfBridge reads a confbridge.conf as Asterisk does: sections with templates and
// inheritance, ; comments and ;-- blocks --;, and \; for a semicolon. The error names every
// line that cannot be read, by its number, and what would be right. Files that the text
// includes are not read: that is an error, too.
func ParseConfBridge(text string) (ConfBridge, error) {
	var p confBridgeParser
	lines, unclosed := uncomment(text)
	for i, line := range lines {
		if err := p.take(i+1, line); err != nil {
			p.wrong = append(p.wrong, fmt.Errorf("line %d: %w", i+1, err))
		}
	}
	if unclosed > 0 {
		p.wrong = append(p.wrong, fmt.Errorf("line %d: the comment that begins with ;-- does not end; --; would end it", unclosed))
	}
	if len(p.wrong) > 0 {
		return ConfBridge{}, errors.Join(p.wrong...)
	}
	return ConfBridge{p.sections}, nil
}

type confBridgeParser struct {
	sections []ConfBridgeSection
	current  int // index of the section whose lines are read, once there is one
	lost     bool
	wrong    []error
}

// take reads a line without its comment.
func (p *confBridgeParser) take(number int, line string) error {
	switch {
	case line == "":
		return nil
	case line[0] == '[':
		err := p.open(number, line)
		// The lines of a section whose head is wrong belong to no other one.
		p.lost = err != nil
		return err
	case line[0] == '#':
		return directive(line)
	case p.lost:
		return nil
	}
	name, value, found := strings.Cut(line, "=")
	switch {
	case !found:
		return errors.New("there is no =; NAME=VALUE would be right")
	case strings.HasSuffix(name, "+"):
		return fmt.Errorf("+= appends to a value that %q has elsewhere; write the whole value with =", strings.TrimSpace(strings.TrimSuffix(name, "+")))
	case len(p.sections) == 0:
		return fmt.Errorf("%q is set before the first section; [NAME] would begin one", strings.TrimSpace(name))
	}
	name = strings.TrimSpace(strings.Replace(name, `\#`, "#", 1))
	value = strings.TrimSpace(strings.TrimPrefix(value, ">"))
	if name == "" {
		return errors.New("there is no name before the =; NAME=VALUE would be right")
	}
	section := &p.sections[p.current]
	section.Settings = append(section.Settings, ConfBridgeSetting{number, section.Name, name, value})
	return nil
}

// open reads the head of a section:
//
//	[name]  [name](!)  [name](template,template)  [name](+)
func (p *confBridgeParser) open(number int, line string) error {
	name, rest, closed := strings.Cut(line[1:], "]")
	name, rest = strings.TrimSpace(name), strings.TrimSpace(rest)
	switch {
	case !closed:
		return fmt.Errorf("%q has no closing ]; [NAME] would be right", line)
	case name == "":
		return fmt.Errorf("%q names no section; [NAME] would be right", line)
	}
	var marks []string
	if rest != "" {
		list, opened := strings.CutPrefix(rest, "(")
		list, closed := strings.CutSuffix(list, ")")
		if !opened || !closed {
			return fmt.Errorf("%q after the section's name; (!) for a template or (TEMPLATE) would be right", rest)
		}
		marks = strings.Split(list, ",")
	}
	section := ConfBridgeSection{Name: name, Line: number}
	var inherited []ConfBridgeSetting
	add := false
	for _, mark := range marks {
		switch mark = strings.TrimSpace(mark); mark {
		case "!":
			section.Template = true
		case "+":
			add = true
		default:
			i := p.find(mark)
			if i < 0 {
				return fmt.Errorf("section %q inherits from %q, which is no section above it", name, mark)
			}
			inherited = append(inherited, p.sections[i].Settings...)
		}
	}
	section.Settings = lastOfEach(inherited)
	// A section that is there again goes on, as with (+).
	i := p.find(name)
	switch {
	case i >= 0:
		p.sections[i].Settings = append(p.sections[i].Settings, section.Settings...)
		p.sections[i].Template = p.sections[i].Template && (section.Template || add)
		p.current = i
	case add:
		return fmt.Errorf("section %q is to be continued with (+), but there is none above", name)
	default:
		p.sections = append(p.sections, section)
		p.current = len(p.sections) - 1
	}
	return nil
}

func (p *confBridgeParser) find(name string) int {
	return slices.IndexFunc(p.sections, func(s ConfBridgeSection) bool { return strings.EqualFold(s.Name, name) })
}

// directive is the error for a line that begins with #.
func directive(line string) error {
	name, argument, _ := strings.Cut(line[1:], " ")
	switch name {
	case "include", "tryinclude":
		return fmt.Errorf("#%s is not supported: put what is in %q in its place", name, strings.TrimSpace(argument))
	case "exec":
		return fmt.Errorf("#exec is not supported: it runs a program; put what %q prints in its place", strings.TrimSpace(argument))
	}
	return fmt.Errorf(`%q is no directive that there is; keys that begin with # are written \#`, line)
}

// lastOfEach drops of several settings with one name all but the last, so that templates which
// inherit from each other do not pile up.
func lastOfEach(settings []ConfBridgeSetting) []ConfBridgeSetting {
	seen := make(map[string]bool, len(settings))
	var kept []ConfBridgeSetting
	for _, s := range slices.Backward(settings) {
		if name := strings.ToLower(s.Name); !seen[name] {
			seen[name] = true
			kept = append(kept, s)
		}
	}
	slices.Reverse(kept)
	return kept
}

// uncomment splits the text into lines without comments and surrounding space. unclosed is the
// line on which a block comment begins that does not end; 0: none.
//
//	text ; comment        ;-- comment over lines; they nest --;        ;--- a comment of one line
func uncomment(text string) (lines []string, unclosed int) {
	var open []int // lines on which the block comments begin that are open
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		var kept strings.Builder
	scan:
		for i := 0; i < len(line); i++ {
			rest := line[i:]
			switch {
			case len(open) > 0 && strings.HasPrefix(rest, "--;"):
				open = open[:len(open)-1]
				i += len("--;") - 1
			case strings.HasPrefix(rest, ";--") && !strings.HasPrefix(rest, ";---"):
				open = append(open, len(lines)+1)
				i += len(";--") - 1
			case len(open) > 0:
			case strings.HasPrefix(rest, `\;`):
				kept.WriteByte(';')
				i++
			case rest[0] == ';':
				break scan
			default:
				kept.WriteByte(rest[0])
			}
		}
		lines = append(lines, strings.TrimSpace(kept.String()))
	}
	if len(open) > 0 {
		unclosed = open[0]
	}
	return lines, unclosed
}
