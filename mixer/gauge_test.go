package mixer

import (
	"testing"
	"time"
)

func TestGaugeIsFullBeforeTicksAreLate(t *testing.T) {
	const span = time.Second
	for _, tt := range []struct {
		name        string
		busy        time.Duration
		ticks, late uint64
		load        float64
		full        bool
	}{
		{"idle", 2 * time.Millisecond, 200, 0, 0.002, false},
		{"much to do", 700 * time.Millisecond, 200, 0, 0.7, false},
		{"too much to do", 760 * time.Millisecond, 200, 0, 0.76, true},
		{"ticks late with little to do are somebody else's doing", 100 * time.Millisecond, 200, 100, 0.1, false},
		{"ticks late with a share of the time to do", 300 * time.Millisecond, 200, 11, 0.3, true},
		{"a late tick now and then", 300 * time.Millisecond, 200, 10, 0.3, false},
		{"one tick as long as all", 1500 * time.Millisecond, 1, 0, 1, true},
	} {
		before := reading{at: span, busy: span, ticks: 1000, late: 5}
		now := reading{at: 2 * span, busy: span + tt.busy, ticks: 1000 + tt.ticks, late: 5 + tt.late}
		load, full := judge(before, now, MaxLoad)
		if d := load - tt.load; d > 1e-9 || d < -1e-9 || full != tt.full {
			t.Errorf("%s: load %v, full %v; want %v, %v", tt.name, load, full, tt.load, tt.full)
		}
	}
	if load, full := judge(reading{at: span, busy: span, ticks: 9, late: 9}, reading{at: 2 * span}, MaxLoad); load != 0 || full {
		t.Errorf("counters that were reset: load %v, full %v", load, full)
	}
}

// A worker that is busy all the time is full, and is not when that is over.
func TestEngineIsFullWhileItsWorkersAreBusy(t *testing.T) {
	e, err := New(Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	busy := &e.workers[0].lateness.busy
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		began := time.Now()
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				busy.Store(uint64(time.Since(began)))
			}
		}
	}()
	await := func(want bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); e.Full() != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("full is not %t; %+v", want, e.Stats())
			}
		}
	}
	await(true)
	if load := e.Stats().Load; load < MaxLoad {
		t.Errorf("full at a load of %v", load)
	}
	close(stop)
	<-stopped
	await(false)
}
