package phone

import (
	"net/netip"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// NoAnswer as Options.Notify leaves NOTIFYs without an answer.
const NoAnswer = -1

// NoEvents as Options.EventType leaves telephone-event out of the offer.
const NoEvents = -1

// Options is how a call is made; the zero value is an ordinary call.
type Options struct {
	// From is the user part of the caller's address; empty is "phone".
	From string
	// Name is the display name in From, as it stands between the quotes.
	Name string
	// To is the user part of the address in To; empty is the number that is called.
	To string
	// Password answers the challenge of the INVITE, as User; empty: it is not answered.
	Password string
	// User is whom the password is of; empty is From.
	User string
	// Codecs are offered in this order; empty is PCMU, PCMA.
	Codecs []Codec
	// PayloadTypes gives codecs payload types other than their static ones.
	PayloadTypes map[Codec]uint8
	// PTime is the audio per packet sent in ms, 10 to 60; 0 is 20. It is sent whatever
	// the other side asks for.
	PTime int
	// EventType is the payload type of telephone-event; 0 is 101, NoEvents is none.
	EventType int
	// Direction is the offer's: "sendrecv", "sendonly", "recvonly" or
	// "inactive"; empty is sendrecv without saying so.
	Direction string
	// Mux offers RTP and RTCP on one port (RFC 5761).
	Mux bool
	// SRTP is the suite by which the audio is encrypted, by its registered name: AES_CM_128_HMAC_SHA1_80, for example. Empty: it
	// is plain. Who calls the phone has to offer that suite.
	SRTP string
	// Offerless sends the INVITE without a description; the answer goes into the ACK.
	Offerless bool
	// Edit, if not nil, changes each description before it is sent.
	Edit func(sdp string) string
	// Headers are added to the INVITE, or to the 200 that answers one.
	Headers []sipgo.Header
	// Notify is the status that each NOTIFY gets; 0 is 200, NoAnswer is none.
	Notify int
	// LoseACKs is how many ACKs to the 2xx are lost on their way.
	LoseACKs int
	// Mute keeps the phone from sending any RTP.
	Mute bool
	// Impairment is that of the RTP sent.
	Impairment Impairment
	// Media, if valid, is put into the description as the RTP address, and
	// sending and receiving there is left to the caller.
	Media netip.AddrPort
}

// Press is how keys are pressed; the zero value is a usual phone.
type Press struct {
	// Duration is how long a key is held; 0 is 100 ms.
	Duration time.Duration
	// Gap is the pause after each key; 0 is 100 ms. Longer than two packets, because
	// the end of an event is sent three times.
	Gap time.Duration
	// LoseEnd loses the three packets that carry the end of the event.
	LoseEnd bool
	// NoMarker leaves the marker out of the first packet.
	NoMarker bool
	// LoseFirst loses the first so many packets of each event.
	LoseFirst int
}

// Impairment is what the network does to the RTP that the phone sends. What is
// random follows from Seed, so that a run can be repeated.
type Impairment struct {
	Seed      uint64
	Loss      float64       // probability of a packet being lost, 0 to 1
	Duplicate float64       // probability of a packet arriving twice
	Reorder   float64       // probability of a packet arriving after its successor
	Jitter    time.Duration // each packet is late by up to this much, evenly distributed, and may be overtaken
	InOrder   bool          // Jitter does not let packets overtake each other
	PPM       float64       // the phone's clock runs fast by so many millionths
}

const (
	clockRate    = 8000 // Hz, of G.711, of G.722 and of telephone-event beside them
	defaultPTime = 20
	defaultEvent = 101
)

func (o Options) withDefaults() Options {
	if o.From == "" {
		o.From = "phone"
	}
	if o.User == "" {
		o.User = o.From
	}
	if len(o.Codecs) == 0 {
		o.Codecs = []Codec{PCMU, PCMA}
	}
	if o.PTime == 0 {
		o.PTime = defaultPTime
	}
	if o.EventType == 0 {
		o.EventType = defaultEvent
	}
	return o
}

func (o Options) payloadType(c Codec) uint8 {
	if pt, ok := o.PayloadTypes[c]; ok {
		return pt
	}
	return uint8(c)
}

func (p Press) withDefaults() Press {
	if p.Duration == 0 {
		p.Duration = 100 * time.Millisecond
	}
	if p.Gap == 0 {
		p.Gap = 100 * time.Millisecond
	}
	return p
}
