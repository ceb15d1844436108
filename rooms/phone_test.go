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
// the spectrum: windows of 40 ms keep tones 75 Hz apart.
var tones = spread(append(slices.Clone(testPrompts), "music", "announcement", "foreign", "ann", "bob", "eve", "joe", "kim"))

// testPrompts are those that the tests' voice has. Those of invitations are left out, for there is no room for so many tones.
var testPrompts = append(slices.DeleteFunc(slices.Clone(wholePrompts), func(name string) bool {
	return name == promptInvited || name == promptJoinKey
}), promptAnd, promptHaveJoined, promptHaveLeft, "digits/2", "digits/3")

func spread(names []string) map[string]float64 {
	all := make(map[string]float64)
	for i, name := range names {
		all[name] = 350 + 75*float64(i)
	}
	return all
}

// testVoices are one voice, whose prompts are tones, and the music likewise. A prompt lasts 0.2 s; the tone of those who
// join is longer than the music needs to fade out under it. What is put into the map is said in place of the tone.
func testVoices() (*Voices, map[string]*media.Sound, *media.Sound) {
	prompts, recordings := make(map[string]*media.Sound), make(map[string]recording)
	for _, name := range testPrompts {
		prompts[name] = media.NewSound(8000, sine(tones[name], 8000, 1600))
		recordings[name] = func() (*media.Sound, error) { return prompts[name], nil }
	}
	prompts[toneJoin] = media.NewSound(8000, sine(tones[toneJoin], 8000, 5600))
	voice := newVoice(standardVoice, standardVoice, recordings)
	return newVoices(voice), prompts, media.NewSound(8000, sine(tones["music"], 2000, 8000))
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
	name     string
	language string
	leg      *media.Leg
	conn     *net.UDPConn
	server   netip.AddrPort
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup
	visit    *Visit
	party    *Party          // in a talk
	done     <-chan struct{} // closed when the leg is free

	talks atomic.Bool
	says  atomic.Bool // rises and falls as speech does
	mute  atomic.Bool // sends nothing at all
	keys  chan byte

	mu      sync.Mutex
	heard   []int16
	loudest []string // by window of heard
	hungUp  []string
}

func (p *phone) ID() string { return "call-" + p.name }
func (p *phone) Caller() Caller {
	return Caller{Number: p.name, Name: strings.ToUpper(p.name), Address: p.server, Language: p.language}
}
func (p *phone) Leg() *media.Leg { return p.leg }

// Hangup is what signalling does: the call is over, and with it its context.
func (p *phone) Hangup(reason error) {
	p.mu.Lock()
	p.hungUp = append(p.hungUp, reason.Error())
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
	voice, syllables, frame := sine(tones[p.name], 8000, 8000), speech(tones[p.name]), make([]byte, 160)
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
		if p.says.Load() {
			at := int(timestamp) % len(syllables)
			copy(pcm, syllables[at:at+160])
		}
		media.PCMU().NewEncoder().Encode(frame, pcm)
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
		samples := media.PCMU().NewDecoder().Decode(pcm, packet[12:n])
		p.mu.Lock()
		p.heard = append(p.heard, pcm[:samples]...)
		p.mu.Unlock()
	}
}

// A tone is told from what was heard in windows that overlap.
const window, windowStep = 320, 160

// transcript names what the phone heard, one after another: the loudest tone at each moment
// where one lasted for 60 ms, "-" for 200 ms of silence.
func (p *phone) transcript() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := len(p.loudest) * windowStep; at+window <= len(p.heard); at += windowStep {
		p.loudest = append(p.loudest, loudest(p.heard[at:at+window]))
	}
	var names []string
	before, lasted := "", 0
	for _, tone := range p.loudest {
		if tone != before {
			before, lasted = tone, 0
		}
		lasted++
		if tone != "-" && lasted == 3 || lasted == 10 {
			if len(names) == 0 || names[len(names)-1] != tone {
				names = append(names, tone)
			}
		}
	}
	return names
}

// loudest is the name of the loudest tone in a window, "-" if there is none.
func loudest(pcm []int16) string {
	loudest, most := "-", 150.0 // about -47 dBFS
	for name, frequency := range tones {
		if level := goertzel(pcm, frequency); level > most {
			loudest, most = name, level
		}
	}
	return loudest
}

// hann is the window that halves the amplitude of a tone and keeps it from its neighbours.
var hann = func() (w [window]float64) {
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window)
	}
	return w
}()

// goertzel is the amplitude of a tone in a window.
func goertzel(pcm []int16, frequency float64) float64 {
	turn := 2 * math.Cos(2*math.Pi*frequency/8000)
	var s1, s2 float64
	for i, v := range pcm {
		s1, s2 = float64(v)*hann[i]+turn*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - turn*s1*s2
	return 4 * math.Sqrt(max(power, 0)) / float64(len(pcm))
}

// hears waits until the phone has heard what is named, in this order and with nothing else
// but silence between.
func (p *phone) hears(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, func() string {
		got := p.sounds()
		if len(got) >= len(want) && slices.Equal(got[:len(want)], want) {
			return ""
		}
		return fmt.Sprintf("%s heard %v, want %v", p.name, p.transcript(), want)
	})
}

// sounds is the transcript without the silence.
func (p *phone) sounds() []string {
	return slices.DeleteFunc(p.transcript(), func(name string) bool { return name == "-" })
}

// heardOnly checks that the phone has heard this and nothing else so far.
func (p *phone) heardOnly(t *testing.T, want ...string) {
	t.Helper()
	p.hears(t, want...)
	if got := p.sounds(); !slices.Equal(got, want) {
		t.Errorf("%s heard %v, want %v", p.name, p.transcript(), want)
	}
}

// hearsAtLast waits until the last that the phone has heard is what is named, whatever came before.
func (p *phone) hearsAtLast(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, func() string {
		got := p.sounds()
		if len(got) >= len(want) && slices.Equal(got[len(got)-len(want):], want) {
			return ""
		}
		return fmt.Sprintf("%s heard %v, want %v at last", p.name, p.transcript(), want)
	})
}

// forget begins a new transcript.
func (p *phone) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard, p.loudest = nil, nil
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

// speech is a second of something that rises and falls as syllables do.
func speech(frequency float64) []int16 {
	pcm := sine(frequency, 8000, 8000)
	for i := range pcm {
		pcm[i] = int16(float64(pcm[i]) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/1600)))
	}
	return pcm
}
