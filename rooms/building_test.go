package rooms

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"

	"conclave/media"
	"conclave/mixer"
)

// building is a house with all that belongs around it: the mixer, ports, a log.
type building struct {
	t      *testing.T
	engine *mixer.Engine
	ports  *media.Ports
	house  *House
	spoken map[string]*media.Sound
	log    *logBook
}

// newBuilding opens a house whose prompts and music are tones. Tests that have one run beside
// each other, as they mostly listen.
func newBuilding(t *testing.T, config mixer.Config) *building {
	t.Helper()
	voices, spoken, music := testVoices()
	b := furnishedBuilding(t, config, func(engine *mixer.Engine, log *slog.Logger) (*House, error) {
		return furnish(engine, log, voices, music), nil
	})
	b.spoken = spoken
	return b
}

// furnishedBuilding opens the house that build makes.
func furnishedBuilding(t *testing.T, config mixer.Config, build func(*mixer.Engine, *slog.Logger) (*House, error)) *building {
	t.Helper()
	t.Parallel()
	return openBuilding(t, config, build)
}

// openBuilding does so for a test that runs by itself.
func openBuilding(t *testing.T, config mixer.Config, build func(*mixer.Engine, *slog.Logger) (*House, error)) *building {
	t.Helper()
	config.Workers = 1
	engine, err := mixer.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	ports, err := media.NewPorts(20000, 29999)
	if err != nil {
		t.Fatal(err)
	}
	log := &logBook{}
	house, err := build(engine, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(house.Drain)
	return &building{t: t, engine: engine, ports: ports, house: house, log: log}
}

// room puts a room with options into the directory, in place of all others.
func (b *building) room(pin string, options map[string]string) Room {
	b.t.Helper()
	parsed, err := ParseOptions(options)
	if err != nil {
		b.t.Fatal(err)
	}
	room := Room{ID: "r1", Extension: "1000", Name: "Board", PIN: pin, Options: parsed}
	b.house.SetRooms([]Room{room})
	return room
}

// prompts are what the voice says, by name; to be changed before anybody hears it.
func (b *building) prompts() map[string]*media.Sound { return b.spoken }

// call lets a phone call a room: its name is one of the tones, which is its voice.
func (b *building) call(name string, room Room) *phone {
	b.t.Helper()
	return b.callIn(name, room, "")
}

// callIn does so with a phone that accepts languages.
func (b *building) callIn(name string, room Room, languages string) *phone {
	b.t.Helper()
	p := b.phone(name, languages)
	p.visit = b.house.Receive(p.ctx, room, p)
	p.done = p.visit.Done()
	return p
}

// phone connects a phone that is in no room yet.
func (b *building) phone(name, languages string) *phone {
	b.t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	leg, err := b.ports.Open(local)
	if err != nil {
		b.t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		b.t.Fatal(err)
	}
	own := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	leg.Apply(media.Remote{RTP: own, Signalling: local, Codec: media.PCMU(), EventType: 101, PTime: 20,
		Direction: media.SendRecv})
	p := &phone{name: name, language: languages, leg: leg, conn: conn, server: netip.AddrPortFrom(local, leg.Port()), keys: make(chan byte, 100)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.work.Add(2)
	go p.send()
	go p.listen()
	b.t.Cleanup(func() {
		p.cancel()
		<-p.done
		if err := leg.Close(); err != nil {
			b.t.Error(err)
		}
		conn.Close()
		p.work.Wait()
	})
	return p
}

// members waits until the room has so many members, and returns them.
func (b *building) members(want int) []Member {
	b.t.Helper()
	var members []Member
	eventually(b.t, func() string {
		members = nil
		for _, c := range b.house.Live() {
			members = c.Members
		}
		if len(members) == want {
			return ""
		}
		return "the room has not the members that it should have"
	})
	return members
}

// logBook is a log that a test can read while it is written.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
