package rooms

import (
	"io/fs"
	"strings"
	"testing"
)

// catalogue reads the texts of a built-in voice's prompts.
func catalogue(t *testing.T, language string) map[string]string {
	t.Helper()
	file, err := fs.ReadFile(voiceFiles, "voice/"+language+".tsv")
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for line := range strings.Lines(string(file)) {
		if columns := strings.Split(strings.TrimSpace(line), "\t"); len(columns) > 1 && line[0] != '#' {
			texts[columns[0]] = columns[1]
		}
	}
	return texts
}

// inWords writes down what is spoken by prompts, without the commas and stops that are there for the tone of voice.
// German numbers are written in one word.
func inWords(t *testing.T, language string, texts map[string]string, names []string) string {
	t.Helper()
	var b strings.Builder
	for i, name := range names {
		text, known := texts[name]
		if !known {
			t.Errorf("no text for %q of %q", name, names)
		}
		compound := language == "de" && i > 0 && strings.HasPrefix(name, "digits/") && strings.HasPrefix(names[i-1], "digits/")
		if i > 0 && !compound {
			b.WriteByte(' ')
		}
		b.WriteString(strings.TrimRight(text, ",."))
	}
	return b.String()
}

func TestNumbersAreSpokenAsTheLanguageHasThem(t *testing.T) {
	for _, c := range []struct {
		n          int
		en, de, ru string
	}{
		{0, "zero", "null", "ноль"},
		{1, "one", "eins", "один"},
		{2, "two", "zwei", "два"},
		{7, "seven", "sieben", "семь"},
		{9, "nine", "neun", "девять"},
		{10, "ten", "zehn", "десять"},
		{11, "eleven", "elf", "одиннадцать"},
		{12, "twelve", "zwölf", "двенадцать"},
		{13, "thirteen", "dreizehn", "тринадцать"},
		{14, "fourteen", "vierzehn", "четырнадцать"},
		{16, "sixteen", "sechzehn", "шестнадцать"},
		{17, "seventeen", "siebzehn", "семнадцать"},
		{19, "nineteen", "neunzehn", "девятнадцать"},
		{20, "twenty", "zwanzig", "двадцать"},
		{21, "twenty one", "einundzwanzig", "двадцать один"},
		{22, "twenty two", "zweiundzwanzig", "двадцать два"},
		{25, "twenty five", "fünfundzwanzig", "двадцать пять"},
		{29, "twenty nine", "neunundzwanzig", "двадцать девять"},
		{30, "thirty", "dreißig", "тридцать"},
		{31, "thirty one", "einunddreißig", "тридцать один"},
		{40, "forty", "vierzig", "сорок"},
		{44, "forty four", "vierundvierzig", "сорок четыре"},
		{50, "fifty", "fünfzig", "пятьдесят"},
		{66, "sixty six", "sechsundsechzig", "шестьдесят шесть"},
		{77, "seventy seven", "siebenundsiebzig", "семьдесят семь"},
		{80, "eighty", "achtzig", "восемьдесят"},
		{90, "ninety", "neunzig", "девяносто"},
		{98, "ninety eight", "achtundneunzig", "девяносто восемь"},
		{99, "ninety nine", "neunundneunzig", "девяносто девять"},
		{100, "one hundred", "einhundert", "сто"},
		{101, "one hundred one", "einhunderteins", "сто один"},
		{102, "one hundred two", "einhundertzwei", "сто два"},
		{110, "one hundred ten", "einhundertzehn", "сто десять"},
		{111, "one hundred eleven", "einhundertelf", "сто одиннадцать"},
		{112, "one hundred twelve", "einhundertzwölf", "сто двенадцать"},
		{120, "one hundred twenty", "einhundertzwanzig", "сто двадцать"},
		{121, "one hundred twenty one", "einhunderteinundzwanzig", "сто двадцать один"},
		{199, "one hundred ninety nine", "einhundertneunundneunzig", "сто девяносто девять"},
		{200, "two hundred", "zweihundert", "двести"},
		{300, "three hundred", "dreihundert", "триста"},
		{421, "four hundred twenty one", "vierhunderteinundzwanzig", "четыреста двадцать один"},
		{500, "five hundred", "fünfhundert", "пятьсот"},
		{600, "six hundred", "sechshundert", "шестьсот"},
		{700, "seven hundred", "siebenhundert", "семьсот"},
		{812, "eight hundred twelve", "achthundertzwölf", "восемьсот двенадцать"},
		{999, "nine hundred ninety nine", "neunhundertneunundneunzig", "девятьсот девяносто девять"},
		{1000, "one thousand", "eintausend", "одна тысяча"},
		{1001, "one thousand one", "eintausendeins", "одна тысяча один"},
		{1011, "one thousand eleven", "eintausendelf", "одна тысяча одиннадцать"},
		{1021, "one thousand twenty one", "eintausendeinundzwanzig", "одна тысяча двадцать один"},
		{1100, "one thousand one hundred", "eintausendeinhundert", "одна тысяча сто"},
		{1111, "one thousand one hundred eleven", "eintausendeinhundertelf", "одна тысяча сто одиннадцать"},
		{2000, "two thousand", "zweitausend", "две тысячи"},
		{2002, "two thousand two", "zweitausendzwei", "две тысячи два"},
		{3000, "three thousand", "dreitausend", "три тысячи"},
		{4321, "four thousand three hundred twenty one", "viertausenddreihunderteinundzwanzig", "четыре тысячи триста двадцать один"},
		{5000, "five thousand", "fünftausend", "пять тысяч"},
		{7777, "seven thousand seven hundred seventy seven", "siebentausendsiebenhundertsiebenundsiebzig", "семь тысяч семьсот семьдесят семь"},
		{9999, "nine thousand nine hundred ninety nine", "neuntausendneunhundertneunundneunzig", "девять тысяч девятьсот девяносто девять"},
		{10000, "one zero zero zero zero", "einsnullnullnullnull", "один ноль ноль ноль ноль"},
		{12345, "one two three four five", "einszweidreivierfünf", "один два три четыре пять"},
	} {
		for language, want := range map[string]string{"en": c.en, "de": c.de, "ru": c.ru} {
			if got := inWords(t, language, catalogue(t, language), grammars[language].count(c.n)); got != want {
				t.Errorf("%d in %s: %q, want %q", c.n, language, got, want)
			}
		}
	}
}

