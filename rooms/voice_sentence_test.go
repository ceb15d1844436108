package rooms

import (
	"maps"
	"strings"
	"testing"

	"conclave/media"
)

// spoken names the prompts that sounds are, a pause as a comma, and what is none of the voice's as "?".
func spoken(v *Voice, sounds []*media.Sound) string {
	return strings.Join(spokenNames(v, sounds), " ")
}

func spokenNames(v *Voice, sounds []*media.Sound) []string {
	names := make(map[*media.Sound]string)
	for ; v != nil; v = v.fallback {
		names[v.pause] = ","
		// The sounds of a voice that was made for Asterisk are many; those that a sentence may have will do.
		for _, name := range append(v.wanted(), promptAnd, promptHaveJoined, promptHaveLeft, promptOtherInParty+"-few", promptOtherInParty+"-one", "A", "B", "C") {
			if sound, ok := v.own(name); ok {
				names[sound] = name
			}
		}
	}
	list := make([]string, len(sounds))
	for i, sound := range sounds {
		if list[i] = names[sound]; list[i] == "" {
			list[i] = "?"
		}
	}
	return list
}

func TestThereAreIsAWholeSentence(t *testing.T) {
	for language, sentences := range map[string]map[int]string{
		"en": {
			-1: "", 0: "",
			1:    "There is one other participant in this conference",
			2:    "There are two other participants in this conference",
			21:   "There are twenty one other participants in this conference",
			421:  "There are four hundred twenty one other participants in this conference",
			1000: "There are one thousand other participants in this conference",
		},
		"de": {
			0:    "",
			1:    "Es ist ein weiterer Teilnehmer in der Konferenz",
			2:    "Es sind zwei weitere Teilnehmer in der Konferenz",
			21:   "Es sind einundzwanzig weitere Teilnehmer in der Konferenz",
			101:  "Es sind einhunderteins weitere Teilnehmer in der Konferenz",
			9999: "Es sind neuntausendneunhundertneunundneunzig weitere Teilnehmer in der Konferenz",
		},
		"ru": {
			0:     "",
			1:     "В конференции ещё один участник",
			2:     "В конференции ещё два участника",
			4:     "В конференции ещё четыре участника",
			5:     "В конференции ещё пять участников",
			11:    "В конференции ещё одиннадцать участников",
			21:    "В конференции ещё двадцать один участник",
			22:    "В конференции ещё двадцать два участника",
			112:   "В конференции ещё сто двенадцать участников",
			2001:  "В конференции ещё две тысячи один участник",
			10001: "В конференции ещё один ноль ноль ноль один участник",
		},
	} {
		voice, texts := builtin(t, language), catalogue(t, language)
		for n, want := range sentences {
			if got := inWords(t, language, texts, spokenNames(voice, voice.ThereAre(n))); got != want {
				t.Errorf("%d others: %q, want %q", n, got, want)
			}
		}
	}
}

func TestNamesAreListedAndTheVerbAgrees(t *testing.T) {
	for language, c := range map[string]struct{ one, two, three, someone, left, leftTogether string }{
		"en": {"A has joined", "A and B have joined", "A, B and C have joined", "A and A participant have joined",
			"A has left", "A and B have left"},
		"de": {"A hat die Konferenz betreten", "A und B haben die Konferenz betreten", "A, B und C haben die Konferenz betreten",
			"A und Ein Teilnehmer haben die Konferenz betreten", "A hat die Konferenz verlassen", "A und B haben die Konferenz verlassen"},
		"ru": {"A входит в конференцию", "A и B входят в конференцию", "A, B и C входят в конференцию",
			"A и Участник входят в конференцию", "A покидает конференцию", "A и B покидают конференцию"},
	} {
		recorded := map[string]*media.Sound{"A": nil, "B": nil, "C": nil}
		texts := catalogue(t, language)
		for name := range recorded {
			recorded[name] = media.NewSound(8000, []int16{1})
			texts[name] = name
		}
		texts[","] = ","
		voice := builtin(t, language).With(recorded)
		name := func(n string) []*media.Sound { return []*media.Sound{recorded[n]} }
		for _, s := range []struct {
			said []*media.Sound
			want string
		}{
			{voice.HaveJoined(), ""},
			{voice.HaveJoined(name("A")), c.one},
			{voice.HaveJoined(name("A"), name("B")), c.two},
			{voice.HaveJoined(name("A"), name("B"), name("C")), c.three},
			{voice.HaveJoined(name("A"), nil), c.someone},
			{voice.HaveLeft(name("A")), c.left},
			{voice.HaveLeft(name("A"), name("B")), c.leftTogether},
		} {
			words := inWords(t, language, texts, spokenNames(voice, s.said))
			if got := strings.ReplaceAll(words, "  ", ", "); got != s.want {
				t.Errorf("%s: %q, want %q", language, got, s.want)
			}
		}
	}
}

func TestCallerNumbersAreSpelled(t *testing.T) {
	voice := builtin(t, "de")
	texts := catalogue(t, "de")
	delete(texts, "digits/plus")
	texts["digits/plus"] = "plus"
	for number, want := range map[string]string{
		"":             "",
		"anna":         "",
		"110":          "digits/1 digits/1 digits/0",
		"+49 (30) 12":  "digits/plus digits/4 digits/9 digits/3 digits/0 digits/1 digits/2",
		"4+2":          "digits/4 digits/2",
		"٣7":           "digits/7",
		"\xff5\x00*#6": "digits/5 digits/6",
	} {
		if got := spoken(voice, voice.Digits(number)); got != want {
			t.Errorf("%q: %q, want %q", number, got, want)
		}
	}
}

