package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A contender's window. Windows are short because the speed of a machine that is shared drifts within seconds, and
// the server opens the sockets of legs that it has not heard of for 1.5 s. Counted is one whole cycle of the ticks
// in which server and floor read some sockets until they are empty.
const (
	warm     = 140 * time.Millisecond // not counted: the callers begin, and the caches are the other's
	counted  = drainEvery * tick
	handOver = 80 * time.Millisecond // until all callers fell silent and what they sent has been read
)

// contender is one of the processes that have the same CPUs in turn, with those that talk to it. Between
// its windows it is stopped and nobody talks to it.
type contender struct {
	process *os.Process
	crowd   *crowd
	windows []cost // what each one took
}

// halt ends a window. First the callers fall silent: a packet that waited for as long as the process is
// stopped would be late by that.
func (c *contender) halt(ctx context.Context) error {
	c.crowd.rest()
	if err := pause(ctx, handOver); err != nil {
		return err
	}
	return c.signal(syscall.SIGSTOP)
}

// resume has the process go on. It does no harm to one that runs.
func (c *contender) resume() error { return c.signal(syscall.SIGCONT) }

func (c *contender) signal(s syscall.Signal) error {
	if err := c.process.Signal(s); err != nil {
		return fmt.Errorf("send process %d the signal %q: %w", c.process.Pid, s, err)
	}
	return nil
}

// window has the stopped process run and be talked to for a window.
func (c *contender) window(ctx context.Context) error {
	if err := c.resume(); err != nil {
		return err
	}
	c.crowd.wake()
	if err := pause(ctx, warm); err != nil {
		return err
	}
	spent, err := spend(ctx, c.process.Pid, counted)
	if err != nil {
		return err
	}
	c.windows = append(c.windows, spent)
	return c.halt(ctx)
}

// alternate gives windows to b and, before and after each of them, to a. In the end both go on, unless there was
// an error with silent callers.
func alternate(ctx context.Context, a, b *contender, pairs int) (err error) {
	defer func() { err = errors.Join(err, a.resume(), b.resume()) }()
	if err := errors.Join(a.halt(ctx), b.halt(ctx)); err != nil {
		return err
	}
	for range pairs {
		if err := a.window(ctx); err != nil {
			return err
		}
		if err := b.window(ctx); err != nil {
			return err
		}
	}
	return a.window(ctx)
}
