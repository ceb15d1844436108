package history

import (
	"fmt"
	"testing"
	"time"

	"conclave/store"
)

// past stores n calls that began so long ago.
func (d *desk) past(n int, ago time.Duration) {
	d.t.Helper()
	var calls []store.Call
	for i := range n {
		c := call(fmt.Sprint(i))
		c.Started, c.Ended = c.Started.Add(-ago), c.Ended.Add(-ago)
		calls = append(calls, c)
	}
	if err := d.db.AddCalls(d.t.Context(), calls); err != nil {
		d.t.Fatal(err)
	}
}

const day = 24 * time.Hour

func TestOldCallsAreRemoved(t *testing.T) {
	for _, tt := range []struct {
		days  int
		begin int // calls that are left then
		later int // a day later
	}{
		{30, 3, 2},
		{1, 1, 0},
		{MaxDays, 2*removeMost + 10 + 4, 2*removeMost + 10 + 4},
		{0, 0, 0},
	} {
		t.Run(fmt.Sprint(tt.days, " days"), func(t *testing.T) {
			in(t, func(d *desk) {
				d.past(2*removeMost+10, 100*day)
				d.past(1, 30*day+time.Minute)
				d.past(1, 29*day+time.Hour)
				d.past(1, 2*day)
				d.past(1, time.Minute)
				d.open(tt.days)
				time.Sleep(time.Minute)
				if n := d.stored(); n != tt.begin {
					t.Errorf("%d calls are left, want %d", n, tt.begin)
				}
				time.Sleep(day)
				if n := d.stored(); n != tt.later {
					t.Errorf("a day later %d calls are left, want %d", n, tt.later)
				}
			})
		})
	}
}

func TestNothingIsKeptForNoDays(t *testing.T) {
	in(t, func(d *desk) {
		d.open(0)
		d.add(10)
		time.Sleep(time.Minute)
		d.want(Stats{})
	})
}

func TestHistoryHasABound(t *testing.T) {
	in(t, func(d *desk) {
		for i := range 20 {
			d.past(1, time.Duration(i)*time.Hour)
		}
		d.open(90)
		time.Sleep(time.Second)
		if err := d.prune(d.t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		since, err := d.db.LatestCalls(d.t.Context(), 7)
		if n := d.stored(); n != 7 || err != nil || time.Since(since) > 7*time.Hour {
			t.Errorf("%d calls are left, since %v, %v; want the latest 7", n, since, err)
		}
	})
}

func TestSweepThatFailsIsToldAndTriedAgain(t *testing.T) {
	in(t, func(d *desk) {
		d.past(1, 100*day)
		d.raw(breakIt)
		d.open(90)
		time.Sleep(time.Second)
		if d.log.count("old calls are not removed") != 1 {
			t.Errorf("log: %s", d.log.text.String())
		}
		d.raw(repairIt)
		time.Sleep(sweepEvery)
		if n := d.stored(); n != 0 {
			t.Errorf("%d old calls are left", n)
		}
	})
}
