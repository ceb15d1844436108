package sip

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/icholy/digest"

	sipgo "github.com/emiago/sipgo/sip"
)

// credentials are what we prove to a trunk's peer who we are with. The zero value proves nothing.
type credentials struct{ user, password string }

var (
	errNoCredentials = errors.New("the far end wants a user and password, and there are none for it")
	errChallenge     = errors.New("the far end wants an authentication that is not known here")
)

// answerChallenge adds to req what the 401 or 407 res asks for (RFC 3261 22.2, RFC 8760): of several challenges the
// first one that can be answered is, as their order is the far end's preference. What req had of an earlier challenge is
// replaced. Its CSeq and branch are left to the caller, who has to take new ones. The error is errNoCredentials or
// errChallenge.
func answerChallenge(req *sipgo.Request, res *sipgo.Response, c credentials) error {
	asks, answers := "WWW-Authenticate", "Authorization"
	if res.StatusCode == sipgo.StatusProxyAuthRequired {
		asks, answers = "Proxy-Authenticate", "Proxy-Authorization"
	}
	if c.user == "" {
		return errNoCredentials
	}
	challenge := challengeOf(res, asks)
	if challenge == nil {
		return errChallenge
	}
	answer, err := digest.Digest(challenge, digest.Options{
		Method:   req.Method.String(),
		URI:      req.Recipient.String(),
		GetBody:  func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body())), nil },
		Username: c.user,
		Password: c.password,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errChallenge, err)
	}
	for req.RemoveHeader(answers) {
	}
	req.AppendHeader(sipgo.NewHeader(answers, answer.String()))
	return nil
}

// challengeOf is the first challenge of a response that can be answered, nil without one.
func challengeOf(res *sipgo.Response, header string) *digest.Challenge {
	for _, h := range res.GetHeaders(header) {
		challenge, err := digest.ParseChallenge(h.Value())
		if err == nil && challenge.Nonce != "" && digest.CanDigest(challenge) {
			return challenge
		}
	}
	return nil
}

// isStale tells that a response refuses only the nonce: another try with the same password may succeed.
func isStale(res *sipgo.Response) bool {
	for _, header := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
		if challenge := challengeOf(res, header); challenge != nil {
			return challenge.Stale
		}
	}
	return false
}