// asteriskSounds are the names that Asterisk's own sentences need.
var asteriskSounds = []string{promptOnlyOne, promptThereAre, promptOtherInParty, promptHasJoined, promptHasLeft}

// voiceOf makes a voice of tones with these names, which falls back to a built-in one.
func voiceOf(t *testing.T, language string, names ...string) *Voice {
	t.Helper()
	sounds := make(map[string]recording)
	for _, name := range names {
		sounds[name] = recorded(media.NewSound(8000, []int16{1, 2, 3}))
	}
	v := newVoice("test", language, sounds)
	v.fallback = builtin(t, "en")
	if _, known := grammars[language]; known {
		v.fallback = builtin(t, language)
	}
	return v
}

func TestVoiceMadeForAsteriskSpeaksItsSentences(t *testing.T) {
	a, b := media.NewSound(8000, []int16{1}), media.NewSound(8000, []int16{1})
	figures := []string{"digits/1", "digits/2", "digits/5", "digits/20", "digits/hundred"}
	for _, c := range []struct {
		name     string
		voice    *Voice
		others   int
		thereAre string
	}{
		{"English", voiceOf(t, "en", append(figures, asteriskSounds...)...), 121,
			"conf-thereare digits/1 digits/hundred digits/20 digits/1 conf-otherinparty"},
		{"one other", voiceOf(t, "en", append(figures, asteriskSounds...)...), 1, "conf-onlyone"},
		{"Russian without the form for two", voiceOf(t, "ru", append(figures, asteriskSounds...)...), 2,
			"conf-thereare digits/2 conf-otherinparty"},
		{"Russian with that form", voiceOf(t, "ru", append(figures, append(asteriskSounds, "conf-otherinparty-few")...)...), 2,
			"conf-thereare digits/2 conf-otherinparty-few"},
		{"a language without grammar", voiceOf(t, "es", append(figures, asteriskSounds...)...), 25,
			"conf-thereare digits/2 digits/5 conf-otherinparty"},
	} {
		got := c.voice.ThereAre(c.others)
		if text := spoken(c.voice, got); text != c.thereAre {
			t.Errorf("%s: %q, want %q", c.name, text, c.thereAre)
		}
		for _, sound := range got {
			if strings.Contains(spoken(c.voice.fallback, []*media.Sound{sound}), "-") {
				t.Errorf("%s: a part is spoken by another voice", c.name)
			}
		}
		with := c.voice.With(map[string]*media.Sound{"A": a, "B": b})
		if text := spoken(with, with.HaveJoined([]*media.Sound{a}, []*media.Sound{b})); text != "A conf-hasjoin , B conf-hasjoin" {
			t.Errorf("%s: %q is said of two", c.name, text)
		}
		if text := spoken(with, with.HaveLeft([]*media.Sound{a})); text != "A conf-hasleft" {
			t.Errorf("%s: %q is said of one", c.name, text)
		}
	}
}

func TestSentenceWithAMissingPieceIsWhollySpokenByTheBuiltinVoice(t *testing.T) {
	voice := voiceOf(t, "de", "conf-thereare", "digits/20", "conf-otherinparty") // no "einund"
	names := spokenNames(voice.fallback, voice.ThereAre(21))
	if got := inWords(t, "de", catalogue(t, "de"), names); got != "Es sind einundzwanzig weitere Teilnehmer in der Konferenz" {
		t.Errorf("%q, want a sentence of the built-in voice", got)
	}
	if got := spoken(voice, voice.HaveJoined(nil)); got != "conf-participant conf-hasjoin" {
		t.Errorf("%q, want a sentence of the built-in voice", got)
	}
	nobody := newVoice("bare", "en", maps.Clone(voice.sounds))
	if got := spoken(nobody, nobody.ThereAre(20)); got != "conf-thereare digits/20 conf-otherinparty" {
		t.Errorf("%q is said by a voice on its own", got)
	}
	if got := spoken(nobody, nobody.ThereAre(21)); got != "conf-thereare digits/20 conf-otherinparty" {
		t.Errorf("%q is said by a voice on its own", got)
	}
}

func TestReplacedWordsOfASentenceTakeTheirFormsAlong(t *testing.T) {
	mine := media.NewSound(8000, []int16{1})
	for _, c := range []struct {
		replaced, thereAre, joined string
	}{
		{promptThereAre, "? digits/2 conf-otherinparty-few", "conf-participant conf-and conf-participant conf-havejoined"},
		{promptOtherInParty, "conf-thereare digits/2 ?", "conf-participant conf-and conf-participant conf-havejoined"},
		{promptHasJoined, "conf-thereare digits/2 conf-otherinparty-few", "conf-participant ? , conf-participant ?"},
	} {
		original := builtin(t, "ru")
		for name, voice := range map[string]*Voice{"built-in": original, "with a gap": {name: "x", language: "ru", pause: original.pause, fallback: original}} {
			with := voice.With(map[string]*media.Sound{c.replaced: mine})
			if got := spoken(original, with.ThereAre(2)); got != c.thereAre {
				t.Errorf("%s, %s replaced: %q, want %q", name, c.replaced, got, c.thereAre)
			}
			if got := spoken(original, with.HaveJoined(nil, nil)); got != c.joined {
				t.Errorf("%s, %s replaced: %q, want %q", name, c.replaced, got, c.joined)
			}
		}
	}
}
