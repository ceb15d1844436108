package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// moment is a time as an operator gives it: a date with or without a time, in the zone of the machine unless it has one
// itself, or how long ago.
type moment struct {
	date time.Time
	ago  time.Duration // where there is no date
	days int
}

// momentLayouts are the ways to write a date.
var momentLayouts = []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime, "2006-01-02T15:04:05", time.RFC3339}

// UnmarshalText takes a date, or how long ago: in days (7d) or as Go writes durations (1h30m).
func (m *moment) UnmarshalText(text []byte) error {
	*m = moment{}
	for _, layout := range momentLayouts {
		if date, err := time.ParseInLocation(layout, string(text), time.Local); err == nil {
			m.date = date
			return nil
		}
	}
	if digits, ok := strings.CutSuffix(string(text), "d"); ok {
		if days, err := strconv.ParseUint(digits, 10, 16); err == nil {
			m.days = int(days)
			return nil
		}
	}
	if ago, err := time.ParseDuration(string(text)); err == nil && ago >= 0 {
		m.ago = ago
		return nil
	}
	return fmt.Errorf("time %q: it takes a date, 2026-11-01 or \"2026-11-01 14:30\", or how long ago, 90m, 24h or 7d", text)
}

// at is the moment, seen from now. A day ago is the same time of the day before.
func (m moment) at(now time.Time) time.Time {
	if !m.date.IsZero() {
		return m.date
	}
	return now.AddDate(0, 0, -m.days).Add(-m.ago)
}
