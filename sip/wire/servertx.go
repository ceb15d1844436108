package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// ErrAnswered: the request has had its final response.
var ErrAnswered = errors.New("already answered")

// tryingAfter is how long an INVITE may stay without any response before it gets 100 (RFC 3261 17.2.1).
const tryingAfter = 200 * time.Millisecond

// ServerTx is the transaction of one request that came in: it absorbs and answers retransmissions, repeats a final
// response other than 2xx until its ACK, and lets exactly one final response through. Its methods may be called from
// any goroutine. An INVITE's transaction that was answered 2xx stays for 64*T1 unless it is terminated before.
type ServerTx struct {
	req      *sipgo.Request
	peer     Peer
	tx       *sipgo.ServerTx
	tag      string
	software string // that Server tells
	// thrift bounds what is sent to a source of datagrams that has proven nothing; nil over TCP and TLS.
	thrift *thrift

	mu        sync.Mutex // held while sending, so that what is decided about a response and its sending are one
	answered  bool       // some response was sent
	awaited   bool       // a provisional one was, so that the request is not repeated any more
	final     int        // status of the final response, 0 before
	cancelled bool
	acked     bool
	trying    *time.Timer
}

// newServerTx begins a transaction for a request of so many octets. forget is called once, when it ends.
func newServerTx(key string, req *sipgo.Request, peer Peer, size int, w *Wire) *ServerTx {
	t := &ServerTx{req: req, peer: peer, software: w.software}
	conn := peer.Conn
	if udp, ok := conn.(*udpConn); ok {
		t.thrift = &thrift{udpConn: udp, invite: req.IsInvite(), in: size}
		conn = t.thrift
	}
	t.tx = sipgo.NewServerTx(key, req, conn, quiet)
	if tag, ok := req.To().Params.Get("tag"); ok {
		t.tag = tag
	} else {
		t.tag = sipgo.GenerateTagN(16)
	}
	peer.Conn.Ref(1) // the transaction's end lets go of it
	t.tx.OnTerminate(func(key string, _ error) { w.forget(key) })
	_ = t.tx.Init() // only starts the state machine
	if req.IsInvite() {
		// sipgo's own timer for the 100 can fire while a final response is on its way and then repeats the 100 in its
		// place. Receiving a request stops that timer and, before any response, does nothing else.
		_ = t.tx.Receive(req)
		t.mu.Lock()
		t.trying = time.AfterFunc(tryingAfter, func() {
			defer w.faults.Survive("tell that a SIP request is worked on")
			t.try()
		})
		t.mu.Unlock()
	}
	return t
}

// Request is the request as it came, with received and rport of RFC 3581 in its top Via. It must not be changed.
func (t *ServerTx) Request() *sipgo.Request { return t.req }

// Peer is where the request came from.
func (t *ServerTx) Peer() Peer { return t.peer }

// ToTag is the tag of ours in all responses: the one in the request's To, else one made for this transaction.
func (t *ServerTx) ToTag() string { return t.tag }

// Respond sends res, which must not be changed afterwards. Its To gets the transaction's tag, whatever tag it had: all
// responses to a request carry the same (RFC 3261 8.2.6.2). After a final response it returns ErrAnswered and sends
// nothing, so of two goroutines that answer, one wins. A 2xx to an INVITE is sent once; repeating it is up to the
// caller (Wire.Write). Other errors are those of the transport, and end the transaction.
func (t *ServerTx) Respond(res *sipgo.Response) error {
	if to := res.To(); to != nil && res.StatusCode > 100 {
		to.Params.Add("tag", t.tag)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.final != 0 {
		return fmt.Errorf("answer %s %d after %d: %w", t.req.Method, res.StatusCode, t.final, ErrAnswered)
	}
	return t.send(res)
}

// send is Respond with the lock held.
func (t *ServerTx) send(res *sipgo.Response) error {
	t.answered = true
	addSoftware(res, "Server", t.software)
	if res.StatusCode < 200 {
		t.awaited = true
	} else {
		t.final = res.StatusCode
	}
	if t.trying != nil {
		t.trying.Stop()
	}
	if err := t.tx.Respond(res); err != nil {
		// sipgo keeps an accepted INVITE whose 2xx could not be sent for ever.
		t.tx.Terminate()
		return fmt.Errorf("answer %s with %d: %w", t.req.Method, res.StatusCode, err)
	}
	return nil
}

// Reply makes a response without a body out of the request and sends it. An empty reason becomes the usual one.
func (t *ServerTx) Reply(code int, reason string, headers ...sipgo.Header) error {
	res := newResponse(t.req, code, reason)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	return t.Respond(res)
}

// Terminate ends the transaction and frees what it holds: retransmissions of its request would then count as new. It
// is for calls that are over, and for requests that are never answered.
func (t *ServerTx) Terminate() {
	t.mu.Lock()
	if t.trying != nil {
		t.trying.Stop()
	}
	t.mu.Unlock()
	t.tx.Terminate()
}

// Dismiss ends the transaction of a request that has been refused, where nothing need be kept of it: its source has proven
// nothing, and repeats it until a refusal comes.
func (t *ServerTx) Dismiss() {
	t.mu.Lock()
	repeated := t.final >= 300 && !t.awaited || !t.req.IsInvite()
	t.mu.Unlock()
	if repeated && !t.Trusted() {
		t.Terminate()
	}
}

// try sends 100 if the application has been slow.
func (t *ServerTx) try() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.answered {
		_ = t.send(newResponse(t.req, 100, ""))
	}
}

