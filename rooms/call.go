package rooms

import (
	"net/netip"

	"conclave/media"
)

// Call is the caller's side that a reception needs: who it is, his leg, and a way to end it.
type Call interface {
	// ID names the call in the log: unique, short, printable.
	ID() string
	// Caller tells who is calling.
	Caller() Caller
	// Leg is the audio of the call. It stays open until the visit is done.
	Leg() *media.Leg
	// Hangup ends the call and returns at once. The reason goes to the log and to the far
	// end. It may be called more than once, and after the far end has hung up.
	Hangup(reason error)
}

// Caller is what is known of the one who calls. Number and Name come from the network and may
// hold anything.
type Caller struct {
	Number  string
	Name    string
	Address netip.AddrPort
	// Language is the Accept-Language header of his call (RFC 3261 20.3) as it came; empty if there was none.
	Language string
	// Guest tells that the caller has not proven who he is.
	Guest bool
	// Private tells that he does not want to be named to others: Number and Name are not his.
	Private bool
	// Phone is the extension of the phone that has proven to be the caller's, and Trunk the name of the one that the call
	// came over; empty: none.
	Phone, Trunk string
}
