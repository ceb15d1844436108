package mixer

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestRuntimesMonitorWakesWithTheTicks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the kernel lets root alone change the timer slack of a thread")
	}
	e, err := New(Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if tid := monitorThread(); tid != "" {
			slack, err := os.ReadFile("/proc/" + tid + "/timerslack_ns")
			if err == nil && strings.TrimSpace(string(slack)) == "20000000" {
				return
			}
		}
	}
	t.Error("no thread of the runtime has the slack of a tick")
}
