package phone

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Interest is what a phone subscribes to (RFC 6665).
type Interest struct {
	User, Password string // of the phone; without a password challenges are not answered
	// Method that begins the subscription; empty: SUBSCRIBE. A REFER has neither Event nor Expires.
	Method sipgo.RequestMethod
	Event  string // header
	Accept string // header; empty: none
	// Expires is how long it shall last, in whole seconds; 0: an hour; negative: 0.
	Expires time.Duration
	Headers []sipgo.Header
	// Answer is the status that the NOTIFY with this place among them gets, from 0; 0: 200, NoAnswer: none. nil: all get 200.
	Answer func(place int) int
}

// Subscription is one of the phone's. Its methods may be used by several goroutines.
type Subscription struct {
	phone    *Phone
	server   string
	interest Interest
	dialog   *dialog // of the goroutine that sends

	mu      sync.Mutex
	notices []*sipgo.Request
	seen    map[string]bool // branches
}

// Subscribe subscribes to number at server, and returns the final response. One other than 2xx is returned as *Refused,
// together with the response itself.
func (p *Phone) Subscribe(ctx context.Context, server, number string, i Interest) (*Subscription, *sipgo.Response, error) {
	via, err := p.sentBy(server)
	if err != nil {
		return nil, nil, fmt.Errorf("subscribe to %s: %w", number, err)
	}
	s := &Subscription{phone: p, server: server, interest: i, dialog: newDialog(p.transport, via, server, number, i.User),
		seen: make(map[string]bool)}
	p.mu.Lock()
	p.watches[s.dialog.key()] = s
	p.mu.Unlock()
	res, err := s.Refresh(ctx, i.Expires)
	if err != nil {
		return nil, res, err
	}
	return s, res, nil
}

// Refresh sends a SUBSCRIBE in the dialog, for as long as Interest.Expires has it, and answers its challenge.
func (s *Subscription) Refresh(ctx context.Context, lasts time.Duration) (*sipgo.Response, error) {
	method := s.interest.Method
	if method == "" {
		method = sipgo.SUBSCRIBE
	}
	build := func() *sipgo.Request {
		req := s.dialog.request(method)
		if method == sipgo.SUBSCRIBE {
			if lasts == 0 {
				lasts = time.Hour
			}
			req.AppendHeader(sipgo.NewHeader("Event", s.interest.Event))
			req.AppendHeader(sipgo.NewHeader("Expires", strconv.Itoa(int(max(lasts, 0)/time.Second))))
		}
		if s.interest.Accept != "" {
			req.AppendHeader(sipgo.NewHeader("Accept", s.interest.Accept))
		}
		for _, h := range s.interest.Headers {
			req.AppendHeader(h)
		}
		return req
	}
	res, err := s.phone.transact(ctx, build(), s.server, nil)
	if err == nil && res.StatusCode == 401 && s.interest.Password != "" {
		again := build()
		if err = authorize(again, res, s.interest.User, s.interest.Password, ""); err == nil {
			res, err = s.phone.transact(ctx, again, s.server, nil)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", method, err)
	case res.StatusCode >= 300:
		return res, &Refused{method, res}
	}
	s.dialog.confirm(res)
	return res, nil
}

// As has the next SUBSCRIBEs be answered for as another user. It is of the same dialog.
func (s *Subscription) As(user, password string) {
	s.interest.User, s.interest.Password = user, password
	s.dialog.from.Address.User = user
}

// Forget has the phone know nothing of the subscription any more: NOTIFYs get 481.
func (s *Subscription) Forget() {
	s.phone.mu.Lock()
	defer s.phone.mu.Unlock()
	delete(s.phone.watches, s.dialog.key())
}

// Notices are the NOTIFYs so far, without repetitions.
func (s *Subscription) Notices() []*sipgo.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notices)
}

// notified takes a NOTIFY.
func (s *Subscription) notified(req *sipgo.Request) *sipgo.Response {
	branch, _ := req.Via().Params.Get("branch")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.seen[branch] {
		s.seen[branch] = true
		s.notices = append(s.notices, req)
	}
	status := 0
	if s.interest.Answer != nil {
		status = s.interest.Answer(len(s.notices) - 1)
	}
	switch status {
	case NoAnswer:
		return nil
	case 0:
		return sipgo.NewResponseFromRequest(req, 200, "OK", nil)
	}
	return sipgo.NewResponseFromRequest(req, status, "No", nil)
}
