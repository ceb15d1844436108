package phone

import (
	"context"
	"fmt"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// The timers of RFC 3261 17.1.1.1.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

func transactionKey(branch string, method sipgo.RequestMethod) string {
	return branch + " " + string(method)
}

// transact sends req to server, again and again over UDP, and returns its
// final response of whatever code. Provisional responses are handed to early,
// if that is not nil. A final response to an INVITE other than 2xx is
// acknowledged (RFC 3261 17.1.1.3); a 2xx is left to the caller.
func (p *Phone) transact(ctx context.Context, req *sipgo.Request, server string, early func(*sipgo.Response)) (*sipgo.Response, error) {
	branch, _ := req.Via().Params.Get("branch")
	key := transactionKey(branch, req.Method)
	responses := make(chan *sipgo.Response, 32)
	p.mu.Lock()
	p.waiting[key] = responses
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, key)
		p.mu.Unlock()
	}()

	message := outgoing{server: server, bytes: []byte(req.String())}
	if err := p.send(message); err != nil {
		return nil, err
	}
	pause := t1
	again := time.NewTimer(pause)
	defer again.Stop()
	if p.transport != "udp" {
		again.Stop()
	}
	giveUp := time.NewTimer(64 * t1)
	defer giveUp.Stop()
	for {
		select {
		case res := <-responses:
			if res.StatusCode < 200 {
				if req.Method == sipgo.INVITE {
					again.Stop()
					giveUp.Stop()
				}
				if early != nil {
					early(res)
				}
				continue
			}
			if req.Method == sipgo.INVITE && res.StatusCode >= 300 {
				p.acknowledge(branch, outgoing{server: server, bytes: []byte(refusalACK(req, res).String())})
			}
			return res, nil
		case <-again.C:
			if err := p.send(message); err != nil {
				return nil, err
			}
			pause *= 2
			if req.Method != sipgo.INVITE {
				pause = min(pause, t2)
			}
			again.Reset(pause)
		case <-giveUp.C:
			return nil, fmt.Errorf("no response to %s within %v", req.Method, 64*t1)
		case <-ctx.Done():
			return nil, fmt.Errorf("no final response to %s: %w", req.Method, ctx.Err())
		case <-p.closing:
			return nil, ErrClosed
		}
	}
}

// acknowledge sends the ACK for the INVITE of branch, now and with every
// repetition of its final response.
func (p *Phone) acknowledge(branch string, ack outgoing) error {
	p.mu.Lock()
	p.acks[branch] = &ack
	p.mu.Unlock()
	return p.repeatACK(&ack)
}

func (p *Phone) repeatACK(ack *outgoing) error {
	p.mu.Lock()
	lost := ack.lose > 0
	if lost {
		ack.lose--
	}
	p.mu.Unlock()
	if lost {
		return nil
	}
	return p.send(*ack)
}

// refusalACK is the ACK within the transaction (RFC 3261 17.1.1.3).
func refusalACK(invite *sipgo.Request, res *sipgo.Response) *sipgo.Request {
	ack := sameTransaction(invite, sipgo.ACK)
	ack.ReplaceHeader(sipgo.HeaderClone(res.To()))
	return ack
}

// sameTransaction is a request with the branch, From, To, Call-ID, number and route of invite.
func sameTransaction(invite *sipgo.Request, method sipgo.RequestMethod) *sipgo.Request {
	req := sipgo.NewRequest(method, invite.Recipient)
	for _, name := range []string{"Via", "Route", "Max-Forwards", "From", "To", "Call-ID"} {
		sipgo.CopyHeaders(name, invite, req)
	}
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: method})
	req.SetBody(nil)
	return req
}

// receive takes each message from the network, in order.
func (p *Phone) receive(msg sipgo.Message, from string) {
	switch m := msg.(type) {
	case *sipgo.Response:
		if m.Via() == nil || m.CSeq() == nil {
			return
		}
		branch, _ := m.Via().Params.Get("branch")
		method := m.CSeq().MethodName
		p.mu.Lock()
		responses := p.waiting[transactionKey(branch, method)]
		ack := p.acks[branch]
		p.mu.Unlock()
		if ack != nil && method == sipgo.INVITE && m.StatusCode >= 200 {
			p.repeatACK(ack) // an error shows when the response comes again
			return
		}
		select {
		case responses <- m:
		default: // nobody asked, or a flood of provisionals
		}
	case *sipgo.Request:
		p.serve(m, from)
	}
}
