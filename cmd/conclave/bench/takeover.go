package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"conclave/sip/phone"
)

// Takeover is what members heard of it that the server was replaced by a new process, again and again, while calls came and went.
type Takeover struct {
	Takeovers int       `json:"takeovers"`
	Ready     quantiles `json:"ready_ns"` // from the start of the new program until it was ready
	Legs      int       `json:"legs"`     // members, at each takeover
	Gap       quantiles `json:"gap_ns"`   // of each leg, the longest time between the arrivals of two packets; 20 ms is no gap
	Within    int       `json:"within"`   // legs whose gap was no longer than 60 ms
	Lost      int64     `json:"lost"`     // sequence numbers that did not come
	Skipped   int64     `json:"skipped"`  // ticks that were not sent, by the timestamps
	Streams   int       `json:"streams"`  // legs whose SSRC has changed
	Gone      int       `json:"gone"`     // members that were not in their room any more, or not as they were
	Beside    int       `json:"calls_beside"`

	gaps, ready []time.Duration
}

// longestGap is the longest time for which a member may hear nothing.
const longestGap = 60 * time.Millisecond

// continuity is what a caller sees of the stream that it is sent: it belongs to its lane, but for the atomics.
type continuity struct {
	last    int64 // when a packet came last, ns since 1970
	ssrc    uint32
	longest atomic.Int64 // ns
	changed atomic.Bool
	lost    atomic.Int64
	skipped atomic.Int64
}

// take looks at a packet of RTP.
func (c *continuity) take(p []byte, arrived, lost, skipped int64) {
	ssrc := binary.BigEndian.Uint32(p[8:])
	if c.last != 0 {
		c.longest.Store(max(c.longest.Load(), arrived-c.last))
		c.lost.Add(lost)
		c.skipped.Add(skipped)
		if ssrc != c.ssrc {
			c.changed.Store(true)
		}
	}
	c.last, c.ssrc = arrived, ssrc
}

// replace starts another server, that takes the place of this one.
func (s *serverProcess) replace() error {
	old := s.command
	if err := s.start("--takeover"); err != nil {
		return errors.Join(err, old.Process.Kill())
	}
	return ended(old)
}

// ended waits for a server that ends by itself.
func ended(command *exec.Cmd) error {
	stuck := time.AfterFunc(30*time.Second, func() { command.Process.Kill() })
	defer stuck.Stop()
	if err := command.Wait(); err != nil {
		return fmt.Errorf("the server that was replaced: %w", err)
	}
	return nil
}

// takeovers replaces the server Takeovers times, and looks each time what was heard of it.
func (b *bench) takeovers(ctx context.Context, ph *phone.Phone, server *serverProcess, callers []*caller) (*Takeover, error) {
	report := &Takeover{Takeovers: b.Takeovers}
	k := &killing{bench: b, server: server, callers: callers, report: &Killing{}}
	var err error
	if k.numbers, err = k.members(ctx); err != nil {
		return nil, err
	}
	if len(k.numbers) != b.Members {
		return nil, fmt.Errorf("%d of %d members are in their rooms before the first takeover", len(k.numbers), b.Members)
	}
	beside, stop := context.WithCancel(ctx)
	var visitors sync.WaitGroup
	visitors.Go(func() { k.visit(beside, ph) })
	defer func() { stop(); visitors.Wait() }()
	for n := range b.Takeovers {
		if err := k.takeover(ctx, report); err != nil {
			return nil, fmt.Errorf("takeover %d: %w; the server's log:\n%s", n+1, err, server.logged())
		}
	}
	stop()
	visitors.Wait()
	report.Beside, report.Gone = k.report.Beside, k.report.Gone
	report.Ready, report.Gap = quantilesOf(report.ready), quantilesOf(report.gaps)
	return report, nil
}

// takeover replaces the server once.
func (k *killing) takeover(ctx context.Context, report *Takeover) error {
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	for _, c := range k.callers {
		c.continuity.longest.Store(0)
		c.continuity.lost.Store(0)
		c.continuity.skipped.Store(0)
		c.continuity.changed.Store(false)
	}
	began := time.Now()
	if err := k.server.replace(); err != nil {
		return err
	}
	report.ready = append(report.ready, time.Since(began))
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	for _, c := range k.callers {
		gap := time.Duration(c.continuity.longest.Load())
		report.Legs++
		report.gaps = append(report.gaps, gap)
		if gap > 0 && gap <= longestGap {
			report.Within++
		}
		report.Lost += c.continuity.lost.Load()
		report.Skipped += c.continuity.skipped.Load()
		if c.continuity.changed.Load() {
			report.Streams++
		}
	}
	live, err := k.live(ctx)
	if err != nil {
		return err
	}
	for caller, number := range k.numbers {
		if m, there := live[caller]; !there || m.ID != number {
			k.report.Gone++
		}
	}
	return nil
}

// write prints what was found.
func (t *Takeover) write(line func(name, format string, args ...any)) {
	line("takeovers", "%d; the new server was ready in %v", t.Takeovers, t.Ready)
	line("longest gap of a leg", "%v; %d of %d within %v", t.Gap, t.Within, t.Legs, longestGap)
	line("packets lost", "%d, and %d ticks not sent; %d legs got another stream", t.Lost, t.Skipped, t.Streams)
	line("members not as before", "%d; %d calls were answered beside", t.Gone, t.Beside)
}

// Err says what was lost that must not be.
func (t *Takeover) Err() error {
	switch {
	case t.Gone > 0:
		return fmt.Errorf("%d of %d members were not in their room as before", t.Gone, t.Legs)
	case t.Lost > 0 || t.Streams > 0:
		return fmt.Errorf("%d packets were lost, and %d legs got another stream", t.Lost, t.Streams)
	case t.Within < t.Legs:
		return fmt.Errorf("%d of %d legs heard nothing for longer than %v", t.Legs-t.Within, t.Legs, longestGap)
	}
	return nil
}
