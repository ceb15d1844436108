package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"conclave/rooms"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Control sequences of terminals (ECMA-48 and xterm).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the alternate screen, without cursor and line wrap
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	inverse     = "\x1b[7m"
	plain       = "\x1b[0m"
)

// redrawTime is how often the screen shows what goes on: as often as levels are measured anew.
const redrawTime = 500 * time.Millisecond

// isScreen tells whether a file is a terminal that can be drawn on.
func isScreen(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// watchOnScreen shows what goes on and obeys keys until q, ctrl-C or the end of ctx. ask tells what goes on; give gives an
// order, and tells for how many members it changed something.
func watchOnScreen(ctx context.Context, in, out *os.File, ask func(context.Context) ([]rooms.Conference, error), give func(ctx context.Context, path string) (int, error)) error {
	// When its window is closed the terminal is to be left in order, too.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	return onScreen(in, out, func() error {
		ctx, cancel := context.WithCancel(ctx)
		keys, finish, err := readKeys(ctx, in, cancel)
		if err != nil {
			cancel()
			return err
		}
		defer finish()
		defer cancel()
		err = watchLoop(ctx, out, keys, ask, give)
		if errors.Is(err, context.Canceled) {
			return nil // a key or a signal, while the server was asked
		}
		return err
	})
}

// onScreen runs show with the terminal in raw mode and the alternate screen, and leaves it as it was, whatever happens.
func onScreen(in, out *os.File, show func() error) (err error) {
	if fd := int(in.Fd()); term.IsTerminal(fd) {
		before, err := term.MakeRaw(fd)
		if err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		defer func() { _ = term.Restore(fd, before) }()
	}
	defer func() {
		_, failed := out.WriteString(leaveScreen)
		err = errors.Join(err, failed)
	}()
	if _, err := out.WriteString(enterScreen); err != nil {
		return err
	}
	return show()
}

// watchLoop draws at once after each key and change of the window, and as often as redrawTime says.
func watchLoop(ctx context.Context, out *os.File, keys <-chan key, ask func(context.Context) ([]rooms.Conference, error), give func(ctx context.Context, path string) (int, error)) error {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	tick := time.NewTicker(redrawTime)
	defer tick.Stop()
	var w watch
	for look := true; ; {
		if look {
			live, err := ask(ctx)
			if err != nil {
				return err
			}
			w.update(live, time.Now())
		}
		if err := drawOn(out, &w); err != nil {
			return err
		}
		look = false
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			look = true
		case <-resized:
		case k := <-keys:
			o, quit := w.press(k)
			if quit {
				return nil
			}
			if o != nil {
				n, err := give(ctx, o.path)
				w.answered(o, n, err)
				if err := drawOn(out, &w); err != nil { // in case that the next look takes its time
					return err
				}
				look = true
			}
		}
	}
}

// drawOn writes over the last picture line by line, so that nothing flickers.
func drawOn(out *os.File, w *watch) error {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24 // a terminal that does not know
	}
	p, err := w.draw(height, width)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(home)
	for i, line := range p.lines[:min(len(p.lines), height)] {
		if i > 0 {
			text.WriteString("\r\n")
		}
		text.WriteString(clearLine) // after it, a full line would lose its last character
		if i == p.selected {
			line = inverse + line + plain
		}
		text.WriteString(line)
	}
	text.WriteString(clearBelow)
	_, err = out.WriteString(text.String())
	return err
}

// readKeys reads what is pressed until ctx ends; finish waits for that. Ctrl-C calls interrupt at once, even while an
// earlier key is still worked on. If in is no terminal there are no keys.
func readKeys(ctx context.Context, in *os.File, interrupt func()) (keys <-chan key, finish func(), err error) {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		return nil, func() {}, nil
	}
	// A read of a terminal cannot be broken off, so that it is only begun when there is something to read. The pipe ends the
	// wait for that.
	wake, ended, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("read keys: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { ended.Close() })
	pressed := make(chan key)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer wake.Close()
		var rest []byte
		for {
			input, err := readReady(fd, int(wake.Fd()))
			if err != nil || len(input) == 0 {
				interrupt() // the terminal is gone, or ctx is over
				return
			}
			var found []key
			found, rest = keysOf(append(rest, input...))
			for _, k := range found {
				if k == keyInterrupt {
					interrupt()
				}
				select {
				case pressed <- k:
				case <-ctx.Done():
				}
			}
		}
	})
	finish = func() {
		if stop() {
			ended.Close()
		}
		reading.Wait()
	}
	return pressed, finish, nil
}

// readReady returns what can be read of fd once there is anything; nothing if wake comes to its end first.
func readReady(fd, wake int) ([]byte, error) {
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
		_, err := unix.Poll(ready, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, fmt.Errorf("wait for keys: %w", err)
		case ready[1].Revents != 0:
			return nil, nil
		}
		input := make([]byte, 256)
		n, err := unix.Read(fd, input)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return nil, fmt.Errorf("read keys: %w", err)
		}
		return input[:max(n, 0)], nil
	}
}
