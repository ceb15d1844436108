package bench

import (
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	tick     = 20 * time.Millisecond
	payload  = 160             // octets of G.711 in a tick
	datagram = 12 + payload    // with its RTP header
	longest  = 400             // octets of any coding in a tick
	second   = 1e9             // ns
	perTick  = int64(tick)     // ns
	rtpTick  = uint32(payload) // of the RTP clock, which counts samples
)

// clock tells monotonic time in the kernel's terms, so that a thread can
// sleep until an instant rather than for a duration. Reading it makes no
// system call.
type clock struct {
	origin time.Time
	offset int64 // CLOCK_MONOTONIC at origin, ns
}

func newClock() (clock, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return clock{}, fmt.Errorf("read the monotonic clock: %w", err)
	}
	return clock{origin: time.Now(), offset: ts.Nano()}, nil
}

// now returns CLOCK_MONOTONIC in ns.
func (c clock) now() int64 { return int64(time.Since(c.origin)) + c.offset }

// at is a moment in the terms of now.
func (c clock) at(moment time.Time) int64 { return int64(moment.Sub(c.origin)) + c.offset }

// sleep returns at instant or somewhat later. On a locked thread it is about
// 0.1 ms late, where time.Sleep is 0.6 ms late.
//
// The Go scheduler is not told of it: a real-time thread that comes back from a system call which the
// scheduler knows of spins while another thread holds its goroutine's status, which on
// one CPU that thread, without priority, cannot let go of. Measured with Go 1.26: 0.95 s
// each time, until the kernel gives the others their share.
func (c clock) sleep(instant int64) {
	ts := unix.NsecToTimespec(instant)
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME,
			uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if errno != unix.EINTR { // a signal of the runtime, which preempts with them
			return
		}
	}
}

// prefer asks the kernel to run this thread before others, if that is allowed:
// what else runs on this machine then disturbs the measurement less.
func prefer() {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	_ = unix.SchedSetAttr(0, &attr, 0)
}

// cpuTime returns the CPU time that all threads of process pid have used, as
// clock_getcpuclockid(3) names that clock.
func cpuTime(pid int) (time.Duration, error) {
	const sched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return 0, fmt.Errorf("read the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// residentSize returns the resident memory of process pid in octets.
func residentSize(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	return resident * int64(os.Getpagesize()), nil
}
