package wire

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// ErrTimeout: no final response came in time.
var ErrTimeout = errors.New("no answer")

// answerWithin bounds an INVITE of ours that got a provisional response and then nothing more: the RFC has no timer
// there but the proxies' timer C (RFC 3261 16.6).
const answerWithin = 3 * time.Minute

// quiet silences sipgo's transactions: what they have to say comes back as errors.
var quiet = slog.New(slog.DiscardHandler)

// clientTx is the transaction of a request that we sent. Its goroutine alone talks to sipgo's state machine, which
// blocks while it hands a response over, and for 4 s when a final response is repeated; the readers only queue.
type clientTx struct {
	key   string
	tx    *sipgo.ClientTx
	queue chan *sipgo.Response
	lost  <-chan struct{} // closed when the connection is gone; nil over UDP
	on    func(*sipgo.Response, error)
	final bool
}

// Do sends req to peer within a client transaction and returns; a missing top Via and Max-Forwards are added. on gets
// every response in the order of the wire, retransmitted 2xx to an INVITE included, or, without a final response, once
// an error: ErrTimeout, ErrClosed or that of the transport. It runs on the transaction's goroutine and must not
// block. If Do itself returns an error, on is not called.
func (w *Wire) Do(req *sipgo.Request, peer Peer, on func(res *sipgo.Response, err error)) error {
	w.prepare(req, peer)
	key, err := sipgo.ClientTxKeyMake(req)
	if err != nil {
		return fmt.Errorf("send %s: %w", req.Method, err)
	}
	c := &clientTx{
		key:   key,
		tx:    sipgo.NewClientTx(key, req, peer.Conn, quiet),
		queue: make(chan *sipgo.Response, 16), // more than come in before the goroutine gets to run
		on: func(res *sipgo.Response, err error) {
			defer w.survive(peer)
			on(res, err)
		},
	}
	c.lost = peer.Gone()
	c.tx.OnRetransmission(func(res *sipgo.Response) { c.on(res, nil) })
	if err := w.addClient(c); err != nil {
		return fmt.Errorf("send %s: %w", req.Method, err)
	}
	peer.Conn.Ref(1) // the transaction's end lets go of it
	if err := c.tx.Init(); err != nil {
		c.tx.Terminate()
		w.removeClient(c)
		return fmt.Errorf("send %s: %w", req.Method, err)
	}
	go func() {
		defer w.removeClient(c)
		defer w.faults.Survive("end a SIP request")
		defer c.tx.Terminate()
		err := w.faults.Do("work on the answers to a SIP request", func() error { c.run(w); return nil })
		if err != nil && !c.final {
			c.on(nil, fmt.Errorf("%s: %w", c.tx.Origin().Method, err))
		}
	}()
	return nil
}

// addClient makes responses reach c, and Close wait for it.
func (w *Wire) addClient(c *clientTx) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.clients[c.key] = c
	w.running.Add(1)
	return nil
}

func (w *Wire) removeClient(c *clientTx) {
	w.mu.Lock()
	delete(w.clients, c.key)
	w.mu.Unlock()
	w.running.Done()
}

// run lives as long as the transaction.
func (c *clientTx) run(w *Wire) {
	giveUp := time.NewTimer(answerWithin)
	defer giveUp.Stop()
	var err error
	for err == nil {
		select {
		case res := <-c.queue:
			c.receive(w, res)
			if c.final && !c.tx.Origin().IsInvite() {
				return // a repeated final response would be absorbed here; without a transaction it is dropped just so
			}
		case <-c.tx.Done():
			err = ErrTimeout
			if cause := c.tx.Err(); errors.Is(cause, sipgo.ErrTransactionTransport) {
				err = cause
			} else if w.isClosed() {
				err = ErrClosed
			}
		case <-c.lost:
			err = ErrClosed
		case <-giveUp.C:
			err = ErrTimeout
		}
	}
	if !c.final {
		c.on(nil, fmt.Errorf("%s: %w", c.tx.Origin().Method, err))
	}
}

// receive feeds one response to the state machine and hands on what it lets through.
func (c *clientTx) receive(w *Wire, res *sipgo.Response) {
	received := make(chan struct{})
	go func() {
		defer close(received)
		defer w.faults.Survive("take a SIP response")
		c.tx.Receive(res)
	}()
	for {
		select {
		case res := <-c.tx.Responses():
			c.final = c.final || res.StatusCode >= 200
			c.on(res, nil)
		case <-received:
			return
		}
	}
}

// prepare completes a request that is about to be sent.
func (w *Wire) prepare(req *sipgo.Request, peer Peer) {
	req.SetTransport(peer.Transport)
	if req.Via() == nil {
		local := peer.Local.Addr().WithZone("")
		host := local.String()
		if local.Is6() {
			host = "[" + host + "]"
		}
		req.PrependHeader(&sipgo.ViaHeader{
			ProtocolName:    "SIP",
			ProtocolVersion: "2.0",
			Transport:       peer.Transport,
			Host:            host,
			Port:            int(peer.Local.Port()),
			Params:          sipgo.HeaderParams{{K: "branch", V: sipgo.GenerateBranch()}, {K: "rport"}},
		})
	}
	if req.MaxForwards() == nil {
		hops := sipgo.MaxForwardsHeader(70)
		req.AppendHeader(&hops)
	}
	addSoftware(req, "User-Agent", w.software)
	if req.ContentLength() == nil {
		req.SetBody(req.Body()) // adds the header, which TCP cannot do without
	}
}
