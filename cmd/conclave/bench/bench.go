// Package bench measures the server: it starts one as a process of its own,
// calls it over loopback SIP, sends it RTP as so many telephones would, and
// reports what that cost and what the callers heard. Then it compares the
// server with the floor, a bare loop that reads and writes the same packets on
// the same number of sockets: both run by turns, half a second each.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"conclave/rooms"
	"conclave/sip/phone"
)

// Config is what is to be measured.
type Config struct {
	Program            string            // the conclave program, for the server and the floor
	Members            int               // in all rooms together
	Rooms              int               // they are spread over
	Talkers            int               // in each room
	Codec              string            // "pcmu", "g722", "opus" or "opus16", of all members
	SRTP               string            // suite by which all members encrypt, compared with plain members and not the floor; empty: plain
	Options            map[string]string // of the rooms, beside quiet=yes
	Length             time.Duration     // of the time measured; the comparison with the floor comes after it
	ServerCPUs         []int             // empty: the last one
	CallsPerSecond     int               // that come and go beside the members in the time measured
	Phones             int               // that register in the time measured; there is no floor then
	RegistersPerSecond int               // of all phones together
	Flood              int               // SIP messages a second from one source in the time measured; there is no floor then
	Record             bool              // measure what recording all rooms costs, and not the floor
	Soak               bool              // watch what the server holds while calls come and go, and not the floor
	Kills              int               // of the server, at random moments, in place of all that is measured
	Takeovers          int               // of the server by a new process, in place of all that is measured
	Fill               bool              // have members call until the server refuses more, and measure those; there is no floor then
	Delay              bool              // measure the delay from mouth to ear, and not the floor
	Progress           io.Writer         // tells what is being done
}

const (
	// settle is the time between the last answer and the measurement.
	settle = 3 * time.Second
	// joinRate is how many members call per second.
	joinRate = 200
	// visit is how long one of CallsPerSecond lasts.
	visit = time.Second
	// maxEars is how many members at most keep what they hear, fewer where it is more than earTime.
	maxEars = 64
	earTime = 5 * time.Minute
)

// bench is a run.
type bench struct {
	Config
	server, client []int // CPUs
	clock          clock
	coding         coding
	hush           *voice
	heardLevel     float64 // dBFS of a talker's tone as the others hear it
}

// Run measures what c says and returns what it found. The whole process moves
// to the CPUs that the server leaves.
func Run(ctx context.Context, c Config) (*Report, error) {
	b, err := newBench(c)
	if err != nil {
		return nil, err
	}
	report := &Report{Codec: c.Codec, SRTP: c.SRTP, Members: c.Members, Rooms: c.Rooms, Talkers: c.Talkers, Seconds: c.Length.Seconds(),
		ServerCPUs: b.server, ClientCPUs: b.client}
	if err := b.measureServer(ctx, report); err != nil {
		return nil, fmt.Errorf("measure the server: %w", err)
	}
	return report, nil
}

