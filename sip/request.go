package sip

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/sip/wire"
)

// methods are those that are served, as Allow tells them.
var methods = []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "SUBSCRIBE", "REGISTER"}

// Request implements wire.Sink. It finds the call that a request belongs to.
func (s *Server) Request(req *sipgo.Request, tx *wire.ServerTx) {
	defer s.survive(tx)
	id := dialogOf(req)
	var err error
	switch call := s.calls.find(id); {
	case call != nil:
		if tx != nil {
			tx.Trust() // its source has had the tag of ours
		}
		err = call.mail.offer(request{req, tx})
	case s.subscriptions.find(id) != nil && req.Method == sipgo.SUBSCRIBE:
		err = s.subscriptions.find(id).mail.offer(request{req, tx})
	case id.Local == "":
		err = s.outside(req, tx)
	default:
		err = errNoDialog
	}
	if err != nil && tx != nil { // an ACK is never answered
		s.refuse(tx, err)
	}
}

// outside serves requests outside of dialogs.
func (s *Server) outside(req *sipgo.Request, tx *wire.ServerTx) error {
	switch req.Method {
	case sipgo.INVITE:
		if s.full != nil && s.full() && req.GetHeader("Replaces") == nil { // which adds no call in the end
			return errFull
		}
		call := newCall(s, req, tx)
		if err := s.calls.add(call); err != nil {
			return err
		}
		call.mail.post(request{req, tx})
		go call.run(tx.Peer())
		return nil
	case sipgo.OPTIONS:
		return s.options(req, tx)
	case sipgo.REGISTER:
		return s.register(req, tx)
	case sipgo.SUBSCRIBE:
		return s.subscribe(req, tx)
	case sipgo.REFER:
		return s.referRoom(req, tx)
	}
	return errNoDialog
}

// options tells what an INVITE would meet (RFC 3261 11.2): 200 or why not. Without a user part
// the question is about the server.
func (s *Server) options(req *sipgo.Request, tx *wire.ServerTx) error {
	if s.calls.refuses() {
		return errShutdown
	}
	if s.full != nil && s.full() {
		return errFull
	}
	if req.Recipient.User != "" {
		from, err := s.identify(req, tx)
		if err != nil {
			return err
		}
		_, err = s.route(req, from)
		if errors.Is(err, errNoRoom) {
			_, err = s.decoy(req, from)
		}
		if err != nil {
			return err
		}
	}
	if r := wire.Unacceptable(req, extensions); r != nil {
		return rejected{r}
	}
	defer tx.Dismiss()
	return tx.Reply(sipgo.StatusOK, "OK", capabilities()...)
}

// Cancel implements wire.Sink. A call looks whether it was cancelled just before it sends its
// final response, so that a CANCEL that overtakes the work on its INVITE still counts.
func (s *Server) Cancel(invite *wire.ServerTx, cancel *sipgo.Request) {
	defer s.survive(nil)
	if call := s.calls.born(birthOf(invite.Request())); call != nil {
		call.cancelled.Store(true)
		call.mail.post(gaveUp{causesIn(cancel)})
	}
}

// refuse answers a request with what err stands for.
func (s *Server) refuse(tx *wire.ServerTx, err error) {
	r := rejection(err)
	req := tx.Request()
	level := slog.LevelDebug
	var asks *challenge
	var outside *outsideError
	asked := errors.As(err, &asks)
	switch {
	case asked:
	case errors.As(err, &outside):
		level = slog.LevelWarn
	case errors.Is(err, media.ErrPortsExhausted), errors.Is(err, errFull):
		level = slog.LevelWarn
	case req.Method == sipgo.INVITE:
		level = slog.LevelInfo
	}
	if number := clean(unescape(req.Recipient.User)); !s.reportOutside(tx.Peer(), number, err) {
		s.log.Log(context.Background(), level, "request refused", "method", req.Method.String(), "status", r.Status,
			"reason", err, "number", number, "address", tx.Peer().Remote)
	}
	if err := tx.Reply(r.Status, r.Reason, r.Headers...); err != nil && !errors.Is(err, wire.ErrAnswered) {
		s.log.Debug("response not sent", "error", err)
	}
	switch {
	case req.Method == sipgo.INVITE:
	case asked:
		tx.Terminate() // nothing is kept of who has proven nothing
	default:
		tx.Dismiss()
	}
}

// reportOutside has the log say so where a phone wanted a call outside beyond its right or its caps.
func (s *Server) reportOutside(peer wire.Peer, number string, err error) bool {
	var outside *outsideError
	if !errors.As(err, &outside) || outside.from.phone == "" {
		return false
	}
	s.digests.reportOutside(peer, outside.from.phone, number, err.Error())
	return true
}

// survive keeps a fault in the work on one message from ending the process. Its transaction, if
// there is one, must not stay without an answer.
func (s *Server) survive(tx *wire.ServerTx) {
	if fault := recover(); fault != nil {
		s.fault(s.log, fault)
		if tx != nil {
			_ = tx.Reply(sipgo.StatusInternalServerError, "")
		}
	}
}

func (s *Server) fault(log *slog.Logger, fault any) { s.faults.Add(log, "internal fault", fault) }

// capabilities are the headers that tell what this server takes (RFC 3261 11.2, 20.1, 20.5,
// 20.37).
func capabilities() []sipgo.Header {
	return []sipgo.Header{
		sipgo.NewHeader("Allow", strings.Join(methods, ", ")),
		sipgo.NewHeader("Accept", "application/sdp, "+infoTypes),
		sipgo.NewHeader("Supported", strings.Join(extensions, ", ")),
		sipgo.NewHeader("Allow-Events", allowedEvents),
	}
}