func TestEveryNumberIsSpokenByPromptsThatExistAndUnlikeAllOthers(t *testing.T) {
	for language, grammar := range grammars {
		texts, spoken := catalogue(t, language), make(map[string]int)
		for n := range biggestNumber + 1 {
			text := inWords(t, language, texts, grammar.count(n))
			if other, twice := spoken[text]; twice {
				t.Errorf("%s: %d and %d are both %q", language, other, n, text)
			}
			spoken[text] = n
			if _, known := texts[grammar.others(n)]; !known {
				t.Errorf("%s: no text for %q", language, grammar.others(n))
			}
		}
	}
}

func TestNumbersInALanguageWithoutGrammarAreOneWordOrFigures(t *testing.T) {
	for n, want := range map[int]string{
		0: "digits/0", 9: "digits/9", 15: "digits/15", 20: "digits/20", 21: "digits/2 digits/1", 90: "digits/9 digits/0",
		4711: "digits/4 digits/7 digits/1 digits/1", 10000: "digits/1 digits/0 digits/0 digits/0 digits/0",
	} {
		if got := strings.Join(foreign.count(n), " "); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestRussianParticipantsAgreeWithTheirNumber(t *testing.T) {
	texts := catalogue(t, "ru")
	for want, numbers := range map[string][]int{
		"участник":   {1, 21, 31, 91, 101, 121, 1001, 1021, 9991},
		"участника":  {2, 3, 4, 22, 23, 24, 34, 102, 103, 104, 122, 1002, 2004, 9992},
		"участников": {5, 6, 9, 10, 11, 12, 13, 14, 15, 19, 20, 25, 30, 100, 105, 111, 112, 113, 114, 1000, 1011, 1012, 1014, 9999},
	} {
		for _, n := range numbers {
			if got := inWords(t, "ru", texts, []string{russianOthers(n)}); got != want {
				t.Errorf("%d %s, want %s", n, got, want)
			}
		}
	}
}