func newBench(c Config) (*bench, error) {
	switch {
	case c.Members < 1 || c.Rooms < 1 || c.Talkers < 0 || c.CallsPerSecond < 0 || c.Flood < 0:
		return nil, errors.New("at least one member and one room are needed, and no number may be negative")
	case c.checkPhones() != nil:
		return nil, c.checkPhones()
	case c.Members < c.Rooms:
		return nil, fmt.Errorf("%d members do not fill %d rooms", c.Members, c.Rooms)
	case codings[c.Codec].step == 0 && strings.HasPrefix(c.Codec, "opus"):
		return nil, errors.New("this build has no Opus to measure: it takes libopus-dev, pkg-config and `make build`")
	case codings[c.Codec].step == 0:
		return nil, fmt.Errorf("codec %q is none that is measured: pcmu, g722, opus or opus16", c.Codec)
	case c.Kills < 0 || c.Kills > 0 && (c.Talkers < 2 || c.Codec != "pcmu"):
		return nil, errors.New("for kills each room takes two talkers at least, so that all hear somebody, with pcmu")
	case c.Takeovers < 0 || c.Takeovers > 0 && c.Kills > 0:
		return nil, errors.New("takeovers or kills: one of both at a time")
	case c.Fill && (c.CallsPerSecond > 0 || c.Phones > 0 || c.Flood > 0 || c.Record || c.Kills > 0 || c.Takeovers > 0 || c.SRTP != ""):
		return nil, errors.New("a full server is measured alone: --fill goes with --members, --rooms, --talkers, --codec and --delay")
	case c.Soak && c.CallsPerSecond == 0:
		return nil, errors.New("a soak is for calls that come and go: --calls-per-second 10, for example")
	case c.checkSRTP() != nil:
		return nil, c.checkSRTP()
	case c.Length < time.Second:
		return nil, fmt.Errorf("%v is too short to measure anything: at least 1s", c.Length)
	}
	// The server has two sockets for each member, and so has this process, one of them for the
	// floor; some files are left for everything else.
	files, err := fileLimit()
	if err != nil {
		return nil, err
	}
	if needed := 2*(c.Members+c.CallsPerSecond) + 500; files < needed {
		return nil, fmt.Errorf("%d members need %d open files and %d are allowed: raise the hard limit (ulimit -Hn)", c.Members, needed, files)
	}
	options, err := rooms.ParseOptions(c.Options)
	if err != nil {
		return nil, err
	}
	b := &bench{Config: c, hush: codings[c.Codec].hush(), coding: codings[c.Codec], heardLevel: talkLevel}
	if options.AGC {
		b.heardLevel = levelled
	}
	if b.server, b.client, err = divideCPUs(c.ServerCPUs); err != nil {
		return nil, err
	}
	if b.clock, err = newClock(); err != nil {
		return nil, err
	}
	// A lane keeps a P of the Go scheduler to itself: nothing else shall wait for one, nor a
	// lane for a thread that has one and does not run.
	runtime.GOMAXPROCS(2*len(b.client) + 4)
	// No collection while it is measured, unless memory runs out.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	return b, pinProcess(b.client)
}

// member i is the talker or listener i/Rooms of room i%Rooms.

func (b *bench) voiceNumber(room, talker int) int { return talker*b.Rooms + room }

func (b *bench) toneOf(room, talker int) float64 {
	return toneOf(b.voiceNumber(room, talker), b.Talkers*b.Rooms)
}

// shared tells whether there are more talkers than tones.
func (b *bench) shared() bool { return b.Talkers*b.Rooms > toneRange/closestTone }

// newCallers opens a socket for each member. With ears, some of them keep what they hear.
func (b *bench) newCallers(ears bool) (_ []*caller, err error) {
	callers := make([]*caller, 0, b.Members)
	defer func() {
		if err != nil {
			closeSockets(callers)
		}
	}()
	for i := range b.Members {
		room, place := i%b.Rooms, i/b.Rooms
		v, talker := b.hush, -1
		if place < b.Talkers {
			talker = place
			if b.Delay {
				v = b.coding.burstVoice(b.voiceNumber(room, place))
			} else {
				v = b.coding.talk(b.toneOf(room, place))
			}
		}
		c, err := newCaller(b.coding, v)
		if err != nil {
			return callers, fmt.Errorf("open the socket of member %d: %w", i+1, err)
		}
		callers = append(callers, c)
		if ears && b.sampled(room, place) {
			c.ear = newEar(room, talker, b.Length, b.coding)
			if err := c.socket.stampArrivals(); err != nil {
				return callers, err
			}
		}
	}
	return callers, nil
}

// sampled chooses who is listened to: of a few rooms some talkers and some
// listeners each, of many rooms the first two of some.
func (b *bench) sampled(room, place int) bool {
	ears := min(maxEars, max(2, int(maxEars*earTime/max(b.Length, 1))))
	each := max(2, ears/b.Rooms) // members of one room
	stride := (each*b.Rooms + ears - 1) / ears
	talkers := min(b.Talkers, each/2)
	return room%stride == 0 && (place < talkers || place >= b.Talkers && place < b.Talkers+each-talkers)
}

func closeSockets(callers []*caller) {
	for _, c := range callers {
		c.socket.close()
	}
}

// options are those of a call whose media is c's.
func (b *bench) options(c *caller) (phone.Options, error) {
	media, err := c.socket.address()
	// With rtcp-mux the server's reports come to the same socket.
	o := phone.Options{Media: media, Mux: true, SRTP: b.SRTP, Codecs: []phone.Codec{phone.Codec(b.coding.payloadType)}, From: fmt.Sprintf("bench%d", media.Port())}
	if params := b.coding.params; params != "" {
		o.Edit = func(sdp string) string { return sdp + fmt.Sprintf("a=fmtp:%d %s\r\n", b.coding.payloadType, params) }
	}
	return o, err
}
