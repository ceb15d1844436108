package rooms

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"conclave/media"
)

// Every sound of the tests is a tone of its own, so that what a phone heard can be told from
// the spectrum: 25 windows of 40 ms a second keep tones 50 Hz apart.
var tones = map[string]float64{
	promptGetPIN: 500, promptInvalidPIN: 700, promptOnlyPerson: 900, promptFull: 1100,
	promptLocked: 1300, promptKicked: 1500, promptMuted: 1700, promptUnmuted: 1900,
	toneJoin: 2100, toneLeave: 2300, "music": 2500, "ann": 2700, "bob": 2900, "eve": 3100,
}

// testSounds are the prompts and the music as tones. A prompt lasts 0.2 s; the tone of those who
// join is longer than the music needs to fade out under it.
func testSounds() (prompts, *media.Sound) {
	all := make(prompts)
	for _, name := range promptNames {
		all[name] = media.NewSound(8000, sine(tones[name], 8000, 1600))
	}
	all[toneJoin] = media.NewSound(8000, sine(tones[toneJoin], 8000, 5600))
	return all, media.NewSound(8000, sine(tones["music"], 2000, 8000))
}

func sine(frequency, amplitude float64, samples int) []int16 {
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(amplitude * math.Sin(2*math.Pi*frequency*float64(i)/8000))
	}
	return pcm
}

// phone is the far end of a call: it sends RTP each 20 ms, presses keys by RFC 4733 and keeps
// what it hears. Towards the house it is the Call.
type phone struct {
	name   string
	leg    *media.Leg
	conn   *net.UDPConn
	server netip.AddrPort
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	visit  *Visit

	talks atomic.Bool
	mute  atomic.Bool // sends nothing at all
	keys  chan byte

	mu     sync.Mutex
	heard  []int16
	hungUp []string
}

func (p *phone) ID() string { return "call-" + p.name }
func (p *phone) Caller() Caller {
	return Caller{Number: p.name, Name: strings.ToUpper(p.name), Address: p.server}
}
func (p *phone) Leg() *media.Leg { return p.leg }

// Hangup is what signalling does: the call is over, and with it its context.
func (p *phone) Hangup(reason string) {
	p.mu.Lock()
	p.hungUp = append(p.hungUp, reason)
	p.mu.Unlock()
	p.cancel()
}

// send is the phone's sending half, on a goroutine of its own.
func (p *phone) send() {
	defer p.work.Done()
	const event = 101
	packet := make([]byte, 12, 12+160)
	packet[0] = 0x80
	binary.BigEndian.PutUint32(packet[8:], uint32(p.server.Port())) // SSRC
	var sequence uint16
	var timestamp uint32
	write := func(payloadType byte, marker bool, at uint32, payload []byte) {
		packet[1] = payloadType
		if marker {
			packet[1] |= 0x80
		}
		binary.BigEndian.PutUint16(packet[2:], sequence)
		binary.BigEndian.PutUint32(packet[4:], at)
		sequence++
		if !p.mute.Load() {
			p.conn.WriteToUDPAddrPort(append(packet[:12], payload...), p.server)
		}
	}
	voice, frame := sine(tones[p.name], 8000, 8000), make([]byte, 160)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var key byte
	var begun uint32 // timestamp of the key's first packet
	rest := 0        // ticks until another key may begin
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
		if key == 0 && rest == 0 {
			select {
			case key = <-p.keys:
				begun = timestamp
			default:
			}
		}
		if key != 0 {
			// 60 ms of a key, its end told three times (RFC 4733 2.5.1).
			duration := uint16(timestamp - begun + 160)
			code := byte(strings.IndexByte("0123456789*#ABCD", key))
			payload := []byte{code, 10, byte(duration >> 8), byte(duration)}
			write(event, timestamp == begun, begun, payload)
			if duration == 480 {
				payload[1] |= 0x80
				for range 3 {
					write(event, false, begun, payload)
				}
				key, rest = 0, 3
			}
			timestamp += 160
			continue
		}
		rest = max(rest-1, 0)
		pcm := make([]int16, 160)
		if p.talks.Load() {
			at := int(timestamp) % len(voice)
			copy(pcm, voice[at:at+160])
		}
		media.PCMU().Encode(frame, pcm)
		write(0, false, timestamp, frame)
		timestamp += 160
	}
}

// listen is the phone's receiving half.
func (p *phone) listen() {
	defer p.work.Done()
	packet, pcm := make([]byte, 2048), make([]int16, 2048)
	for {
		n, err := p.conn.Read(packet)
		if err != nil {
			return
		}
		if n < 12 || packet[1]&0x7f != 0 {
			continue
		}
		samples := media.PCMU().Decode(pcm, packet[12:n])
		p.mu.Lock()
		p.heard = append(p.heard, pcm[:samples]...)
		p.mu.Unlock()
	}
}

// transcript names what the phone heard, one after another: the loudest tone at each moment
// where one lasted for 60 ms, "-" for 200 ms of silence.
func (p *phone) transcript() []string {
	const window, step = 320, 160
	p.mu.Lock()
	heard := slices.Clone(p.heard)
	p.mu.Unlock()
	var names []string
	note := func(name string) {
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	before, lasted := "", 0
	for at := 0; at+window <= len(heard); at += step {
		loudest, most := "-", 150.0 // about -47 dBFS
		for name, frequency := range tones {
			if level := goertzel(heard[at:at+window], frequency); level > most {
				loudest, most = name, level
			}
		}
		if loudest != before {
			before, lasted = loudest, 0
		}
		lasted++
		if loudest != "-" && lasted == 3 || lasted == 10 {
			note(loudest)
		}
	}
	return names
}

// goertzel is the amplitude of a tone.
func goertzel(pcm []int16, frequency float64) float64 {
	w := 2 * math.Pi * frequency / 8000
	var s1, s2 float64
	for i, v := range pcm {
		// Hann's window, which halves the amplitude.
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(pcm)))
		s1, s2 = float64(v)*hann+2*math.Cos(w)*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - 2*math.Cos(w)*s1*s2
	return 4 * math.Sqrt(max(power, 0)) / float64(len(pcm))
}

// hears waits until the phone has heard what is named, in this order and with nothing else
// but silence between.
func (p *phone) hears(t *testing.T, want ...string) {
	t.Helper()
	said := func() []string {
		return slices.DeleteFunc(p.transcript(), func(name string) bool { return name == "-" })
	}
	eventually(t, func() string {
		got := said()
		if len(got) >= len(want) && slices.Equal(got[:len(want)], want) {
			return ""
		}
		return fmt.Sprintf("%s heard %v, want %v", p.name, p.transcript(), want)
	})
}

// forget begins a new transcript.
func (p *phone) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = nil
}

// press presses keys one after another.
func (p *phone) press(keys string) {
	for _, key := range []byte(keys) {
		p.keys <- key
	}
}

// reasons are those with which the house has hung up.
func (p *phone) reasons() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.hungUp)
}

// over waits for the end of the visit and checks its result.
func (p *phone) over(t *testing.T, result string) {
	t.Helper()
	select {
	case <-p.visit.Done():
	case <-time.After(patience):
		t.Fatalf("the visit of %s does not end", p.name)
	}
	if got := p.visit.Result(); got != result {
		t.Errorf("the visit of %s ended with %q, want %q", p.name, got, result)
	}
}

// patience is how long anything may take on a machine that is busy.
const patience = 20 * time.Second

// eventually waits until check has no complaint.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	complaint := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if complaint = check(); complaint == "" {
			return
		}
	}
	t.Fatal(complaint)
}
