package mixer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// calmMonitor lets the Go runtime's monitor thread wake up together with the ticks. While a worker
// lives it wakes by itself each 10 ms to see whether a goroutine runs for too long, and to wake a
// core that sleeps costs as much as ten legs. The kernel may delay a sleep by the thread's timer
// slack (prctl(2), PR_SET_TIMERSLACK), and does so until it is awake anyway.
//
// The runtime names no thread, but its monitor alone sleeps by nanosleep. Where the kernel refuses
// (it takes CAP_SYS_NICE) nothing is lost but the saving.
func calmMonitor() {
	for range 200 {
		if tid := monitorThread(); tid != "" {
			_ = os.WriteFile(filepath.Join("/proc", tid, "timerslack_ns"), fmt.Append(nil, tickTime.Nanoseconds()), 0)
			return
		}
		time.Sleep(tickTime / 4)
	}
}

// monitorThread is the thread of this process that is in nanosleep now, if there is one.
func monitorThread() string {
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return ""
	}
	for _, thread := range threads {
		call, err := os.ReadFile(filepath.Join(thread, "syscall"))
		if err == nil && strings.HasPrefix(string(call), fmt.Sprint(unix.SYS_NANOSLEEP, " ")) {
			return filepath.Base(thread)
		}
	}
	return ""
}
