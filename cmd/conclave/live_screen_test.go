package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"conclave/sip/phone"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: programs have its far end, and the test sees what they draw and types.
type terminal struct {
	t        *testing.T
	near     *os.File
	far      *os.File // what a program has as its terminal
	original unix.Termios

	mu   sync.Mutex
	text strings.Builder
}

func newTerminal(t *testing.T, height, width uint16) *terminal {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(near.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	far, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, near: near, far: far}
	term.original = term.mode()
	term.resize(height, width)
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := near.Read(buf)
			if err != nil {
				return // the far end is closed
			}
			term.mu.Lock()
			term.text.Write(buf[:n])
			term.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		far.Close()
		reading.Wait()
		near.Close()
	})
	return term
}

// mode is how the terminal treats what is typed and printed.
func (x *terminal) mode() unix.Termios {
	x.t.Helper()
	mode, err := unix.IoctlGetTermios(int(x.far.Fd()), unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	return *mode
}

func (x *terminal) resize(height, width uint16) {
	x.t.Helper()
	if err := unix.IoctlSetWinsize(int(x.near.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: height, Col: width}); err != nil {
		x.t.Fatal(err)
	}
}

func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := x.near.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// printed is everything that was sent to the terminal.
func (x *terminal) printed() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.text.String()
}

// lines are those of the last whole picture.
func (x *terminal) lines() []string {
	pictures := strings.Split(x.printed(), home)
	for _, picture := range slices.Backward(pictures) {
		if text, _, whole := strings.Cut(picture, clearBelow); whole {
			return strings.Split(strings.NewReplacer(clearLine, "", inverse, "", plain, "").Replace(text), "\r\n")
		}
	}
	return nil
}

// shows waits until a line of the picture holds all the words.
func (x *terminal) shows(words ...string) {
	x.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		lines := x.lines()
		if slices.ContainsFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
		}) {
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("no line shows %q:\n%s", words, strings.Join(lines, "\n"))
		}
	}
}

// order tells in which order the words stand below each other.
func (x *terminal) order(words ...string) []string {
	var order []string
	for _, line := range x.lines() {
		for _, word := range words {
			if strings.Contains(line, word) {
				order = append(order, word)
			}
		}
	}
	return order
}

// program starts a command of the CLI on the terminal.
func (x *terminal) program(args ...string) *exec.Cmd {
	x.t.Helper()
	path, err := program()
	if err != nil {
		x.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.far, x.far, x.far
	cmd.Env = append(os.Environ(), "TERM=xterm")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	return cmd
}

// leftAsItWas fails the test unless the terminal is as it was before a program had it.
func (x *terminal) leftAsItWas() {
	x.t.Helper()
	if mode := x.mode(); mode != x.original {
		x.t.Errorf("the terminal's mode is %+v, was %+v", mode, x.original)
	}
	for end := time.Now().Add(5 * time.Second); !strings.Contains(x.printed(), leaveScreen); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("the screen is not given back: %q", x.printed())
		}
	}
}

func TestTerminalIsLeftAsItWas(t *testing.T) {
	raw := func(x *terminal) {
		if mode := x.mode(); mode.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 {
			x.t.Errorf("the terminal is not raw: %+v", mode)
		}
	}
	t.Run("at the end", func(t *testing.T) {
		x := newTerminal(t, 24, 80)
		if err := onScreen(x.far, x.far, func() error { raw(x); return nil }); err != nil {
			t.Error(err)
		}
		x.leftAsItWas()
	})
	t.Run("after an error", func(t *testing.T) {
		x := newTerminal(t, 24, 80)
		failed := errors.New("failed")
		if err := onScreen(x.far, x.far, func() error { raw(x); return failed }); !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		x.leftAsItWas()
	})
	t.Run("after a panic", func(t *testing.T) {
		x := newTerminal(t, 24, 80)
		defer func() {
			if recover() == nil {
				t.Error("the panic is hidden")
			}
			x.leftAsItWas()
		}()
		_ = onScreen(x.far, x.far, func() error { raw(x); panic("a fault") })
	})
}

