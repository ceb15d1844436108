package sip

import (
	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// contact is where a request of ours that begins something may go.
type contact struct {
	target sipgo.Uri   // its Request-URI
	peer   wire.Peer   // the way there
	routes []sipgo.Uri // its Route header, in order
}
