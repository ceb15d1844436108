package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
)

// ask sends a request outside of calls and waits for its final response, for as long as one address is waited for.
func (t *trunk) ask(ctx context.Context, req *sipgo.Request, peer wire.Peer) (*sipgo.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.times.Try, wire.ErrTimeout)
	defer cancel()
	type answer struct {
		res *sipgo.Response
		err error
	}
	answers := make(chan answer, 1)
	err := t.server.wire.Do(req, peer, func(res *sipgo.Response, err error) {
		if err == nil && res.IsProvisional() {
			return
		}
		select {
		case answers <- answer{res, err}:
		default:
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case a := <-answers:
		return a.res, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-t.server.forced:
		return nil, wire.ErrClosed
	}
}

// request is one outside of calls; seq is its CSeq.
func (t *trunk) request(method sipgo.RequestMethod, peer wire.Peer, seq uint32) *sipgo.Request {
	us := t.us(peer)
	to := us
	if method != sipgo.REGISTER {
		to = t.uri("")
	}
	req := sipgo.NewRequest(method, t.uri(""))
	callID := sipgo.CallIDHeader(t.tag + "-" + strings.ToLower(method.String()))
	req.AppendHeader(&sipgo.FromHeader{Address: us, Params: tagged(t.tag)})
	req.AppendHeader(&sipgo.ToHeader{Address: to})
	req.AppendHeader(&callID)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(&sipgo.ContactHeader{Address: t.contactURI(peer)})
	return req
}

func (t *trunk) sendOptions(ctx context.Context, address netip.AddrPort) (*sipgo.Response, error) {
	peer, err := t.connect(ctx, address)
	if err != nil {
		return nil, err
	}
	req := t.request(sipgo.OPTIONS, peer, 1)
	callID := sipgo.CallIDHeader(sipgo.GenerateTagN(16)) // each is a question of its own
	req.ReplaceHeader(&callID)
	req.AppendHeader(sipgo.NewHeader("Accept", "application/sdp"))
	return t.ask(ctx, req, peer)
}

func (t *trunk) sendRegister(ctx context.Context, to netip.AddrPort, a attempt) (*sipgo.Response, error) {
	peer, err := t.connect(ctx, to)
	if err != nil {
		return nil, errors.New(reasonOf(err))
	}
	req := t.request(sipgo.REGISTER, peer, a.seq)
	req.AppendHeader(sipgo.NewHeader("Expires", fmt.Sprint(int(a.expires/time.Second))))
	req.AppendHeader(sipgo.NewHeader("Allow", strings.Join(methods, ", ")))
	if a.challenge != nil {
		if err := answerChallenge(req, a.challenge, t.secret); err != nil {
			return nil, &refusedError{why: err.Error()}
		}
	}
	res, err := t.ask(ctx, req, peer)
	if err != nil {
		return nil, errors.New(reasonOf(err))
	}
	keepContact(res, t.contactURI(peer))
	return res, nil
}

// keepContact drops all contacts but ours from the answer of a registrar that knows several for the same user.
func keepContact(res *sipgo.Response, ours sipgo.Uri) {
	for _, h := range res.GetHeaders("Contact") {
		c, ok := h.(*sipgo.ContactHeader)
		if ok && c.Address.User == ours.User && c.Address.Host == ours.Host && c.Address.Port == ours.Port {
			for res.RemoveHeader("Contact") {
			}
			res.AppendHeader(c)
			return
		}
	}
}

// uri is one at the peer's host: of the host itself without a user.
func (t *trunk) uri(user string) sipgo.Uri {
	uri := sipgo.Uri{Scheme: "sip", User: user, Host: hostText(t.host), Port: int(t.port)}
	if t.transport != "udp" {
		uri.UriParams = sipgo.HeaderParams{{K: "transport", V: t.transport}}
	}
	return uri
}

// us is who we are to the peer: its user where it has given us one (RFC 3261 10.2), else an address of this server.
func (t *trunk) us(peer wire.Peer) sipgo.Uri {
	if t.secret.user != "" {
		return sipgo.Uri{Scheme: "sip", User: t.secret.user, Host: hostText(t.host)}
	}
	return sipgo.Uri{Scheme: "sip", User: "conclave", Host: hostText(t.server.shown(peer.Local.Addr()).String())}
}

// contactURI is where the peer reaches us.
func (t *trunk) contactURI(peer wire.Peer) sipgo.Uri {
	user := t.secret.user
	if user == "" {
		user = "conclave"
	}
	uri := sipgo.Uri{Scheme: "sip", User: user, Host: hostText(t.server.shown(peer.Local.Addr().Unmap()).String()), Port: int(peer.Local.Port())}
	if t.transport != "udp" {
		uri.UriParams = sipgo.HeaderParams{{K: "transport", V: t.transport}}
	}
	return uri
}

// hostText is a host as it stands in a URI.
func hostText(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// reasonOf is an error as an operator reads it beside the address that it is about.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, wire.ErrTimeout):
		return "no answer"
	case errors.Is(err, wire.ErrClosed):
		return "the connection was closed"
	}
	return err.Error()
}
