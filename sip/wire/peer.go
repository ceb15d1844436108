package wire

import (
	"net/netip"

	sipgo "github.com/emiago/sipgo/sip"
)

// Peer is where a message came from and the way back. A dialog keeps the Peer of the request that made it, so that
// its own requests leave from the same socket. Over TCP, Conn.Ref(1) keeps the connection open while nothing is said;
// Conn.Ref(-1) lets go. Over UDP both do nothing.
type Peer struct {
	Transport string           // "UDP" or "TCP"
	Local     netip.AddrPort   // the address of ours that the peer talks to, never a wildcard
	Remote    netip.AddrPort   // where the message came from
	Conn      sipgo.Connection // writes to Remote, whatever destination the message names
}