func TestWatchOnATerminalShowsMembersAndObeysKeys(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	anna := s.dial("1000", phone.Options{From: "anna"})
	bert := s.dial("1000", phone.Options{From: "bert"})
	anna.Say(phone.Tone(440, -40))
	bert.Say(phone.Tone(600, -15))

	x := newTerminal(t, 24, 120)
	watch := x.program("live", "--watch", "--data", s.data)
	ended := make(chan error, 1)
	go func() { ended <- watch.Wait() }()
	t.Cleanup(func() { _ = watch.Process.Kill() })
	x.shows("1000 Room 1000, 2 members")
	x.shows("? keys")
	s.wait("bert, who is louder, above anna", 5*time.Second, func() bool {
		return slices.Equal(x.order("anna", "bert"), []string{"bert", "anna"})
	})
	anna.Say(phone.Tone(440, -9))
	s.wait("anna above bert", 5*time.Second, func() bool {
		return slices.Equal(x.order("anna", "bert"), []string{"anna", "bert"})
	})

	x.press("j")
	x.shows("> ", "anna", "███")
	x.press("m")
	x.shows("> ", "anna", "muted")
	x.shows("anna is muted")
	if m := s.live("1000").Members; !m[0].Muted || m[1].Muted {
		t.Errorf("after m on anna: %+v", m)
	}
	x.press("\x1b[B")
	x.shows("> ", "bert")
	x.press("x")
	x.shows("kick", "bert", "out of room 1000? y/n")
	x.press("n")
	x.shows("nobody is kicked")
	x.press("l")
	x.shows("room 1000 is locked")
	x.shows("1000 Room 1000", "locked")
	if !s.live("1000").Locked {
		t.Error("l did not lock the room")
	}

	x.resize(5, 30)
	s.wait("picture of the new size", 5*time.Second, func() bool {
		lines := x.lines()
		return len(lines) == 5 && !slices.ContainsFunc(lines, func(line string) bool { return len([]rune(line)) > 30 })
	})
	x.shows("> ", "bert")
	x.resize(24, 120)
	x.shows("1000 Room 1000", "locked")

	x.press("xy")
	x.shows("bert is kicked")
	select {
	case <-bert.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the kicked member's call goes on")
	}
	x.shows("1 member")
	select {
	case <-anna.Done():
		t.Error("the other one's call has ended, too")
	case err := <-ended:
		t.Fatalf("the watch has ended by itself: %v", err)
	default:
	}

	x.press("\x03")
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ctrl-C: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("ctrl-C does not end it")
	}
	x.leftAsItWas()
}

func TestTerminalIsGivenBackWhenTheWatchIsEnded(t *testing.T) {
	s := startServer(t)
	for name, end := range map[string]func(*terminal, *exec.Cmd){
		"q":       func(x *terminal, _ *exec.Cmd) { x.press("q") },
		"SIGINT":  func(_ *terminal, watch *exec.Cmd) { _ = watch.Process.Signal(os.Interrupt) },
		"SIGTERM": func(_ *terminal, watch *exec.Cmd) { _ = watch.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(_ *terminal, watch *exec.Cmd) { _ = watch.Process.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			x := newTerminal(t, 24, 80)
			watch := x.program("live", "--watch", "--data", s.data)
			stuck := time.AfterFunc(10*time.Second, func() { _ = watch.Process.Kill() })
			defer stuck.Stop()
			x.shows("no conference")
			end(x, watch)
			if err := watch.Wait(); err != nil {
				t.Errorf("it ends with %v", err)
			}
			x.leftAsItWas()
		})
	}
	t.Run("server ends", func(t *testing.T) {
		x := newTerminal(t, 24, 80)
		watch := x.program("live", "--watch", "--data", s.data)
		x.shows("no conference")
		s.stop()
		if err := watch.Wait(); err == nil {
			t.Error("it ends without an error")
		}
		x.leftAsItWas()
		if _, after, _ := strings.Cut(x.printed(), leaveScreen); !strings.Contains(after, "conclave: ") {
			t.Errorf("no word of why: %q", after)
		}
	})
}
