// Package wire puts SIP messages on the network and takes them off it: UDP, TCP and TLS listeners, the gate that refuses what
// is broken or not served, and transactions that keep the order of the wire. Everything that comes in is handed to the
// Sink on the goroutine that read it, message by message; there is no goroutine per message that could overtake another.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media/fault"
)

// Sink gets what passed the gate, on the reader's goroutine and in the order of the wire, so it must not block.
type Sink interface {
	// Request hands over a new request, once: retransmissions are absorbed. An ACK to a 2xx, or to nothing known,
	// comes with tx nil and is never answered. Everything else has to be answered, or its transaction terminated.
	Request(req *sipgo.Request, tx *ServerTx)
	// Cancel says that a CANCEL came for an INVITE without a final response, once. The CANCEL has been answered; the
	// sink answers the INVITE with 487.
	Cancel(invite *ServerTx, cancel *sipgo.Request)
}

// Config is what a Wire needs.
type Config struct {
	Log     *slog.Logger // nil: slog.Default()
	Sink    Sink
	Methods []string // served, as in the Allow header; without REGISTER in it, registrations get 403
	// Software is what User-Agent and Server say in what has none yet; empty: nothing.
	Software string
	// Rate is how many messages of one method a second are taken from one IPv4 address or IPv6 /64, after five times as many at
	// once, and twice that of all methods together; what is more is dropped over UDP, and waits over TCP and TLS. 0: no limit.
	Rate int
	// Certify is for listeners of TLS; nil: there are none.
	Certify Certify
	// Paused has nothing be read before Resume.
	Paused bool
	// Closed, if not nil, is told of each TCP or TLS connection that is gone, after the last message of it was handed over. It
	// runs on the connection's goroutine.
	Closed func(conn sipgo.Connection)
}

// ErrClosed: the wire, or the connection to the peer, is closed.
var ErrClosed = errors.New("closed")

// Wire owns the listeners, connections and transactions. Its methods may be called from any goroutine.
type Wire struct {
	sink     Sink
	lost     func(conn sipgo.Connection)
	certify  Certify
	software string
	gate     gate
	flood    *floodgate
	log      *slog.Logger
	faults   *fault.Log
	sparse   sparingLog // for what strangers cause
	counts   counts

	running sync.WaitGroup                // readers and client transactions
	reading sync.RWMutex                  // held by each reader while it takes and handles a message
	paused  atomic.Pointer[chan struct{}] // closed when the pause is over; nil: there is none
	buffers sync.Pool                     // of *bytes.Buffer, for messages being sent

	mu           sync.Mutex
	closed       bool
	done         chan struct{}      // closed with it
	open         map[closer]bool    // sockets, listeners and connections
	perSource    map[netip.Addr]int // TCP and TLS connections that others opened
	opened       map[way]*tcpConn   // those that we opened
	sockets      []*udpSocket       // in the order in which they were opened
	specs        []listening        // likewise, all listeners
	inherited    []inherited        // for Listen, which comes before anything else
	accepting    []netip.AddrPort   // addresses of TCP listeners
	acceptingTLS []netip.AddrPort
	servers      map[string]*ServerTx
	clients      map[string]*clientTx
}

type closer interface{ Close() error }

// Stats counts since the start, and what there is now.
type Stats struct {
	Received uint64 // messages
	Refused  uint64 // requests answered by the gate
	Dropped  uint64 // messages that got no answer, because they were broken or nobody waited for them
	Panics   uint64 // messages whose handling failed and was given up
	Flooded  uint64 // datagrams that were dropped unread, because their source sends too many
	Thrifty  uint64 // answers not sent to sources that have proven nothing, because they would have been too much

	Connections  int // TCP and TLS, open now
	Transactions int // server and client, alive now
}

type counts struct{ received, refused, dropped, flooded, thrifty atomic.Uint64 }

// muteSipgo keeps sipgo's package-wide logger quiet: it would write raw datagrams.
var muteSipgo = sync.OnceFunc(func() { sipgo.SetDefaultLogger(quiet) })

