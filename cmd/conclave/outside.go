package main

import (
	"fmt"
	"strings"

	"conclave/rooms/dialplan"
	"conclave/store"
)

// outsideArgs say what a phone may call outside, or a trunk carry there.
type outsideArgs struct {
	AllowOut     []string `name:"allow-out" sep:"none" xor:"allow-out" placeholder:"PATTERN" help:"Numbers outside that may be called, as in '+49*' or 0301234??, or with ! before it may not; may be repeated. None without one."`
	MaxOutCalls  *int     `name:"max-out-calls" placeholder:"N" help:"Most calls outside at once; 0: no limit."`
	MaxOutPerDay *int     `name:"max-out-per-day" placeholder:"N" help:"Most calls outside on a day; 0: no limit."`
}

// outsideSetArgs change that.
type outsideSetArgs struct {
	outsideArgs
	NoAllowOut bool `name:"no-allow-out" xor:"allow-out" help:"Allow no number outside any more."`
}

func (a *outsideSetArgs) given() bool {
	return len(a.AllowOut) > 0 || a.NoAllowOut || a.MaxOutCalls != nil || a.MaxOutPerDay != nil
}

// outsideFlags are those of outsideSetArgs, for a message.
const outsideFlags = "--allow-out, --no-allow-out, --max-out-calls, --max-out-per-day"

// applyOutside makes of o what is given. The error names what is wrong.
func (a *outsideArgs) applyOutside(o *store.Outside) error {
	if len(a.AllowOut) > 0 {
		patterns, err := dialplan.Parse(a.AllowOut...)
		if err != nil {
			return err
		}
		o.Allow = nil
		for _, p := range patterns {
			if strings.HasPrefix(strings.TrimPrefix(string(p), "!"), "sip:") {
				return fmt.Errorf("pattern %q: a trunk carries numbers only; rooms may call SIP addresses, by their option call_out_allow", p)
			}
			o.Allow = append(o.Allow, string(p))
		}
	}
	for _, limit := range []struct {
		flag  string
		given *int
		set   *int
	}{{"--max-out-calls", a.MaxOutCalls, &o.AtOnce}, {"--max-out-per-day", a.MaxOutPerDay, &o.PerDay}} {
		if limit.given == nil {
			continue
		}
		if *limit.given < 0 || *limit.given > 1_000_000 {
			return fmt.Errorf("%s %d: it takes 1 to 1000000 calls, or 0 for no limit", limit.flag, *limit.given)
		}
		*limit.set = *limit.given
	}
	return nil
}

func (a *outsideSetArgs) applyOutside(o *store.Outside) error {
	if a.NoAllowOut {
		o.Allow = nil
	}
	return a.outsideArgs.applyOutside(o)
}

// outsideView is what may be called outside, as it is shown.
type outsideView struct {
	Allow  []string `json:"allow_out"`
	AtOnce int      `json:"max_out_calls"`
	PerDay int      `json:"max_out_per_day"`
}

func viewOutside(o store.Outside) outsideView {
	return outsideView{Allow: append([]string{}, o.Allow...), AtOnce: o.AtOnce, PerDay: o.PerDay}
}

// text is the patterns, or no.
func (v outsideView) text() string {
	if len(v.Allow) == 0 {
		return "no"
	}
	return strings.Join(v.Allow, " ")
}

// limits are the caps in words.
func (v outsideView) limits() string {
	number := func(n int, what string) string {
		if n == 0 {
			return "any number " + what
		}
		return fmt.Sprintf("%d %s", n, what)
	}
	return number(v.AtOnce, "at once") + ", " + number(v.PerDay, "a day")
}
