package phone

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Registration is what a phone registers; the zero value with a user and a password is
// one contact, its own address, for an hour.
type Registration struct {
	User, Password string
	// Expires is how long it shall last, in whole seconds; 0: an hour; negative: it ends.
	Expires time.Duration
	// Domain is the name of the server in To, whatever its address is; empty: that address.
	Domain string
	// Contacts are header values; empty: the phone's own address.
	Contacts []string
	// Algorithm answers the challenge of this one; empty: the first that is offered.
	Algorithm string
	// Headers are added to the request.
	Headers []sipgo.Header
	// CallID and Number are those of the first REGISTER; empty and 0: new ones. The one
	// that answers the challenge has the next number.
	CallID string
	Number uint32
}

// Register sends a REGISTER to server, answers its challenge, and returns the final
// response. One other than 2xx is returned as *Refused, together with the response itself.
func (p *Phone) Register(ctx context.Context, server string, r Registration) (*sipgo.Response, error) {
	via, err := p.sentBy(server)
	if err != nil {
		return nil, fmt.Errorf("register at %s: %w", server, err)
	}
	d := newDialog(p.transport, via, server, r.User, r.User)
	own := d.contact()
	if r.Domain != "" {
		d.to.Address.Host, d.to.Address.Port = r.Domain, 0
	}
	d.target.User = ""
	if r.CallID != "" {
		d.callID = sipgo.CallIDHeader(r.CallID)
	}
	if r.Number > 0 {
		d.number = r.Number - 1
	}
	build := func() *sipgo.Request {
		req := d.request(sipgo.REGISTER)
		req.RemoveHeader("Contact")
		if len(r.Contacts) == 0 {
			req.AppendHeader(own)
		}
		for _, contact := range r.Contacts {
			req.AppendHeader(sipgo.NewHeader("Contact", contact))
		}
		lasts := r.Expires
		if lasts == 0 {
			lasts = time.Hour
		}
		req.AppendHeader(sipgo.NewHeader("Expires", strconv.Itoa(int(max(lasts, 0)/time.Second))))
		for _, h := range r.Headers {
			req.AppendHeader(h)
		}
		return req
	}
	res, err := p.transact(ctx, build(), server, nil)
	if err == nil && res.StatusCode == 401 {
		again := build()
		if err = authorize(again, res, r.User, r.Password, r.Algorithm); err == nil {
			res, err = p.transact(ctx, again, server, nil)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("register at %s: %w", server, err)
	}
	if res.StatusCode >= 300 {
		return res, &Refused{sipgo.REGISTER, res}
	}
	return res, nil
}

// authorize answers the challenge of res in req, as user with password and by an
// algorithm of it; empty: the first that is offered. The count of the nonce is 1.
func authorize(req *sipgo.Request, res *sipgo.Response, user, password, algorithm string) error {
	for _, h := range res.GetHeaders("WWW-Authenticate") {
		offer := challengeParams(h.Value())
		if algorithm != "" && !strings.EqualFold(offer["algorithm"], algorithm) {
			continue
		}
		req.AppendHeader(sipgo.NewHeader("Authorization", Credentials{
			User: user, Password: password, Realm: offer["realm"], Nonce: offer["nonce"], Algorithm: offer["algorithm"],
			Method: string(req.Method), URI: req.Recipient.String(), Count: 1,
		}.String()))
		return nil
	}
	return errors.New("the challenge does not offer " + algorithm)
}

// Credentials is an answer to a challenge (RFC 7616 3.4).
type Credentials struct {
	User, Password string
	Realm, Nonce   string
	Algorithm      string // "MD5" or "SHA-256"
	Method, URI    string
	Count          int
	Cnonce         string // empty: a random one
	WithoutQOP     bool   // no qop, nc and cnonce, as RFC 2069 had it
}

// String is the value of an Authorization header.
func (c Credentials) String() string {
	hash := func(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }
	if c.Algorithm == "SHA-256" {
		hash = func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	}
	if c.Cnonce == "" {
		c.Cnonce = rand.Text()
	}
	a1 := hash(c.User + ":" + c.Realm + ":" + c.Password)
	a2 := hash(c.Method + ":" + c.URI)
	text := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s`,
		c.User, c.Realm, c.Nonce, c.URI, c.Algorithm)
	if c.WithoutQOP {
		return text + fmt.Sprintf(`, response="%s"`, hash(a1+":"+c.Nonce+":"+a2))
	}
	response := hash(fmt.Sprintf("%s:%s:%08x:%s:auth:%s", a1, c.Nonce, c.Count, c.Cnonce, a2))
	return text + fmt.Sprintf(`, qop=auth, nc=%08x, cnonce="%s", response="%s"`, c.Count, c.Cnonce, response)
}

var challengeParam = regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^\s,]+))`)

// challengeParams are the parameters of a WWW-Authenticate header.
func challengeParams(value string) map[string]string {
	params := make(map[string]string)
	for _, m := range challengeParam.FindAllStringSubmatch(value, -1) {
		params[m[1]] = m[2] + m[3]
	}
	return params
}
