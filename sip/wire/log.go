package wire

import (
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// sparingLog writes what strangers can cause: a few lines a second, the rest as a count. A flood of broken datagrams
// must not become a flood of log.
type sparingLog struct {
	log *slog.Logger

	mu      sync.Mutex
	left    int
	until   time.Time
	dropped int
}

// linesPerSecond is how many lines of one kind a second may bring.
const linesPerSecond = 5

func (s *sparingLog) info(text string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.After(s.until) {
		s.left, s.until = linesPerSecond, now.Add(time.Second)
	}
	if s.left == 0 {
		s.dropped++
		return
	}
	s.left--
	if s.dropped > 0 {
		args = append(args, "not_shown", s.dropped)
		s.dropped = 0
	}
	s.log.Info(text, args...)
}

// printable makes text from the network fit for a log or a terminal: short, and without control characters.
func printable(text string) string {
	const most = 100
	if len(text) > most {
		text = text[:most] + "..."
	}
	quoted := strconv.QuoteToASCII(text)
	return quoted[1 : len(quoted)-1]
}
