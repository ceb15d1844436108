package rooms

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ImportVerdict says what becomes of a line of a confbridge.conf.
type ImportVerdict string

// What becomes of a line.
const (
	ImportTaken   ImportVerdict = "taken"   // as it is
	ImportMapped  ImportVerdict = "mapped"  // to what does the same here
	ImportRefused ImportVerdict = "refused" // and left out
)

// ImportLine is a setting of a confbridge.conf and what becomes of it. A PIN is masked.
type ImportLine struct {
	Line    int           `json:"line"`
	Section string        `json:"section"`
	Name    string        `json:"name"`
	Value   string        `json:"value"`
	Verdict ImportVerdict `json:"verdict"`
	Reason  string        `json:"reason,omitempty"` // why, or to what
}

// ImportProfile is what a user or bridge profile gives to a room.
type ImportProfile struct {
	Options map[string]string // as ParseOptions takes them
	PIN     string            // digits; empty: none
}

// Import is what of a confbridge.conf can be taken over.
type Import struct {
	Lines   []ImportLine // all settings, in the order of the file
	Menus   []Menu
	Users   map[string]ImportProfile // by name, without templates
	Bridges map[string]ImportProfile
}

// The types of sections.
const (
	sectionUser    = "user"
	sectionBridge  = "bridge"
	sectionMenu    = "menu"
	sectionGeneral = "general"
)

// Import tells of each setting whether it can be taken over, and builds what rooms and menus get of them. Sounds and
// voices must be in the library.
func (c ConfBridge) Import(library *Library) Import {
	r := importer{
		stock:  library,
		judged: make(map[int]ImportLine),
		out:    Import{Users: make(map[string]ImportProfile), Bridges: make(map[string]ImportProfile)},
	}
	for _, section := range c.Sections {
		if !section.Template {
			r.section(section)
		}
	}
	for _, section := range c.Sections {
		for _, s := range section.Settings {
			r.judge(s, ImportRefused, "nothing that inherits from this template uses the line")
		}
	}
	r.out.Lines = slices.SortedFunc(maps.Values(r.judged), func(a, b ImportLine) int { return cmp.Compare(a.Line, b.Line) })
	return r.out
}

// importer judges settings. Those of a template are judged in the first section that inherits them.
type importer struct {
	stock  *Library
	judged map[int]ImportLine // by line
	out    Import
}

// judge records what becomes of a setting, unless that has been said before.
func (r *importer) judge(s ConfBridgeSetting, verdict ImportVerdict, reason string) {
	if _, done := r.judged[s.Line]; done {
		return
	}
	value := s.Value
	if strings.EqualFold(s.Name, "pin") && value != "" {
		value = "******"
	}
	r.judged[s.Line] = ImportLine{s.Line, s.Section, s.Name, value, verdict, reason}
}

func (r *importer) section(section ConfBridgeSection) {
	counting := make(map[string]int) // index of the setting that counts, by name
	for i, s := range section.Settings {
		counting[strings.ToLower(s.Name)] = i
	}
	kind := ""
	if i, ok := counting["type"]; ok {
		kind = strings.ToLower(section.Settings[i].Value)
	} else if strings.EqualFold(section.Name, sectionGeneral) {
		kind = sectionGeneral
	}
	profile := ImportProfile{Options: make(map[string]string)}
	menu := Menu{Name: section.Name}
	for i, s := range section.Settings {
		last := counting[strings.ToLower(s.Name)]
		overridden := last != i
		switch {
		case overridden && s.Section == section.Name:
			r.judge(s, ImportRefused, fmt.Sprintf("line %d says it anew, and counts", section.Settings[last].Line))
		case overridden:
			// Other sections may inherit it.
		case strings.EqualFold(s.Name, "type"):
			r.kind(s, kind)
		case kind == sectionUser, kind == sectionBridge:
			r.option(s, kind, &profile)
		case kind == sectionMenu:
			r.entry(s, &menu)
		case kind == sectionGeneral:
			r.judge(s, ImportRefused, "ConfBridge has no settings in this section")
		case kind == "":
			r.judge(s, ImportRefused, fmt.Sprintf("section %q has no type; type=user, type=bridge or type=menu would be right", section.Name))
		default:
			r.judge(s, ImportRefused, fmt.Sprintf("section %q is of type %q; user, bridge and menu are known", section.Name, kind))
		}
	}
	switch kind {
	case sectionUser:
		r.out.Users[section.Name] = profile
	case sectionBridge:
		r.out.Bridges[section.Name] = profile
	case sectionMenu:
		if len(menu.Entries) > 0 {
			r.out.Menus = append(r.out.Menus, menu)
		}
	}
}

