package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// newContender starts a floor and what talks to it.
func newContender(t *testing.T) *contender {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Config: Config{Program: program, Members: 6, Rooms: 2}, hush: codings["pcmu"].hush(), coding: codings["pcmu"]}
	if b.server, b.client, err = divideCPUs(nil); err != nil {
		t.Fatal(err)
	}
	if b.clock, err = newClock(); err != nil {
		t.Fatal(err)
	}
	callers, err := b.newCallers(false)
	if err != nil {
		t.Fatal(err)
	}
	crowd := newCrowd(b.clock, callers, len(b.client))
	t.Cleanup(crowd.close)
	floor, err := b.startFloor(callers)
	if err != nil {
		t.Fatal(err)
	}
	c := &contender{process: floor.command.Process, crowd: crowd}
	t.Cleanup(func() {
		if err := c.resume(); err != nil {
			t.Error(err)
		}
		if err := floor.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// await waits until the process is stopped, or is not.
func (c *contender) await(t *testing.T, stopped bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, state, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(state, "T") == stopped {
			return
		}
	}
	t.Fatalf("process %d: stopped is not %t", c.process.Pid, stopped)
}

func (c *contender) used(t *testing.T) time.Duration {
	t.Helper()
	used, err := cpuTime(c.process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return used
}

func TestOneContenderStandsStillInTheWindowOfTheOther(t *testing.T) {
	a, b := newContender(t), newContender(t)
	for _, c := range []*contender{a, b} {
		if err := c.halt(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.await(t, true)
	}
	for _, turn := range []struct{ runs, rests *contender }{{a, b}, {b, a}} {
		before := turn.rests.used(t)
		if err := turn.runs.window(t.Context()); err != nil {
			t.Fatal(err)
		}
		// One of its threads may still have been on its way to the stop.
		if used := turn.rests.used(t) - before; used > counted/10 {
			t.Errorf("the one that rests used %v", used)
		}
		if w := turn.runs.windows; len(w) != 1 || w[0].cpu <= 0 || w[0].elapsed < counted {
			t.Errorf("windows of the one that runs: %+v", w)
		}
		turn.runs.await(t, true)
	}
}

func TestContendersAlternateAndGoOn(t *testing.T) {
	a, b := newContender(t), newContender(t)
	if err := alternate(t.Context(), a, b, 1); err != nil {
		t.Fatal(err)
	}
	if len(a.windows) != 2 || len(b.windows) != 1 {
		t.Errorf("%d windows around %d, want 2 around 1", len(a.windows), len(b.windows))
	}
	a.await(t, false)
	b.await(t, false)
}
