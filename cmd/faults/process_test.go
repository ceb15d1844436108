package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"conclave/sip/phone"
)

// A server that stands still for a while goes on where it is: no call is lost, and no burst makes up for what was not sent.
func TestServerThatIsStoppedForAWhileGoesOn(t *testing.T) {
	t.Parallel()
	sandboxed(t)
	for _, pause := range []time.Duration{200 * time.Millisecond, 2 * time.Second} {
		t.Run(pause.String(), func(t *testing.T) {
			t.Parallel()
			s := startServer(t, nil, "127.0.0.1", t.TempDir())
			s.room("1000", "--no-pin")
			const hz, level = 600, -15.0
			listener, talker := s.dial("127.0.0.1", "1000", phone.Options{From: "listener"}), s.dial("127.0.0.1", "1000", phone.Options{From: "talker"})
			talker.Say(phone.Tone(hz, level))
			time.Sleep(2 * time.Second)
			signal := func(what os.Signal) {
				if err := s.command.Process.Signal(what); err != nil {
					t.Fatal(err)
				}
			}
			signal(syscall.SIGSTOP)
			time.Sleep(pause)
			from := len(listener.Packets())
			resumed := time.Now()
			signal(syscall.SIGCONT)
			again, ok := within(3*time.Second, func() bool {
				return len(listener.Packets()) > from+10 && hears(listener, hz, level)
			})
			time.Sleep(time.Second)
			packets := listener.Packets()[from:]
			burst := 0
			for _, p := range packets {
				if p.Arrived.Sub(resumed) < 200*time.Millisecond {
					burst++
				}
			}
			st := s.status()
			reached(t, fmt.Sprintf("SIGSTOP of %v", pause), "no call lost, no burst", "%d of 2 calls there, tone heard again after %.2f s, %d packets in the first 200 ms (10 are due)", st.Calls, again.Seconds(), burst)
			if st.Calls != 2 || !ok || burst > 20 || st.Faults > 0 {
				t.Errorf("%+v; heard again: %t after %v; %d packets at once", st, ok, again, burst)
			}
		})
	}
}

// cpuQuota gives a process a share of one CPU, in periods of 20 ms, until the test ends. Threads of real-time priority, which those that mix
// are where that is allowed, have a budget of their own (sched(7)).
func cpuQuota(t *testing.T, pid, percent int) {
	t.Helper()
	const period = 20000 // us
	name := fmt.Sprintf("conclave-faults-%d", pid)
	for _, group := range []struct{ root, set, value string }{
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", strconv.Itoa(period * percent / 100)},
		{"/sys/fs/cgroup", "cpu.max", fmt.Sprintf("%d %d", period*percent/100, period)},
	} {
		dir := filepath.Join(group.root, name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		put := func(file, value string) error { return os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644) }
		if group.set == "cpu.cfs_quota_us" && put("cpu.cfs_period_us", strconv.Itoa(period)) != nil {
			continue
		}
		if put(group.set, group.value) == nil && put("cgroup.procs", strconv.Itoa(pid)) == nil {
			return
		}
	}
	t.Skip("no CPU quota can be given here: no cgroup is writable")
}

// With a fifth of a CPU a small conference goes on as before.
func TestServerWithAFifthOfACPU(t *testing.T) {
	t.Parallel()
	long(t)
	s := startServer(t, nil, "127.0.0.1", t.TempDir())
	s.room("1000", "--no-pin")
	const hz, level, members = 600, -15.0, 20
	var calls []*phone.Call
	for i := range members {
		calls = append(calls, s.dial("127.0.0.1", "1000", phone.Options{From: fmt.Sprint("member", i)}))
	}
	calls[0].Say(phone.Tone(hz, level))
	time.Sleep(2 * time.Second)
	usual := shareHeard(calls[1].Listen(5*time.Second), hz, level)
	cpuQuota(t, s.command.Process.Pid, 20)
	heard := shareHeard(calls[1].Listen(10*time.Second), hz, level)
	began := time.Now()
	s.dial("127.0.0.1", "1000", phone.Options{From: "late"})
	answered := time.Since(began)
	st := s.status()
	reached(t, "20 % of one CPU", "calls go on", "%d of %d calls there; tone at its level for %.2f %% of 10 s, before for %.2f %%; another call answered after %.2f s",
		st.Calls, members+1, 100*heard, 100*usual, answered.Seconds())
	if st.Calls != members+1 || heard < usual-0.15 || answered > 4*time.Second {
		t.Errorf("%+v; heard %v, before %v; answered after %v", st, heard, usual, answered)
	}
}

// Where more call than the machine can carry, the late ones are refused, and nobody who is there hears of it.
func TestOverloadIsRefusedBeforeQualityFalls(t *testing.T) {
	long(t) // alone: it is about the machine's time
	// As much as a test can fill without taking the time from the server itself.
	const percent = 4
	s := startServer(t, nil, "127.0.0.1", t.TempDir(), "--workers", "1", "--max-load", fmt.Sprint(percent))
	s.room("1000", "--no-pin")
	const hz, level = 600, -15.0
	listener, talker := s.dial("127.0.0.1", "1000", phone.Options{From: "listener"}), s.dial("127.0.0.1", "1000", phone.Options{From: "talker"})
	talker.Say(phone.Tone(hz, level))
	time.Sleep(2 * time.Second)
	reset := func() {
		if err := s.ask("DELETE", "/v1/stats", nil); err != nil {
			t.Fatal(err)
		}
	}
	missed := func(st status) float64 {
		return float64(st.Clockwork.Missed) / float64(max(1, st.Clockwork.Missed+st.Clockwork.Ticks))
	}
	reset()
	usual := shareHeard(listener.Listen(5*time.Second), hz, level)
	usualMissed := missed(s.status())
	reset()
	from := len(listener.Packets())
	var taken, refused atomic.Int64
	var work sync.WaitGroup
	p := s.phone("127.0.0.1")
	for n := 0; n < 600 && refused.Load() < 20; n++ {
		time.Sleep(25 * time.Millisecond)
		work.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), giveUp)
			defer cancel()
			_, err := p.Dial(ctx, s.sip, "1000", phone.Options{From: fmt.Sprint("crowd", n)})
			switch {
			case err == nil:
				taken.Add(1)
			case statusOf(err) == 503:
				refused.Add(1)
			default:
				t.Logf("call %d: %v", n, err)
			}
		})
	}
	work.Wait()
	time.Sleep(3 * time.Second)
	st := s.status()
	heard := shareHeard(phone.Assemble(listener.Packets()[from:]), hz, level)
	reached(t, fmt.Sprintf("overload (--max-load %d)", percent), "admission refuses before quality falls; no late tick",
		"%d calls taken, then 503; %.1f %% of ticks missed, before %.1f %%; a tone that was there at its level for %.2f %% of the time, before for %.2f %%",
		taken.Load(), 100*missed(st), 100*usualMissed, 100*heard, 100*usual)
	if refused.Load() == 0 || taken.Load() < 10 || st.Calls != int(taken.Load())+2 {
		t.Errorf("%d taken, %d refused, %d calls", taken.Load(), refused.Load(), st.Calls)
	}
	// Other programs may take the time from both.
	if heard < usual-0.05 || missed(st) > usualMissed+0.05 {
		t.Errorf("the tone is heard for %.1f %% of the time, before for %.1f %%; missed %.3f of the ticks, before %.3f", 100*heard, 100*usual, missed(st), usualMissed)
	}
}
