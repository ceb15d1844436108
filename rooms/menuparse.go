package rooms

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"conclave/rooms/spelling"
)

const (
	telephoneKeys = "0123456789ABCD*#"
	// longestKeys is ConfBridge's limit, so that a menu may go back there.
	longestKeys = 11
)

// refusedActions are the actions of ConfBridge that no menu has here, with the reason.
var refusedActions = map[string]string{
	"dialplan_exec":               "it runs a dialplan",
	"set_as_single_video_src":     "it is about video",
	"release_as_single_video_src": "it is about video",
	"toggle_binaural":             "it is about stereo, which a telephone has not",
}

// ParseMenu reads a menu: what each sequence of keys does, as confbridge.conf spells it
// ("playback(conf-usermenu),toggle_mute"), by those keys. Letters may be of either case, spaces may stand around
// everything, and # may be written \# as there. The error names every entry that is wrong, and what would be right.
func ParseMenu(name string, entries map[string]string) (Menu, error) {
	menu := Menu{Name: name}
	var wrong []error
	if strings.TrimSpace(name) == "" {
		wrong = append(wrong, errors.New("a menu needs a name, by which rooms choose it"))
	}
	given := make(map[string]string) // as they were spelt
	for _, spelt := range slices.Sorted(maps.Keys(entries)) {
		keys, err := parseKeys(spelt)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("menu %s: %w", name, err))
			continue
		}
		if other, twice := given[keys]; twice {
			wrong = append(wrong, fmt.Errorf("menu %s: keys %s are there twice, as %q and %q; leave one of them out",
				name, keys, other, spelt))
			continue
		}
		given[keys] = spelt
		actions, err := parseActions(entries[spelt])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("menu %s: keys %s: %w", name, keys, err))
			continue
		}
		menu.Entries = append(menu.Entries, MenuEntry{Keys: keys, Actions: actions})
	}
	if len(wrong) > 0 {
		return Menu{}, errors.Join(wrong...)
	}
	slices.SortFunc(menu.Entries, func(a, b MenuEntry) int { return strings.Compare(a.Keys, b.Keys) })
	return menu, nil
}

// parseKeys reads a sequence of keys. In confbridge.conf a line that begins with # would be a directive, so it is \# there.
func parseKeys(spelt string) (string, error) {
	keys := strings.ToUpper(strings.TrimSpace(spelt))
	if rest, escaped := strings.CutPrefix(keys, `\#`); escaped {
		keys = "#" + rest
	}
	if keys == "" {
		return "", fmt.Errorf("an entry has no keys (%q); it needs 1 to %d of 0-9, A-D, * and #", spelt, longestKeys)
	}
	for _, key := range keys {
		if !strings.ContainsRune(telephoneKeys, key) {
			return "", fmt.Errorf("keys %q: %q is no key; a telephone has 0-9, A-D, * and #", spelt, key)
		}
	}
	if len(keys) > longestKeys {
		return "", fmt.Errorf("keys %s are %d; a sequence has %d at most", keys, len(keys), longestKeys)
	}
	return keys, nil
}

// parseActions reads what one sequence of keys does. Like ConfBridge it reads over a comma too many.
func parseActions(text string) ([]Action, error) {
	var actions []Action
	for _, part := range splitActions(text) {
		if part == "" {
			continue
		}
		action, err := parseAction(part)
		if err != nil {
			return nil, err
		}
		actions = append(actions, action)
	}
	if len(actions) == 0 {
		return nil, fmt.Errorf("there is no action; leave these keys out, or give them %s", ActionNoOp)
	}
	return actions, nil
}

// splitActions cuts at the commas that are in no brackets.
func splitActions(text string) []string {
	var parts []string
	from, depth := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth = max(depth-1, 0)
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(text[from:i]))
				from = i + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(text[from:]))
}

func parseAction(text string) (Action, error) {
	name, brackets, bracketed := strings.Cut(text, "(")
	name = strings.ToLower(strings.TrimSpace(name))
	if reason, refused := refusedActions[name]; refused {
		return Action{}, fmt.Errorf("%s is not supported: %s", name, reason)
	}
	kind := ActionKind(name)
	plays, known := actionKinds[kind]
	switch {
	case !known:
		return Action{}, unknownAction(name)
	case !plays && bracketed:
		return Action{}, fmt.Errorf("%q: %s takes nothing in brackets", text, kind)
	case !plays:
		return Action{Kind: kind}, nil
	case !bracketed:
		return Action{}, fmt.Errorf("%s needs a file; write %s(FILE) or %[1]s(FILE&FILE)", kind, kind)
	}
	list, closed := strings.CutSuffix(brackets, ")")
	if !closed {
		return Action{}, fmt.Errorf("%q does not end with its bracket; write %s(FILE&FILE)", text, kind)
	}
	files := strings.Split(list, "&")
	for i, file := range files {
		files[i] = strings.TrimSpace(file)
		switch {
		case files[i] == "":
			return Action{}, fmt.Errorf("%q lacks a file; write %s(FILE) or %[2]s(FILE&FILE)", text, kind)
		case strings.Contains(file, ","):
			return Action{}, fmt.Errorf("%q: files are separated by &, not by a comma", text)
		case strings.ContainsAny(file, "()"):
			return Action{}, fmt.Errorf("%q: no file may have brackets in its name", text)
		}
	}
	return Action{Kind: kind, Files: files}, nil
}

// unknownAction names the nearest action, also where that one is refused.
func unknownAction(name string) error {
	nearest := spelling.Nearest(name, slices.AppendSeq(ActionNames(), maps.Keys(refusedActions)))
	if reason, refused := refusedActions[nearest]; refused {
		return fmt.Errorf("unknown action %q; the nearest known one is %s, which is not supported: %s", name, nearest, reason)
	}
	return fmt.Errorf("unknown action %q; the nearest known one is %s", name, nearest)
}
