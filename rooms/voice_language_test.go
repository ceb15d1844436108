package rooms

import (
	"slices"
	"strings"
	"testing"
)

// voicesNamed is a set of voices that have nothing but names.
func voicesNamed(names ...string) *Voices {
	var voices []*Voice
	for _, name := range names {
		voices = append(voices, newVoice(name, languageOfName(name), nil))
	}
	return newVoices(voices...)
}

func TestVoiceIsChosenByAcceptLanguage(t *testing.T) {
	voices := voicesNamed("en", "de", "ru", "de-CH", "es_ES_f_Cecilia", "anna", "zh-Hant")
	for _, c := range []struct{ header, want string }{
		{"de", "de"},
		{"DE", "de"},
		{"de-AT", "de"},
		{"de-AT-1996", "de"},
		{"de-ch", "de-CH"},
		{"de-CH-1996", "de-CH"},
		{"de;q=0.5, ru;q=0.8", "ru"},
		{"fr, de;q=0.5", "de"},
		{"fr, pl", ""},
		{"de, ru", "de"},
		{"ru;q=0.700,de;q=0.701", "de"},
		{" ru ; q=0.3 , en ; q=0.2", "ru"},
		{"en;level=1;q=0.4, de;Q=0.5", "de"},
		{"es", "es_ES_f_Cecilia"},
		{"es-MX", "es_ES_f_Cecilia"},
		{"zh-Hant-CN-x-private1", "zh-Hant"},
		{"de-x-dialect", "de"},
		{"zh", "zh-Hant"},
		{"anna", "anna"},
		{"*", ""},
		{"*, ru;q=0.1", "ru"},
		{"*;q=1, de;q=0.001", "de"},
		{"de;q=0", ""},
		{"de-AT, de;q=0, en;q=0.1", "en"},
		{"", ""},
		{",,;,", ""},
		{"de;q=1.5, ru;q=0.1", "ru"},
		{"de;q=, ru;q=0.1", "ru"},
		{"de;q=0.1234, ru;q=0.1", "ru"},
		{"de;q=-1, ru;q=0.1", "ru"},
		{"de;q=1e0, ru;q=0.1", "ru"},
		{"de;q=NaN, ru;q=0.1", "ru"},
		{"de;q=\"0.9\", ru;q=0.1", "ru"},
		{"d_e, 1de, de-, -de, de--AT, abcdefghi, de-äöü, de AT, de-*", ""},
		{"e\x00n, \xff", ""},
	} {
		name, ok := voices.Prefer(c.header)
		if name != c.want || ok != (c.want != "") {
			t.Errorf("%q: %q %v, want %q", c.header, name, ok, c.want)
		}
	}
}

// FuzzPrefer holds that no header chooses a voice that there is not, or one that it refuses.
func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"de-AT;q=0.8, en;q=0.5, *;q=0.1", "ru", "", "de;q=0", "zh-Hant-x-y", ";;,,=", "de;q=2;q=0"} {
		f.Add(seed)
	}
	voices := voicesNamed("en", "de", "ru", "zh-Hant")
	f.Fuzz(func(t *testing.T, header string) {
		name, ok := voices.Prefer(header)
		if ok != (name != "") || ok && !slices.Contains(voices.Names(), name) {
			t.Errorf("%q: %q %v", header, name, ok)
		}
		language, _, _ := strings.Cut(strings.ToLower(name), "-")
		if !strings.Contains(strings.ToLower(header), language) {
			t.Errorf("%q: %q, which nobody asked for", header, name)
		}
		if again, _ := voices.Prefer(header + ", *, x y;q=7"); again != name {
			t.Errorf("%q: %q, and %q with what is ignored behind it", header, name, again)
		}
	})
}
