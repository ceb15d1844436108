package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"conclave/sip/phone"
)

// cost is what a process used in the time measured.
type cost struct {
	cpu, elapsed  time.Duration
	before, after int64 // resident octets, where they are asked for
}

// perParticipantSecond is the CPU time for one member and second.
func (c cost) perParticipantSecond(members int) time.Duration {
	return time.Duration(float64(c.cpu) / c.elapsed.Seconds() / float64(members))
}

// measure lets the crowd talk to process pid for length and returns what that cost it.
func (w *crowd) measure(ctx context.Context, pid int, length time.Duration) (c cost, err error) {
	if c.before, err = residentSize(pid); err != nil {
		return c, err
	}
	for _, c := range w.callers {
		c.lossBefore = c.loss.Load()
	}
	w.measuring.Store(true)
	defer w.measuring.Store(false)
	spent, err := spend(ctx, pid, length)
	if err != nil {
		return c, err
	}
	c.cpu, c.elapsed = spent.cpu, spent.elapsed
	for _, c := range w.callers {
		c.lossAfter = c.loss.Load()
	}
	c.after, err = residentSize(pid)
	return c, err
}

// spend returns what CPU time process pid takes in length from now.
func spend(ctx context.Context, pid int, length time.Duration) (c cost, err error) {
	began := time.Now()
	before, err := cpuTime(pid)
	if err != nil {
		return c, err
	}
	if err := pause(ctx, length); err != nil {
		return c, err
	}
	after, err := cpuTime(pid)
	c.cpu, c.elapsed = after-before, time.Since(began)
	return c, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// measureServer places the calls, measures the conferences and then compares them with the floor.
func (b *bench) measureServer(ctx context.Context, report *Report) (err error) {
	callers, err := b.newCallers(true)
	if err != nil {
		return err
	}
	if b.Kills > 0 {
		for _, c := range callers {
			c.now = b.clock.now
		}
	}
	if b.Takeovers > 0 {
		for _, c := range callers {
			c.continuity = new(continuity)
			if err := c.socket.stampArrivals(); err != nil {
				closeSockets(callers)
				return err
			}
		}
	}
	crowd := newCrowd(b.clock, callers, len(b.client))
	defer crowd.close()
	rooms := b.Rooms
	if b.CallsPerSecond > 0 {
		rooms++ // visitors have the last one to themselves
	}
	rate := 0
	if b.Flood > 0 {
		rate = floodRate
	}
	server, err := b.startServer(ctx, rooms, rate)
	if err != nil {
		return err
	}
	ph, err := phone.New("udp", loopback.String())
	if err != nil {
		return errors.Join(err, server.close())
	}
	// The server hangs up when it ends, and the phone must be there to answer.
	defer func() { err = errors.Join(err, server.close(), ph.Close()) }()

	visitors := ph
	if b.Flood > 0 { // those who have a call come first, so that others have to be tried
		if visitors, err = phone.New("udp", otherFrom); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, visitors.Close()) }()
	}

	pid := server.command.Process.Pid
	empty, err := residentSize(pid)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.Progress, "server: %d members call %d rooms at %s, server on CPU %v, callers on CPU %v\n",
		b.Members, b.Rooms, server.sip, b.server, b.client)
	var setup []time.Duration
	var failed error
	if b.Fill {
		if report.Overload, setup, failed = b.fill(ctx, ph, server, callers); failed == nil {
			b.Members = report.Overload.Taken
			report.Members, report.Talkers = b.Members, min(b.Talkers, (b.Members+b.Rooms-1)/b.Rooms)
		}
	} else {
		setup, failed = b.join(ctx, ph, server, callers)
	}
	report.Joined, report.JoinTime = len(setup), quantilesOf(setup)
	if failed != nil {
		return fmt.Errorf("%d of %d calls failed, first: %w; the server's log:\n%s", b.Members-len(setup), b.Members, failed, server.logged())
	}
	if err := pause(ctx, settle); err != nil {
		return err
	}
	if b.Takeovers > 0 {
		report.Takeover, err = b.takeovers(ctx, ph, server, callers)
		return err
	}
	if b.Kills > 0 {
		report.Killing, err = b.killings(ctx, ph, server, callers)
		return err
	}
	if err := server.resetStats(ctx); err != nil {
		return err
	}
	fmt.Fprintf(b.Progress, "server: measuring for %v\n", b.Length)
	var beside sync.WaitGroup
	var visitErr, registerErr, soakErr, floodErr error
	beside.Go(func() { report.Visits, visitErr = b.visits(ctx, visitors, server) })
	beside.Go(func() { report.Flood, floodErr = b.flood(ctx, server) })
	beside.Go(func() { report.Registering, registerErr = b.registering(ctx, ph, server) })
	beside.Go(func() { report.Soak, soakErr = b.soak(ctx, server) })
	spent, err := crowd.measure(ctx, pid, b.Length)
	beside.Wait()
	if err := errors.Join(err, visitErr, registerErr, soakErr, floodErr); err != nil {
		return err
	}
	stats, err := server.stats(ctx)
	if err != nil {
		return err
	}
	report.Log = server.logged()
	switch {
	case b.Soak:
		if err := b.leave(ctx, server, report.Soak); err != nil {
			return fmt.Errorf("wait for the visitors to leave: %w", err)
		}
	case b.Record:
		recorded, err := b.record(ctx, server)
		if err != nil {
			return fmt.Errorf("measure the cost of recording: %w", err)
		}
		report.record(recorded)
	case b.SRTP != "":
		compared, err := b.compareWithPlain(ctx, server.command.Process, crowd)
		if err != nil {
			return fmt.Errorf("compare with plain members: %w", err)
		}
		report.encryption(compared)
	case !b.Delay && !b.Fill && b.CallsPerSecond == 0 && b.Phones == 0 && b.Flood == 0:
		compared, err := b.compare(ctx, server.command.Process, crowd)
		if err != nil {
			return fmt.Errorf("compare with the floor: %w", err)
		}
		report.compare(compared)
	}
	crowd.finish()
	report.fill(b, crowd, spent, empty, stats)
	if b.Phones > 0 {
		if err := b.restart(ctx, server, &report.Registering); err != nil {
			return fmt.Errorf("restart the server: %w", err)
		}
	}
	return nil
}

// join has every member call, joinRate a second, and start to speak when it is answered.
// It returns how long the successful calls took to be answered, and the first failure.
func (b *bench) join(ctx context.Context, ph *phone.Phone, server *serverProcess, callers []*caller) (setup []time.Duration, failed error) {
	var calls sync.WaitGroup
	var mu sync.Mutex
	pace := time.NewTicker(time.Second / joinRate)
	defer pace.Stop()
	for i, c := range callers {
		<-pace.C
		calls.Go(func() {
			took, err := b.call(ctx, ph, server.sip, extension(i%b.Rooms), c)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				setup = append(setup, took)
			} else if failed == nil {
				failed = err
			}
		})
	}
	calls.Wait()
	return setup, failed
}

// call has one member call.
func (b *bench) call(ctx context.Context, ph *phone.Phone, sip, extension string, c *caller) (time.Duration, error) {
	o, err := b.options(c)
	if err != nil {
		return 0, err
	}
	call, err := ph.Dial(ctx, sip, extension, o)
	if err != nil {
		return 0, err
	}
	c.crypt = newCrypt(call)
	return call.SetupTime(), c.connect(call.Remote().Address)
}