// New makes a Wire that listens nowhere yet.
func New(cfg Config) *Wire {
	muteSipgo()
	log := cfg.Log
	if log == nil {
		log = slog.Default()
	}
	lost := cfg.Closed
	if lost == nil {
		lost = func(sipgo.Connection) {}
	}
	w := &Wire{
		sink:      cfg.Sink,
		lost:      lost,
		certify:   cfg.Certify,
		software:  cfg.Software,
		flood:     newFloodgate(cfg.Rate),
		gate:      gate{methods: slices.Clone(cfg.Methods), software: cfg.Software, tags: newTagger()},
		log:       log,
		faults:    fault.NewLog(log),
		sparse:    sparingLog{log: log},
		buffers:   sync.Pool{New: func() any { return new(bytes.Buffer) }},
		done:      make(chan struct{}),
		open:      make(map[closer]bool),
		perSource: make(map[netip.Addr]int),
		opened:    make(map[way]*tcpConn),
		servers:   make(map[string]*ServerTx),
		clients:   make(map[string]*clientTx),
	}
	if cfg.Paused {
		over := make(chan struct{})
		w.paused.Store(&over)
	}
	return w
}

// Close closes all sockets, ends all transactions and waits for the goroutines. It must not be called by a Sink or by
// a function given to Do.
func (w *Wire) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.done)
	}
	var sockets []closer
	for c := range w.open {
		sockets = append(sockets, c)
	}
	var servers []*ServerTx
	for _, t := range w.servers {
		servers = append(servers, t)
	}
	var clients []*clientTx
	for _, c := range w.clients {
		clients = append(clients, c)
	}
	w.mu.Unlock()
	for _, c := range sockets {
		_ = c.Close() // what an open socket says when it goes does not matter any more
	}
	for _, t := range servers {
		t.Terminate()
	}
	for _, c := range clients {
		c.tx.Terminate()
	}
	w.running.Wait()
}

func (w *Wire) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// Stats may be called at any time.
func (w *Wire) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Stats{
		Received:     w.counts.received.Load(),
		Refused:      w.counts.refused.Load(),
		Dropped:      w.counts.dropped.Load(),
		Panics:       w.faults.Count(),
		Flooded:      w.counts.flooded.Load(),
		Thrifty:      w.counts.thrifty.Load(),
		Transactions: len(w.servers) + len(w.clients),
	}
	for _, n := range w.perSource {
		s.Connections += n
	}
	s.Connections += len(w.opened)
	return s
}

// Write sends msg to peer without a transaction: an ACK, or a 2xx again. A request without a Via gets one. Over TCP it
// may block for writeWithin if the peer does not read.
func (w *Wire) Write(msg sipgo.Message, peer Peer) error {
	if req, ok := msg.(*sipgo.Request); ok {
		w.prepare(req, peer)
	}
	return peer.Conn.WriteMsg(msg)
}

// take handles one message that came from peer; the caller survives its panics. answer sends octets back to it.
func (w *Wire) take(m *message, peer Peer, answer func([]byte) error) {
	w.counts.received.Add(1)
	if m.response {
		w.response(m, peer)
		return
	}
	req, rejection := w.gate.request(m)
	if rejection != nil {
		w.refuse(m, rejection, peer, answer)
		return
	}
	req.SetTransport(peer.Transport)
	req.SetSource(peer.Remote.String())
	stamp(req.Via(), peer.Remote)
	switch req.Method {
	case sipgo.ACK:
		w.ack(req)
	case sipgo.CANCEL:
		w.cancel(req, peer)
	default:
		w.request(req, peer, m.size)
	}
}

// survive, deferred around the handling of one message, gives up that message and nothing else.
func (w *Wire) survive(peer Peer) {
	if p := recover(); p != nil {
		w.panicked(p, peer)
	}
}

func (w *Wire) panicked(p any, peer Peer) {
	w.faults.Add(w.log.With("from", peer.Remote), "a SIP message was given up", printable(fmt.Sprint(p)))
}

func (w *Wire) refuse(m *message, r *Rejection, peer Peer, answer func([]byte) error) {
	about := []any{"from", peer.Remote, "transport", peer.Transport, "method", printable(m.method), "status", r.Status,
		"reason", r.Reason}
	data := w.gate.refusal(m, r, peer.Remote)
	if data == nil || peer.Transport == "UDP" && len(data) > maxAmplification*m.size {
		w.counts.dropped.Add(1)
		w.sparse.info("SIP message dropped", about...)
		return
	}
	w.counts.refused.Add(1)
	w.sparse.info("SIP request refused", about...)
	if err := answer(data); err != nil {
		w.sparse.info("SIP answer not sent", "to", peer.Remote, "error", err)
	}
}

