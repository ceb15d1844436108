package rooms

import (
	"fmt"
	"slices"
	"strings"

	"conclave/rooms/dialplan"
)

// callOutOptions say whom a room calls by itself or by an operator's order.
var callOutOptions = []option{
	{"call_out", callees, noValue, "rings these when the first moderator joins, those who are not there yet; who presses 1 is in",
		func(o *Options, v value) { o.CallOut = v.list }},
	{"call_out_pin", yesNo, "no", "asks for the PIN those whom call_out has rung",
		func(o *Options, v value) { o.CallOutPIN = v.yes }},
	{"call_out_allow", patterns, noValue, "lets the room call these numbers outside, if a trunk carries them, and SIP addresses",
		func(o *Options, v value) {
			o.CallOutAllow = nil
			for _, p := range v.list {
				o.CallOutAllow = append(o.CallOutAllow, dialplan.Pattern(p))
			}
		}},
	{"max_out_calls", count("calls", 0, 100_000), "20", "is the most that the room has outside at once; 0 is no limit",
		func(o *Options, v value) { o.MaxOutCalls = v.number }},
	{"max_out_per_day", count("calls", 0, 1_000_000), "200", "is the most that the room makes outside on a day; 0 is no limit",
		func(o *Options, v value) { o.MaxOutPerDay = v.number }},
}

// mostCallees bounds a list of call_out.
const mostCallees = 100

// callees takes numbers and SIP addresses, separated by commas.
var callees = kind{takes: "numbers and SIP addresses, separated by commas, or " + noValue, read: func(text string) (value, error) {
	if strings.TrimSpace(text) == noValue {
		return value{}, nil
	}
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		callee, err := dialplan.ParseCallee(part)
		if err != nil {
			return value{}, err
		}
		if !slices.Contains(list, callee) {
			list = append(list, callee)
		}
	}
	if len(list) > mostCallees {
		return value{}, fmt.Errorf("%d callees are too many, %d are the most", len(list), mostCallees)
	}
	return value{list: list}, nil
}}

// patterns takes patterns of numbers and SIP addresses, separated by white space or commas.
var patterns = kind{takes: "patterns as '+49*' or sip:*@example.com, separated by commas, or " + noValue, read: func(text string) (value, error) {
	if strings.TrimSpace(text) == noValue {
		return value{}, nil
	}
	parsed, err := dialplan.Parse(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })...)
	if err != nil {
		return value{}, err
	}
	if len(parsed) == 0 {
		return value{}, fmt.Errorf("%q names no pattern", text)
	}
	var v value
	for _, p := range parsed {
		v.list = append(v.list, string(p))
	}
	return v, nil
}}
