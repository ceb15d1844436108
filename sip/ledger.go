package sip

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"conclave/store"
)

// payer is who a call outside is counted for, with the calls that he may make; 0 is no limit.
type payer struct {
	party
	atOnce, perDay int
}

// ledger counts calls outside, so that a stolen password or a wrong setting costs no more than its caps allow. The day is
// that of the server's clock; what was counted outlives a restart but for the last half second of a process that is killed.
type ledger struct {
	log *slog.Logger
	db  *store.DB // nil: nothing outlives the process

	mu      sync.Mutex
	now     map[string]int // calls that go on, by who pays: phone 200, room 1000, trunk carrier
	day     string
	today   map[string]int
	unsaved map[string]bool
}

func newLedger(log *slog.Logger, db *store.DB) *ledger {
	return &ledger{log: log, db: db, now: make(map[string]int), today: make(map[string]int), unsaved: make(map[string]bool)}
}

func dayOf(t time.Time) string { return t.Format(time.DateOnly) }

// charge is one call outside that is counted. A nil one is no such call.
type charge struct {
	ledger *ledger
	payers []payer
	day    string
	over   bool
}

// take counts a call for all who pay for it, or for none of them and returns an outsideError.
func (l *ledger) take(payers ...payer) (*charge, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if day := dayOf(time.Now()); day != l.day {
		l.day = day
		clear(l.today)
		clear(l.unsaved)
	}
	for _, p := range payers {
		name := p.String()
		switch {
		case p.atOnce > 0 && l.now[name] >= p.atOnce:
			return nil, &outsideError{p.party, fmt.Sprintf("%s has %d calls outside at once, which is the most", name, p.atOnce)}
		case p.perDay > 0 && l.today[name] >= p.perDay:
			return nil, &outsideError{p.party, fmt.Sprintf("%s has made %d calls outside today, which is the most", name, p.perDay)}
		}
	}
	for _, p := range payers {
		name := p.String()
		l.now[name]++
		l.today[name]++
		l.unsaved[name] = true
	}
	return &charge{ledger: l, payers: payers, day: l.day}, nil
}

// resume counts a call outside that another process has had and that was counted for the day; nil where nobody pays.
func (l *ledger) resume(states []payerState) *charge {
	if len(states) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &charge{ledger: l, day: l.day}
	for _, s := range states {
		p := payer{party: party{phone: s.Phone, trunk: s.Trunk, room: s.Room}}
		c.payers = append(c.payers, p)
		l.now[p.String()]++
	}
	return c
}

// settle follows the end of the call, once. A call that has reached nobody is taken off the day's count again.
func (c *charge) settle(reached bool) {
	if c == nil || c.over {
		return
	}
	c.over = true
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range c.payers {
		name := p.String()
		if l.now[name]--; l.now[name] == 0 {
			delete(l.now, name)
		}
		if !reached && c.day == l.day {
			l.today[name]--
			l.unsaved[name] = true
		}
	}
}

// restore takes over what was counted today.
func (l *ledger) restore(ctx context.Context) error {
	if l.db == nil {
		return nil
	}
	day := dayOf(time.Now())
	counted, err := l.db.OutsideCalls(ctx, day)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.day = day
	maps.Copy(l.today, counted)
	return nil
}

// keep writes what was counted until stop is closed; then once more.
func (l *ledger) keep(stop <-chan struct{}) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	failed := false
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-stop:
			ended = true
		}
		err := l.save()
		if err != nil && (ended || !failed) {
			l.log.Error("the count of calls outside is not stored; it is tried again", "error", err)
		}
		failed = err != nil
	}
}

// save writes what has changed since the last time. What could not be written counts as changed still.
func (l *ledger) save() error {
	l.mu.Lock()
	day, changed := l.day, make(map[string]int)
	for name := range l.unsaved {
		changed[name] = l.today[name]
	}
	clear(l.unsaved)
	l.mu.Unlock()
	if len(changed) == 0 || l.db == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveWithin)
	defer cancel()
	stored := false
	defer func() {
		if stored {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for name := range changed {
			l.unsaved[name] = day == l.day
		}
	}()
	err := l.db.SaveOutsideCalls(ctx, day, changed)
	stored = err == nil
	return err
}
