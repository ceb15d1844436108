package sip

import (
	"net/netip"
	"strings"
	"time"

	"conclave/media"
	"conclave/sip/wire"
)

// wayFound is the event that there is a way to the far end again, whose connection has ended with another process, or that
// there is none yet.
type wayFound struct {
	peer  wire.Peer
	err   error
	pause time.Duration // until it is looked for again
}

const (
	firstWayPause = 2 * time.Second
	lastWayPause  = 30 * time.Second
)

// takeUp tells the far end that we are there again, by a re-INVITE: it answers that it is, or that it knows of no such call.
// Over TCP and TLS a way to it is looked for first.
func (c *Call) takeUp() {
	if c.leaving {
		return
	}
	if c.expiry == nil { // a far end that is on hold and does not come back sends nothing that could be missed
		c.expire(c.server.sessions.expires, true)
	}
	if c.isLost() {
		c.seekWay(firstWayPause)
		return
	}
	if t := c.server.trunks.find(c.caller.Trunk); t != nil && c.out != nil {
		c.out.credentials = t.secret
	}
	if codec := c.offered(); codec != nil {
		c.startReoffer(codec)
	}
}

// offered is the codec of the leg, as it is offered.
func (c *Call) offered() media.Codec {
	name := c.spoke
	if agreed := c.leg.Agreed(); agreed != nil {
		name = agreed.Name()
	}
	for _, codec := range c.session.local.Codecs {
		if codec.Name() == name {
			return codec
		}
	}
	return nil
}

// isLost tells that there is no way to the far end: its connection is gone.
func (c *Call) isLost() bool { return isClosed(c.peer) }

func isClosed(peer wire.Peer) bool {
	select {
	case <-peer.Gone():
		return true
	default:
		return false
	}
}

// seekWay looks for a way to the far end: that by which its phone has registered since, or its trunk is reached, or, over TCP,
// a connection to the address of its Contact. It waits for nothing.
func (c *Call) seekWay(pause time.Duration) {
	mail := c.mail
	for _, to := range c.server.waysTo(c.party()) {
		if strings.EqualFold(to.Transport, c.peer.Transport) && !isClosed(to) {
			mail.post(wayFound{peer: to})
			return
		}
	}
	hop := c.dialog.Target
	if len(c.dialog.Routes) > 0 {
		hop = c.dialog.Routes[0]
	}
	address, err := netip.ParseAddr(strings.Trim(hop.Host, "[]"))
	if err != nil || !strings.EqualFold(c.peer.Transport, "TCP") { // whose certificate would be whose, nobody can tell here
		mail.post(wayFound{err: wire.ErrClosed, pause: pause})
		return
	}
	port := uint16(hop.Port)
	if port == 0 {
		port = 5060
	}
	c.server.beside.Go(func() {
		defer c.server.survive(nil)
		found := wayFound{err: wire.ErrClosed, pause: pause}
		defer func() { mail.post(found) }()
		found.peer, found.err = c.server.wire.Connect(c.ctx, "tcp", netip.AddrPortFrom(address, port))
	})
}

// waysTo are those to a phone that has registered, or to a trunk.
func (s *Server) waysTo(who party) (ways []wire.Peer) {
	if who.phone != "" {
		for _, to := range s.contacts(who.phone) {
			ways = append(ways, to.peer)
		}
	}
	if t := s.trunks.find(who.trunk); t != nil {
		for _, target := range t.inOrder() {
			if target.peer.Conn != nil {
				ways = append(ways, target.peer)
			}
		}
	}
	return ways
}

// wayFound follows the look for a way. Until there is one the call goes on as long as its audio does.
func (c *Call) wayFound(e wayFound) {
	switch {
	case c.leaving || !c.isLost():
	case e.err == nil:
		c.pin(e.peer)
		c.takeUp()
	default:
		mail, next := c.mail, min(2*e.pause, lastWayPause)
		c.recovering = append(c.recovering, time.AfterFunc(e.pause, func() { mail.post(wayWanted{next}) }))
	}
}

// wayWanted is the event that a way is to be looked for again.
type wayWanted struct{ pause time.Duration }

// cameBack takes the way on which the far end itself has sent something in the dialog.
func (c *Call) cameBack(peer wire.Peer) {
	if c.isLost() {
		c.pin(peer)
		c.takeUp()
	}
}

// forgetRecovery ends what is still to be done about a call of another process.
func (c *Call) forgetRecovery() {
	for _, timer := range c.recovering {
		timer.Stop()
	}
	c.recovering = nil
}
