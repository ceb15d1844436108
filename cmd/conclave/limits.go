package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// tuneRuntime prepares the Go runtime for threads that mix, workers of them, 0 being one for each CPU.
//
// A worker sleeps in the kernel between two ticks and is not taken for idle at once: with a P of the scheduler for each,
// the rest of the program never waits for one.
//
// The heap is small beside the sockets' buffers in the kernel, and a collection takes time from a core that mixes: so it
// may grow to several times what lives in it first. The limit makes the collector work harder instead of the kernel kill
// the process. GOGC and GOMEMLIMIT in the environment win.
func tuneRuntime(workers int) error {
	const growth = 400 // percent
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	runtime.GOMAXPROCS(runtime.NumCPU() + workers)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		var info unix.Sysinfo_t
		if err := unix.Sysinfo(&info); err != nil {
			return fmt.Errorf("ask for the size of memory: %w", err)
		}
		debug.SetMemoryLimit(int64(info.Totalram) * int64(info.Unit) / 2)
	}
	return nil
}

// checkFileLimit warns where the process may not open enough sockets for the calls that the RTP ports are good for. The
// soft limit is at the hard one already: package os of Go raises it when the program starts.
func checkFileLimit(log *slog.Logger, calls int) error {
	const (
		perCall = 2   // RTP and RTCP
		others  = 256 // listeners, TCP connections, database, log
	)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("ask for the limit of open files: %w", err)
	}
	if needed := uint64(calls*perCall + others); limit.Cur < needed {
		log.Warn("the limit of open files allows fewer calls than the RTP ports; raise it (ulimit -n, LimitNOFILE=)",
			"limit", limit.Cur, "needed", needed, "calls", (int(limit.Cur)-others)/perCall)
	}
	return nil
}