func (r *importer) kind(s ConfBridgeSetting, kind string) {
	switch kind {
	case sectionUser, sectionBridge, sectionMenu:
		r.judge(s, ImportTaken, "")
	default:
		r.judge(s, ImportRefused, fmt.Sprintf("%q is no type of section; user, bridge and menu are", kind))
	}
}

// option judges a setting of a user or bridge profile.
func (r *importer) option(s ConfBridgeSetting, kind string, profile *ImportProfile) {
	name := strings.ToLower(s.Name)
	if name == "pin" && kind == sectionUser {
		r.pin(s, profile)
		return
	}
	own, other := userOptions, sectionBridge
	if kind == sectionBridge {
		own, other = slices.Concat(bridgeOptions, soundOptions()), sectionUser
	}
	o, known := findOption(own, name)
	if kind == sectionBridge && name == "jitterbuffer" {
		o, known = findOption(userOptions, name) // ConfBridge takes it in both
	}
	if !known {
		reason := strings.TrimPrefix(refusal(name).Error(), "option "+name+" is ")
		if _, elsewhere := findOption(optionTable, name); elsewhere {
			reason = fmt.Sprintf("it is no option of a %s profile, but of a %s profile", kind, other)
			if _, ours := findOption(ownOptions, name); ours {
				reason = fmt.Sprintf("it is no option of ConfBridge; set it with `conclave room set EXT -o %s=%s`", name, s.Value)
			}
		}
		r.judge(s, ImportRefused, reason)
		return
	}
	if s.Value == "" {
		r.judge(s, ImportMapped, fmt.Sprintf("no value: the default, %s", o.standard))
		return
	}
	v, err := o.kind.read(s.Value)
	if err != nil {
		r.judge(s, ImportRefused, err.Error())
		return
	}
	settled, err := r.stock.Settle(name, r.language(o, s.Value))
	if err != nil {
		r.judge(s, ImportRefused, strings.TrimPrefix(err.Error(), "option "+name+": "))
		return
	}
	profile.Options[name] = settled
	switch {
	case settled != s.Value:
		r.judge(s, ImportMapped, "to "+settled)
	case v.yes && (name == "admin" || name == "marked"):
		r.judge(s, ImportTaken, "for every member of the room; for some of them give the room a moderators' PIN")
	default:
		r.judge(s, ImportTaken, "")
	}
}

// language maps the name of a language to that of the voice that suits it best: en_GB to en.
func (r *importer) language(o option, given string) string {
	if o.kind.refersTo != RefersToVoice {
		return given
	}
	if _, ok := r.stock.voices.Voice(given); ok {
		return given
	}
	if name, ok := r.stock.voices.Prefer(strings.ReplaceAll(given, "_", "-")); ok {
		return name
	}
	return given
}

// pin judges the PIN of a user profile. No reason repeats it.
func (r *importer) pin(s ConfBridgeSetting, profile *ImportProfile) {
	const longest = 32
	switch {
	case s.Value == "":
		r.judge(s, ImportMapped, "to no PIN")
	case strings.Trim(s.Value, "0123456789") != "":
		r.judge(s, ImportRefused, "a PIN must be digits only; 4711 would be right")
	case len(s.Value) > longest:
		r.judge(s, ImportRefused, fmt.Sprintf("a PIN of %d digits, %d are the most", len(s.Value), longest))
	default:
		profile.PIN = s.Value
		r.judge(s, ImportMapped, "to the PIN of the room, or of its moderators")
	}
}

// entry judges a setting of a menu: keys and their actions.
func (r *importer) entry(s ConfBridgeSetting, menu *Menu) {
	if err := CheckMenuName(menu.Name); err != nil {
		r.judge(s, ImportRefused, err.Error())
		return
	}
	if reason, refused := refusedOptions[strings.ToLower(s.Name)]; refused {
		r.judge(s, ImportRefused, reason)
		return
	}
	parsed, err := ParseMenu(menu.Name, map[string]string{s.Name: s.Value})
	if err == nil {
		parsed, err = r.stock.SettleMenu(parsed)
	}
	if err != nil {
		r.judge(s, ImportRefused, strings.TrimPrefix(err.Error(), "menu "+menu.Name+": "))
		return
	}
	menu.Entries = append(menu.Entries, parsed.Entries...)
	given, _ := ParseMenu(menu.Name, map[string]string{s.Name: s.Value})
	for i, entry := range parsed.Entries {
		if text := entry.Text(); text != given.Entries[i].Text() {
			r.judge(s, ImportMapped, "to "+text)
		}
	}
	r.judge(s, ImportTaken, "")
}
