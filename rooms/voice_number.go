package rooms

import "strconv"

// biggestNumber is the biggest that is spoken as a number. A bigger one is spelled.
const biggestNumber = 9999

// grammar puts numbers, and what is counted, together from prompts, which it returns by their names. Asterisk's names
// are used wherever it has the word, so that a voice made for it counts by the same rules.
type grammar struct {
	number func(n int) []string // 0 to biggestNumber
	others func(n int) string   // "other participants" behind the number n
}

// grammars are those of the languages that the built-in voices speak.
var grammars = map[string]grammar{
	"en": {number: englishNumber, others: othersOfAnyNumber},
	"de": {number: germanNumber, others: othersOfAnyNumber},
	"ru": {number: russianNumber, others: russianOthers},
}

// foreign is the grammar of a voice whose language is not among them.
var foreign = grammar{number: foreignNumber, others: othersOfAnyNumber}

// count speaks a number that is not negative.
func (g grammar) count(n int) []string {
	if n > biggestNumber {
		return spelled(n)
	}
	return g.number(n)
}

// othersOfAnyNumber is for languages in which two of something are called the same as twenty.
func othersOfAnyNumber(int) string { return promptOtherInParty }

// numeral is the prompt of a number that has one of its own.
func numeral(n int) string { return "digits/" + strconv.Itoa(n) }

// englishNumber: four hundred | twenty | one.
func englishNumber(n int) []string {
	var pieces []string
	if n >= 1000 {
		pieces = append(pieces, numeral(n/1000), "digits/thousand")
	}
	if n %= 1000; n >= 100 {
		pieces = append(pieces, numeral(n/100), "digits/hundred")
	}
	return appendTens(pieces, n%100)
}

// appendTens appends what is below a hundred in a language that has words up to twenty and puts ones behind tens. Zero
// is a word only by itself.
func appendTens(pieces []string, n int) []string {
	switch {
	case n == 0 && len(pieces) > 0:
		return pieces
	case n <= 20 || n%10 == 0:
		return append(pieces, numeral(n))
	}
	return append(pieces, numeral(n-n%10), numeral(n%10))
}

// germanNumber: vier|hundert|einund|zwanzig. Before hundred and thousand one is "ein" (digits/1N), at the end "eins".
func germanNumber(n int) []string {
	var pieces []string
	multiple := func(of int, name string) {
		times := numeral(n / of)
		if n/of == 1 {
			times = "digits/1N"
		}
		pieces = append(pieces, times, name)
		n %= of
	}
	if n >= 1000 {
		multiple(1000, "digits/thousand")
	}
	if n >= 100 {
		multiple(100, "digits/hundred")
	}
	if n <= 20 || n%10 == 0 {
		return appendTens(pieces, n)
	}
	return append(pieces, numeral(n%10)+"-and", numeral(n-n%10))
}

// russianNumber: четыреста | двадцать | один, as participants are counted, who are masculine. Thousands are feminine:
// одна тысяча, две тысячи, пять тысяч.
func russianNumber(n int) []string {
	var pieces []string
	if thousands := n / 1000; thousands > 0 {
		times := numeral(thousands)
		if thousands <= 2 {
			times += "f"
		}
		pieces = append(pieces, times, russianForm(thousands, "digits/thousand", "digits/thousands-i", "digits/thousands"))
	}
	if n %= 1000; n >= 100 {
		pieces = append(pieces, numeral(n-n%100))
	}
	return appendTens(pieces, n%100)
}

// russianOthers: двадцать один участник, двадцать два участника, двадцать пять участников.
func russianOthers(n int) string {
	return russianForm(n, promptOtherInParty+"-one", promptOtherInParty+"-few", promptOtherInParty)
}

// russianForm chooses the form of what is counted: the singular behind numbers that end in one, the genitive singular
// behind those that end in two to four, the genitive plural behind all others, and behind eleven to fourteen.
func russianForm(n int, one, few, many string) string {
	switch {
	case n%100 >= 11 && n%100 <= 14:
		return many
	case n%10 == 1:
		return one
	case n%10 >= 2 && n%10 <= 4:
		return few
	}
	return many
}

// foreignNumber speaks the numbers that are one word in most languages, and spells the others: nobody knows here in
// which order ones and tens go, but figures are understood everywhere.
func foreignNumber(n int) []string {
	if n <= 20 {
		return []string{numeral(n)}
	}
	return spelled(n)
}

// spelled is a number figure by figure.
func spelled(n int) []string {
	var pieces []string
	for _, figure := range strconv.Itoa(n) {
		pieces = append(pieces, "digits/"+string(figure))
	}
	return pieces
}
