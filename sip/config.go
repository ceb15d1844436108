package sip

import (
	"log/slog"
	"net"
	"net/netip"
	"time"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/wire"
	"conclave/store"
)

// Config is what a Server needs.
type Config struct {
	// Log gets a line for each call that ends or is refused; nil: none.
	Log *slog.Logger
	// House is where calls to its rooms are received. It must outlive the server.
	House *rooms.House
	// Ports is where the legs of calls get their ports from.
	Ports *media.Ports
	// Listen are the addresses to listen on, such as udp://0.0.0.0:5060, tcp://[::]:5060 or
	// tls://0.0.0.0:5061; port 0 is any that is free.
	Listen []string
	// Certify gives the certificate for each TLS connection; nil: nothing is listened on for TLS.
	Certify wire.Certify
	// Advertise is the address that callers of its family are told to send signalling and
	// audio to; not valid: the one that they reach this machine by.
	Advertise netip.Addr
	// Guests says which rooms callers may reach; empty: GuestsPIN.
	Guests GuestPolicy
	// Phones are those that may register. Without any, nobody is asked for credentials.
	Phones []store.Phone
	// Digests are the algorithms by which phones may authenticate, in the order in which they are offered: "SHA-256" and
	// "MD5", which is what nil stands for, or one of them.
	Digests []string
	// MessageRate is how many messages of one method a second are taken from one address; see wire.Config.Rate. 0: no limit.
	MessageRate int
	// Store keeps registrations over a restart; nil: they are lost. It must outlive the server.
	Store *store.DB
	// Estate is what the server of another process has left, in whose place this one goes on: nothing is read or sent before Begin. nil:
	// there is none.
	Estate *Estate
	// MinExpires and MaxExpires bound how long a registration or subscription lasts; 0: a minute and an hour. A phone that asks for less
	// than the least is refused (423), one that asks for more gets the most.
	MinExpires, MaxExpires time.Duration
	// ProbeEvery is how often a phone is asked by OPTIONS whether it is there; 0: each minute.
	ProbeEvery time.Duration
	// Resolver looks up the hosts of trunks; nil: as this machine does.
	Resolver *net.Resolver
	// TrunkTimes are the timers about trunks.
	TrunkTimes TrunkTimes
	// InsecureKeys has keys for encrypted audio (SDES) taken over UDP and TCP, too, where others may read them.
	InsecureKeys bool
	// RingTime is how long a callee rings who has no time of his own, until the call counts as not answered, at most
	// MaxRingTime; 0: 30 s.
	RingTime time.Duration
	// NotifyEvery is the least time between two NOTIFYs of what has happened, to one subscriber; 0: a second.
	NotifyEvery time.Duration
	// T1 and T2 are the timers of RFC 3261 17.1.1.1 for the retransmission of 2xx and the
	// time that an unanswered BYE is waited for; 0: 500 ms and 4 s.
	T1, T2 time.Duration
	// SessionExpires is how long a call's session lasts that nobody refreshes (RFC 4028), up to MaxSessionExpires; 0: half an
	// hour, negative: no session timers are asked for. MinSessionExpires is the least that others may ask for; 0:
	// LeastSessionExpires.
	SessionExpires, MinSessionExpires time.Duration
	// Software is what User-Agent and Server say, a product token (RFC 3261 20.35); empty: those headers are not sent.
	Software string
	// Full tells whether calls that are there would suffer from one more: new ones are refused with 503 then. It is asked for each INVITE,
	// and must return at once. nil: it is never so.
	Full func() bool
	// Record gets each call that is over, also one that was refused; it must return at once.
	// nil: nobody does.
	Record func(store.Call)

	listed directory                                         // phones beside those that register, for tests
	after  func(pause time.Duration, f func()) (stop func()) // the clock of sessions; nil: afterFunc
}
