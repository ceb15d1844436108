package mixer

import (
	"log/slog"

	"golang.org/x/sys/unix"
)

// prefer asks the kernel to run the calling thread before others: real-time priority where the
// process may have it, else a better nice value, else nothing. A call that is set up, a query or a garbage
// collection on the same core then does not delay a tick.
func prefer(log *slog.Logger) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // ns: sleep as exactly as can be
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	err := unix.SchedSetAttr(0, &attr, 0)
	if err == nil {
		return
	}
	if niceErr := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -10); niceErr != nil {
		log.Debug("mixer thread runs at normal priority: allow CAP_SYS_NICE or RLIMIT_RTPRIO for steadier ticks", "error", err)
	}
}
