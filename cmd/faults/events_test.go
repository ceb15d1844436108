package faults

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// follower takes the events of a room.
type follower struct {
	mu     sync.Mutex
	counts map[string]int
	latest time.Time
	body   io.Closer
}

// follow takes what happens from now on.
func (s *server) follow(extension string) *follower {
	s.t.Helper()
	client := http.Client{Transport: s.control.Transport} // without an end
	res, err := client.Get("http://conclave/v1/events?room=" + extension)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("events: %s", res.Status)
	}
	f := &follower{counts: make(map[string]int), latest: time.Now(), body: res.Body}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			var event struct {
				Event string `json:"event"`
			}
			if json.Unmarshal(lines.Bytes(), &event) == nil {
				f.mu.Lock()
				f.counts[event.Event]++
				f.latest = time.Now()
				f.mu.Unlock()
			}
		}
	}()
	s.t.Cleanup(func() {
		f.body.Close()
		<-ended
	})
	return f
}

func (f *follower) count(event string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[event]
}

// settle waits until nothing has happened for a while.
func (f *follower) settle(quiet time.Duration) {
	for {
		f.mu.Lock()
		left := time.Until(f.latest.Add(quiet))
		f.mu.Unlock()
		if left <= 0 {
			return
		}
		time.Sleep(left)
	}
}
