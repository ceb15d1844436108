package media

import "net/netip"

// Direction says which ways audio flows, as seen from the server (RFC 3264 5.1).
type Direction uint8

// The bits of a Direction: SendOnly is set where we send, RecvOnly where we receive.
const (
	Inactive Direction = 0
	SendOnly Direction = 1
	RecvOnly Direction = 2
	SendRecv Direction = SendOnly | RecvOnly
)

// Sends tells whether we send audio.
func (d Direction) Sends() bool { return d&SendOnly != 0 }

// Receives tells whether we take audio.
func (d Direction) Receives() bool { return d&RecvOnly != 0 }

// String is the attribute of a session description, e.g. "sendrecv".
func (d Direction) String() string {
	return [...]string{"inactive", "sendonly", "recvonly", "sendrecv"}[d&SendRecv]
}

// Remote is what offer and answer settled about the far end of a leg.
type Remote struct {
	// Codec is the coding of both directions, PayloadType its number (0-127).
	Codec       Codec
	PayloadType uint8
	// Direction is ours.
	Direction Direction
	// Mux tells that RTP and RTCP share a port (RFC 5761).
	Mux bool
	// EventType is the payload type of telephone-event (RFC 4733), -1 where it was not
	// negotiated.
	EventType int
	// ComfortType is the payload type of comfort noise (RFC 3389), 0 where it was not negotiated. 13, its static one, is
	// taken in any case.
	ComfortType uint8
	// Discontinuous tells that the far end wants to be sent nothing in silence (usedtx of RFC 7587), where the codec
	// knows silence.
	Discontinuous bool
	// PTime is the length of the packets that we send: 10, 20, 30, 40 or 60 ms.
	PTime int
	// RTP is the address of the session description. Where it is not valid, or the
	// unspecified address (c=0.0.0.0, the hold of RFC 2543), nothing is sent to it.
	RTP netip.AddrPort
	// RTCP is the address of a=rtcp (RFC 3605) or the RTP port plus one. Unused with Mux.
	RTCP netip.AddrPort
	// Signalling is where the SIP messages came from: a source of RTP that may be taken
	// where the session description names a private or another address.
	Signalling netip.Addr
	// Security is what the audio is encrypted with (SRTP); nil: it is plain.
	Security *Security
	// Networks are those that a trunk's RTP may come from, whatever its session description
	// says; nil for all others.
	Networks []netip.Prefix
}