// repeat takes a retransmission of the request, of so many octets.
func (t *ServerTx) repeat(req *sipgo.Request, size int) {
	if t.thrift != nil {
		t.thrift.received(size)
	}
	_ = t.tx.Receive(req)
}

// cancel reports whether a CANCEL has any effect: once, and only before the final response (RFC 3261 9.2).
func (t *ServerTx) cancel() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.final != 0 || t.cancelled {
		return false
	}
	t.cancelled = true
	return true
}

// takesAck reports whether an ACK that matches this transaction is the transaction's own business. With a 2xx it is the
// call's: then it only matches because an RFC 2543 client sent it, or one that reuses the branch.
func (t *ServerTx) takesAck(ack *sipgo.Request) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if 200 <= t.final && t.final < 300 {
		return false
	}
	if t.final != 0 && !t.acked {
		t.acked = true
		if t.tx.Receive(ack) == nil {
			// sipgo offers the ACK to a reader from a goroutine of its own; taking it here lets that goroutine end.
			select {
			case <-t.tx.Acks():
			case <-t.tx.Done():
			}
		}
	}
	return true
}

// newResponse builds a response without a body; an empty reason becomes the usual one.
func newResponse(req *sipgo.Request, code int, reason string) *sipgo.Response {
	if reason == "" {
		reason = Phrase(code)
	}
	return sipgo.NewResponseFromRequest(req, code, reason, nil)
}

// Phrase is the usual one of a status (RFC 3261 21); empty for one that there is not.
func Phrase(status int) string {
	if phrase, ok := reasons[status]; ok {
		return phrase
	}
	return http.StatusText(status)
}

// reasons are the phrases of RFC 3261 21 that HTTP does not have or words differently.
var reasons = map[int]string{
	100: "Trying",
	180: "Ringing",
	183: "Session Progress",
	408: "Request Timeout",
	413: "Request Entity Too Large",
	420: "Bad Extension",
	422: "Session Interval Too Small",
	480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist",
	482: "Loop Detected",
	486: "Busy Here",
	487: "Request Terminated",
	488: "Not Acceptable Here",
	491: "Request Pending",
	500: "Server Internal Error",
	513: "Message Too Large",
	603: "Decline",
}

// serverKey is what retransmissions, ACK and CANCEL have in common with the request; method is that of the request,
// INVITE for ACK and CANCEL. RFC 3261 17.2.3 goes by branch, sent-by and method, and by what follows here only for
// requests without a proper branch. Always taking all of it keeps requests apart whose senders reuse branches or, as
// RFC 2543 allowed, send none, nor a From tag.
func serverKey(req *sipgo.Request, method sipgo.RequestMethod) string {
	via := req.Via()
	branch, _ := via.Params.Get("branch")
	tag, _ := req.From().Params.Get("tag")
	return strings.Join([]string{branch, strings.ToLower(via.Host), strconv.Itoa(via.Port), string(method),
		req.Recipient.String(), req.CallID().Value(), tag, strconv.Itoa(int(req.CSeq().SeqNo))}, "\n")
}