// request finds the transaction of a request of so many octets, or begins one.
func (w *Wire) request(req *sipgo.Request, peer Peer, size int) {
	key := serverKey(req, req.Method)
	w.mu.Lock()
	t, known := w.servers[key]
	if !known && !w.closed {
		t = newServerTx(key, req, peer, size, w)
		w.servers[key] = t
	}
	w.mu.Unlock()
	switch {
	case known:
		t.repeat(req, size)
	case t != nil:
		w.deliver(req, t)
	}
}

// deliver hands a new request to the sink. If that panics the caller hears 500.
func (w *Wire) deliver(req *sipgo.Request, t *ServerTx) {
	defer func() {
		if p := recover(); p != nil {
			w.panicked(p, t.peer)
			_ = t.Reply(500, "") // unless it was answered before
		}
	}()
	w.sink.Request(req, t)
}

// forget removes a transaction that ended.
func (w *Wire) forget(key string) {
	w.mu.Lock()
	delete(w.servers, key)
	w.mu.Unlock()
}

// invite finds the transaction of the INVITE that an ACK or CANCEL belongs to.
func (w *Wire) invite(req *sipgo.Request) *ServerTx {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.servers[serverKey(req, sipgo.INVITE)]
}

// ack passes on the ACK of a 2xx. Those to other responses belong to their transaction, those to refusals of the gate to
// nobody; what matches nothing goes to the sink, which knows whether a call waits for it.
func (w *Wire) ack(req *sipgo.Request) {
	if t := w.invite(req); t != nil && t.takesAck(req) {
		return
	}
	if tag, _ := req.To().Params.Get("tag"); tag == w.statelessTag(req) {
		return
	}
	w.sink.Request(req, nil)
}

// cancel answers a CANCEL (RFC 3261 9.2), with the To tag that the INVITE has or will get.
func (w *Wire) cancel(req *sipgo.Request, peer Peer) {
	t := w.invite(req)
	status, tag := 481, w.statelessTag(req)
	if t != nil {
		status, tag = 200, t.tag
	}
	res := newResponse(req, status, "")
	if !req.To().Params.Has("tag") {
		res.To().Params.Add("tag", tag)
	}
	addSoftware(res, "Server", w.software)
	if err := peer.Conn.WriteMsg(res); err != nil {
		w.sparse.info("SIP answer not sent", "to", peer.Remote, "error", err)
	}
	if t != nil && t.cancel() {
		w.sink.Cancel(t, req)
	}
}

// addSoftware says in the header of this name what software sends a message, if that is to be said at all.
func addSoftware(msg sipgo.Message, header, software string) {
	if software != "" && len(msg.GetHeaders(header)) == 0 {
		msg.AppendHeader(sipgo.NewHeader(header, software))
	}
}

// statelessTag is the tag of answers to this request that are not from a transaction.
func (w *Wire) statelessTag(req *sipgo.Request) string {
	return w.gate.tags.tag(req.CallID().Value(), strconv.Itoa(int(req.CSeq().SeqNo)))
}

// response queues a response for the transaction that waits for it; others are dropped.
func (w *Wire) response(m *message, peer Peer) {
	res := w.gate.response(m)
	if res == nil {
		w.counts.dropped.Add(1)
		w.sparse.info("SIP response dropped", "from", peer.Remote, "transport", peer.Transport)
		return
	}
	res.SetTransport(peer.Transport)
	res.SetSource(peer.Remote.String())
	key, err := sipgo.ClientTxKeyMake(res)
	w.mu.Lock()
	c := w.clients[key]
	w.mu.Unlock()
	if err != nil || c == nil {
		w.counts.dropped.Add(1)
		return
	}
	select {
	case c.queue <- res:
	default: // it will be retransmitted
		w.counts.dropped.Add(1)
	}
}

// buffer lends a buffer for a message to be sent; the caller puts it back.
func (w *Wire) buffer(msg sipgo.Message) *bytes.Buffer {
	b := w.buffers.Get().(*bytes.Buffer)
	b.Reset()
	msg.StringWrite(b)
	return b
}
