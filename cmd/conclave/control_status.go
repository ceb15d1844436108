package main

import (
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"conclave/mixer"
)

// States of a server.
const (
	stateServing  = "serving"
	stateDraining = "draining" // it takes no new calls
)

// serverStatus is how a server is.
type serverStatus struct {
	State       string            `json:"state"`
	PID         int               `json:"pid"`
	Started     time.Time         `json:"started"`
	Calls       int               `json:"calls"`
	Conferences int               `json:"conferences"`
	Members     int               `json:"members"`
	Subscribed  int               `json:"subscriptions"` // of phones and trunks, to events
	Memory      int64             `json:"memory_bytes"`  // resident; 0: not known
	Heap        uint64            `json:"heap_bytes"`    // that was live at the latest collection
	Goroutines  int               `json:"goroutines"`
	Descriptors int               `json:"descriptors"` // open ones; 0: not known
	Faults      uint64            `json:"faults"`      // in the program, each of which has cost a call, a request or a piece of work beside them
	Clockwork   mixer.EngineStats `json:"clockwork"`
}

// remaining is the answer to an order to drain.
type remaining struct {
	Calls int `json:"calls"`
}

// routeStatus adds what is about the server as a whole.
func (c *control) routeStatus(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		reply(w, c.status(), nil)
	})
	drain := func(on bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c.sip.Refuse(on)
			reply(w, remaining{c.sip.Stats().Calls}, nil)
		}
	}
	mux.HandleFunc("POST /v1/drain", drain(true))
	mux.HandleFunc("DELETE /v1/drain", drain(false))
}

func (c *control) status() serverStatus {
	calls := c.sip.Stats()
	status := serverStatus{State: stateServing, PID: os.Getpid(), Started: c.started.UTC(), Calls: calls.Calls, Subscribed: calls.Subscriptions,
		Memory: residentMemory(), Heap: liveHeap(), Goroutines: runtime.NumGoroutine(), Descriptors: openDescriptors(), Clockwork: c.engine.Stats()}
	status.Faults = calls.Panics + c.faults.Count() + status.Clockwork.Faults
	if calls.Refusing {
		status.State = stateDraining
	}
	for _, conference := range c.house.Live() {
		status.Conferences++
		status.Members += len(conference.Members)
	}
	return status
}

// liveHeap is what the latest collection found to be in use.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// openDescriptors counts the open files and sockets of this process; 0: not known.
func openDescriptors() int {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names) - 1 // without dir itself
}

// residentMemory is what this process has in memory (proc_pid_statm(5)); 0: not known.
func residentMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
