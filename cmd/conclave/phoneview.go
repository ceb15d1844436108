package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conclave/sip"
	"conclave/store"
)

// phoneView is a phone as it is shown.
type phoneView struct {
	Extension string `json:"extension"`
	Name      string `json:"name"`
	NoAnswer  int    `json:"no_answer_s"`
	outsideView
	Created time.Time          `json:"created"`
	Changed time.Time          `json:"changed"`
	Places  []sip.Registration `json:"registrations"` // null where no server runs that could tell
}

// viewPhones adds to phones where they have registered, if a server runs.
func viewPhones(ctx context.Context, data dataDir, phones []store.Phone) ([]phoneView, error) {
	var all []sip.Registration
	err := newClient(data).call(ctx, "GET", "/v1/phones", &all)
	running := err == nil
	if err != nil && !errors.Is(err, errNoServer) {
		return nil, err
	}
	views := make([]phoneView, 0, len(phones))
	for _, p := range phones {
		v := phoneView{Extension: p.Extension, Name: p.Name, NoAnswer: int(p.RingTime / time.Second), outsideView: viewOutside(p.Outside),
			Created: p.Created, Changed: p.Changed}
		if running {
			v.Places = []sip.Registration{}
		}
		for _, r := range all {
			if r.Extension == p.Extension {
				v.Places = append(v.Places, r)
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// placeText is a registration in words.
type placeText struct{ place, agent, expires, trip string }

// places are the lines of a phone: one at least.
func (v phoneView) places() []placeText {
	if v.Places == nil {
		return []placeText{{place: "no server is running"}}
	}
	if len(v.Places) == 0 {
		return []placeText{{place: "no"}}
	}
	var lines []placeText
	for _, r := range v.Places {
		line := placeText{place: r.Transport + ":" + r.Address, agent: r.Agent, expires: lasting(int(max(0, time.Until(r.Expires)).Seconds()))}
		switch {
		case r.Lost > 0:
			line.trip = "no answer"
		case r.RoundTrip > 0:
			line.trip = fmt.Sprintf("%.0f ms", max(r.RoundTrip, 1))
		}
		lines = append(lines, line)
	}
	return lines
}

func (p placeText) text() string {
	text := p.place
	if p.agent != "" {
		text += ", " + p.agent
	}
	if p.expires != "" {
		text += ", for " + p.expires
	}
	if p.trip != "" {
		text += ", " + p.trip
	}
	return text
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
