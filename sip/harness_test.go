package sip_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"conclave/media"
	"conclave/mixer"
	"conclave/rooms"
	"conclave/sip"
)

// patience is how long a test waits for what must happen; what is there is not waited for.
const patience = 10 * time.Second

// server is a Server on loopback with a real house and engine behind it.
type server struct {
	*sip.Server
	house *rooms.House
	log   *record
	pairs func() int                // pairs of ports that are free or at rest
	at    map[string]netip.AddrPort // by "udp", "tcp", "udp6", "tcp6"
}

// theHouse is the one house of all tests, because its sounds take a while to load: room 1000
// has the PIN 1234, room 2000 has none.
var theHouse = sync.OnceValues(func() (*rooms.House, error) {
	engine, err := mixer.New(mixer.Config{Workers: 1})
	if err != nil {
		return nil, err
	}
	house, err := rooms.New(rooms.Config{Engine: engine, TransferCode: "**"})
	if err != nil {
		return nil, err
	}
	// Who is to be heard as loud as he speaks must have no automatic gain.
	options, err := rooms.ParseOptions(map[string]string{"quiet": "yes", "agc": "no"})
	if err != nil {
		return nil, err
	}
	directory := []rooms.Room{
		{ID: "a", Extension: "1000", Name: "With PIN", PIN: "1234", Options: options},
		{ID: "b", Extension: "2000", Name: "Open", Options: options},
	}
	called, err := calledRooms()
	if err != nil {
		return nil, err
	}
	encrypted, err := encryptedRooms()
	if err != nil {
		return nil, err
	}
	waiting, err := waitingRoom()
	if err != nil {
		return nil, err
	}
	directory = slices.Concat(directory, called, encrypted, []rooms.Room{waiting})
	for _, user := range tortureUsers {
		directory = append(directory, rooms.Room{ID: user, Extension: user, Options: options})
	}
	house.SetRooms(directory)
	return house, err
})

// startServer starts a server. It is shut down at the end of the test, when nothing may be left
// of any call.
func startServer(t testing.TB, change func(*sip.Config)) *server {
	t.Helper()
	house, err := theHouse()
	if err != nil {
		t.Fatal(err)
	}
	goroutines := runtime.NumGoroutine()
	first := uint16(12000 + 100*rand.IntN(180))
	ports, err := media.NewPorts(first, first+1999)
	if err != nil {
		t.Fatal(err)
	}
	log := &record{t: t}
	config := sip.Config{
		Log:    slog.New(log),
		House:  house,
		Ports:  ports,
		Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://[::1]:0", "tcp://[::1]:0"},
		Guests: sip.GuestsAll,
		T1:     patience / 2, // a test that is slow for want of CPU sees nothing repeated
	}
	if change != nil {
		change(&config)
	}
	s, err := sip.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listeners := s.Listeners()
	at := make(map[string]netip.AddrPort)
	for i, network := range []string{"udp", "tcp", "udp6", "tcp6"} {
		if i < len(listeners) {
			at[network] = listeners[i].Addr()
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		house.Drain()
		log.close()
		eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	})
	return &server{Server: s, house: house, log: log, pairs: ports.Pairs, at: at}
}

// empty waits until nothing is left of any call.
func (s *server) empty(t testing.TB) {
	t.Helper()
	eventually(t, "no call is left", func() bool { return s.Stats().Calls == 0 })
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// record is a log that remembers its messages and may be told to panic at one.
type record struct {
	mu      sync.Mutex
	t       testing.TB // nil after the test
	lines   []string
	panicAt string
}

func (r *record) Enabled(context.Context, slog.Level) bool { return true }
func (r *record) WithAttrs(attrs []slog.Attr) slog.Handler { return r }
func (r *record) WithGroup(string) slog.Handler            { return r }
func (r *record) Handle(_ context.Context, line slog.Record) error {
	text := line.Level.String() + " " + line.Message
	line.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, text)
	if r.t != nil {
		r.t.Log(text)
	}
	if r.panicAt != "" && line.Message == r.panicAt {
		r.panicAt = "" // once
		panic("told to")
	}
	return nil
}

func (r *record) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t = nil
}

func (r *record) panicAtMessage(message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.panicAt = message
}

func (r *record) text() (all string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		all += line + "\n"
	}
	return all
}

// offeredFormats are the formats of the server's offers.
func offeredFormats() string {
	if _, ok := media.Opus(); ok {
		return "RTP/AVP 107 9 0 8 101 102"
	}
	return "RTP/AVP 9 0 8 101"
}
