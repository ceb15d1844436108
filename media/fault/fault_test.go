package fault

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPanicCostsOnePieceOfWork(t *testing.T) {
	var text strings.Builder
	l := NewLog(slog.New(slog.NewTextHandler(&text, nil)))
	func() {
		defer l.Survive("drop a message")
		panic("a mistake")
	}()
	if err := l.Do("save", func() error { var list []int; list[len(list)]++; return nil }); err == nil || !strings.Contains(err.Error(), "save: internal fault") {
		t.Errorf("error %v", err)
	}
	refused := errors.New("refused")
	if err := l.Do("save", func() error { return refused }); err != refused {
		t.Errorf("error %v", err)
	}
	if n := l.Count(); n != 2 {
		t.Errorf("%d faults are counted, want 2", n)
	}
	for _, words := range []string{`msg="drop a message" panic="a mistake"`, "fault_test.go", "index out of range"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("the log does not say %s: %s", words, text.String())
		}
	}
}

// Work that fails at once each time is begun anew less and less often, and at its usual pace once it has lasted.
func TestWorkThatLastsIsBegunAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began, stop := NewLog(nil), time.Now(), make(chan struct{})
		var begun []time.Duration
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Keep(stop, "keep", func() {
				begun = append(begun, time.Since(began))
				if len(begun) == 4 {
					time.Sleep(2 * longestPause)
				}
				if len(begun) == 6 {
					<-stop
					return
				}
				panic("again")
			})
		}()
		time.Sleep(time.Hour)
		close(stop)
		<-ended
		want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 7*time.Second + 2*longestPause + firstPause, 7*time.Second + 2*longestPause + 3*firstPause}
		if len(begun) != len(want) {
			t.Fatalf("begun at %v, want %v", begun, want)
		}
		for i := range want {
			if begun[i] != want[i] {
				t.Errorf("begun at %v, want %v", begun, want)
				break
			}
		}
		if l.Count() != 5 {
			t.Errorf("%d faults are counted, want 5", l.Count())
		}
	})
}

// What is to come to its end when it is stopped does so, after a fault, too, and a fault there is the last.
func TestWorkThatFailedComesToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := NewLog(nil), make(chan struct{})
		runs := 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Keep(stop, "keep", func() { runs++; panic("always") })
		}()
		synctest.Wait()
		close(stop)
		<-ended
		if runs != 2 {
			t.Errorf("it ran %d times, want 2", runs)
		}
	})
}

func TestFaultsThatNobodyReadsAreSurvived(t *testing.T) {
	var l *Log
	if err := l.Do("save", func() error { panic("a mistake") }); err == nil || l.Count() != 0 {
		t.Errorf("%v, %d", err, l.Count())
	}
}
