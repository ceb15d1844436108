package rooms

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Prefer returns the name of the voice that suits an Accept-Language header best (RFC 3261 20.3, RFC 4647 3.4); false if
// none does. The range * asks for nothing in particular and is ignored, as is what is not well formed.
func (vs *Voices) Prefer(acceptLanguage string) (name string, ok bool) {
	ranges, refused := languageRanges(acceptLanguage)
	for _, r := range ranges {
		for tag := r; tag != ""; tag = lessSpecific(tag) {
			if name, ok := vs.tags[tag]; ok && !slices.Contains(refused, tag) {
				return name, true
			}
		}
	}
	return "", false
}

// languageRanges reads an Accept-Language header: the ranges that are wanted, the most wanted one first, and those that
// are not acceptable (q=0), all in lower case.
//
//	Accept-Language = [ language *(COMMA language) ]
//	language        = language-range *(SEMI accept-param)
//	accept-param    = ("q" EQUAL qvalue) / generic-param
func languageRanges(header string) (wanted, refused []string) {
	type weighted struct {
		tag string
		q   float64
	}
	var list []weighted
	for element := range strings.SplitSeq(header, ",") {
		tag, parameters, _ := strings.Cut(element, ";")
		tag = strings.ToLower(strings.Trim(tag, " \t"))
		q, ok := quality(parameters)
		switch {
		case !ok || !wellFormedRange(tag):
		case q == 0:
			refused = append(refused, tag)
		default:
			list = append(list, weighted{tag, q})
		}
	}
	slices.SortStableFunc(list, func(a, b weighted) int { return cmp.Compare(b.q, a.q) })
	for _, w := range list {
		wanted = append(wanted, w.tag)
	}
	return wanted, refused
}

// quality is the value of the parameter q, which is 1 where there is none; false if it is not well formed.
//
//	qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
func quality(parameters string) (float64, bool) {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "q") {
			continue
		}
		value = strings.Trim(value, " \t")
		if len(value) > len("0.000") || strings.Trim(value, ".0123456789") != "" {
			return 0, false
		}
		q, err := strconv.ParseFloat(value, 64)
		return q, err == nil && q <= 1
	}
	return 1, true
}

// wellFormedRange tells whether text is a basic language range (RFC 4647 2.1) other than *.
//
//	language-range = 1*8ALPHA *("-" 1*8alphanum)
func wellFormedRange(text string) bool {
	for i, subtag := range strings.Split(text, "-") {
		if len(subtag) < 1 || len(subtag) > 8 {
			return false
		}
		for _, c := range subtag {
			letter := c >= 'a' && c <= 'z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// lessSpecific takes the last subtag away, and with it a single character before it, which only introduced it (RFC 4647
// 3.4). At the end it is empty.
func lessSpecific(tag string) string {
	i := max(0, strings.LastIndexByte(tag, '-'))
	tag = tag[:i]
	if i >= 2 && tag[i-2] == '-' {
		return tag[:i-2]
	}
	return tag
}

// languageTag is a voice's name as a language tag: ru_RU and ru-ru are one.
func languageTag(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", "-"))
}

// languageOfName is the language of a voice with a name like "de", "de-AT" or "ru_RU_f_IvrvoiceRU"; empty if the name
// does not begin with a code of two letters.
func languageOfName(name string) string {
	language, _, _ := strings.Cut(languageTag(name), "-")
	if len(language) != 2 || !wellFormedRange(language) {
		return ""
	}
	return language
}
