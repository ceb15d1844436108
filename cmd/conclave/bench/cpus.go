package bench

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ParseCPUs reads a list as taskset(1) takes it: "1", "0,2" or "2-3,6".
func ParseCPUs(list string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || from < 0 || to < from {
			return nil, fmt.Errorf("CPU list %q: %q is neither a CPU nor a range such as 2-3", list, part)
		}
		for cpu := from; cpu <= to; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// divideCPUs returns the CPUs for the server, by default the last that this
// process may use, and those for the client: the others, or the same if there are no others.
func divideCPUs(server []int) (forServer, forClient []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, nil, fmt.Errorf("read the CPUs of this process: %w", err)
	}
	var all []int
	for cpu := 0; len(all) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			all = append(all, cpu)
		}
	}
	if len(server) == 0 {
		server = all[len(all)-1:]
	}
	wanted := make(map[int]bool)
	for _, cpu := range server {
		if !set.IsSet(cpu) {
			return nil, nil, fmt.Errorf("CPU %d is not among those of this process: %v", cpu, all)
		}
		wanted[cpu] = true
	}
	for _, cpu := range all {
		if !wanted[cpu] {
			forClient = append(forClient, cpu)
		}
	}
	if len(forClient) == 0 {
		forClient = server
	}
	return server, forClient, nil
}

func cpuSet(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return &set
}

// pinProcess moves every thread of this process to cpus and, where that is
// allowed, has the kernel prefer them: a lane that the Go scheduler preempts waits for
// another thread to go on. Threads to come inherit both from those.
func pinProcess(cpus []int) error {
	set := cpuSet(cpus)
	for moved := -1; ; { // again until no thread was started meanwhile
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list the threads of this process: %w", err)
		}
		if len(threads) == moved {
			return nil
		}
		moved = len(threads)
		for _, t := range threads {
			tid, _ := strconv.Atoi(t.Name())
			if err := unix.SchedSetaffinity(tid, set); err != nil && err != unix.ESRCH {
				return fmt.Errorf("move this process to CPUs %v: %w", cpus, err)
			}
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, highestPriority)
		}
	}
}

// The nice values of the callers, and of what is measured.
const highestPriority, usualPriority = -20, 0

// startOn starts command on cpus: it inherits them, and its priority, from the thread that
// starts it.
func startOn(cpus []int, command *exec.Cmd) error {
	failed := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), usualPriority)
		err := unix.SchedSetaffinity(0, cpuSet(cpus))
		if err == nil {
			err = command.Start()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		return fmt.Errorf("start %s on CPUs %v: %w", command.Path, cpus, err)
	}
	return nil
}
