package sip

import (
	"cmp"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"conclave/sip/wire"
)

// Realm is what the passwords of phones are for (RFC 7616 3.3). It is in all digests that are stored, so that it cannot
// change.
const Realm = "conclave"

// Digests are HA1 of RFC 7616 3.4.2 in hexadecimal: what is stored in place of a password.
type Digests struct{ MD5, SHA256 string }

// DigestsOf computes the digests of a phone's password.
func DigestsOf(extension, password string) Digests {
	a1 := []byte(extension + ":" + Realm + ":" + password)
	short, long := md5.Sum(a1), sha256.Sum256(a1)
	return Digests{MD5: hex.EncodeToString(short[:]), SHA256: hex.EncodeToString(long[:])}
}

// algorithms are those that there are, the better one first (RFC 8760 2.4).
var algorithms = []string{"SHA-256", "MD5"}

// onlyMD5 are the beginnings of the User-Agent of phones that give up where a challenge beside that by MD5 is offered,
// instead of passing over it (RFC 8760 2.4): those on libre before it knew of others.
var onlyMD5 = []string{"baresip v0.", "baresip v1.", "baresip v2."}

// checkAlgorithms refuses what cannot be offered.
func checkAlgorithms(offered []string) error {
	for _, a := range offered {
		if !slices.Contains(algorithms, a) {
			return fmt.Errorf("digest %q: %s are right", a, strings.Join(algorithms, " and "))
		}
	}
	return nil
}

// digests is authentication by digest (RFC 3261 22, RFC 8760).
type digests struct {
	log     *slog.Logger
	offered []string // algorithms
	nonces  nonces

	mu       sync.Mutex
	used     map[use]*window // of nonces that were answered rightly
	failures failures
}

// use is a nonce in the hands of a user: behind one address there may be several.
type use struct {
	made stamp
	user string
}

func newDigests(log *slog.Logger, offered []string) *digests {
	if len(offered) == 0 {
		offered = algorithms
	}
	return &digests{log: log, offered: offered, nonces: newNonces(), used: make(map[use]*window), failures: make(failures)}
}

// challenge is the refusal of a request that has to come again with credentials.
type challenge struct {
	algorithms []string
	nonce      string
	stale      bool // only the nonce was wrong: nobody need be asked for a password (RFC 7616 3.3)
	why        error
}

func (c *challenge) Error() string { return "credentials are needed: " + c.why.Error() }

// headers are one for each algorithm, and what can be done about it.
func (c *challenge) headers() []sipgo.Header {
	var headers []sipgo.Header
	for _, algorithm := range c.algorithms {
		offer := digest.Challenge{Realm: Realm, Nonce: c.nonce, Stale: c.stale, Algorithm: algorithm, QOP: []string{"auth"}}
		headers = append(headers, sipgo.NewHeader("WWW-Authenticate", offer.String()))
	}
	var guest *guestError
	if errors.As(c.why, &guest) {
		headers = append(headers, warning(399, guest.Error()))
	}
	return headers
}

// challenge is what a request is refused with that has no credentials, or wrong ones.
func (d *digests) challenge(req *sipgo.Request, peer wire.Peer, why error) *challenge {
	offered := d.offered
	if agent := req.GetHeader("User-Agent"); agent != nil && slices.Contains(offered, "MD5") &&
		slices.ContainsFunc(onlyMD5, func(name string) bool { return strings.HasPrefix(agent.Value(), name) }) {
		offered = []string{"MD5"}
	}
	return &challenge{algorithms: offered, nonce: d.nonces.give(peer.Remote.Addr()), why: why}
}

// stale is a challenge of who may well know the password.
func (d *digests) stale(req *sipgo.Request, peer wire.Peer, why error) *challenge {
	c := d.challenge(req, peer, why)
	c.stale = true
	return c
}

var (
	errNonce       = errors.New("the nonce is not of ours, or too old")
	errReplay      = errors.New("the nonce was used so often already")
	errCredentials = errors.New("these are wrong")
	errRegister    = errors.New("a phone proves who it is")
)

// waitError tells that an address has failed too often.
type waitError struct{ left time.Duration }

func (e *waitError) Error() string { return "too many wrong credentials: wait" }

// credentialsOf are those for our realm; nil without any.
func credentialsOf(req *sipgo.Request) *digest.Credentials {
	for _, h := range req.GetHeaders("Authorization") {
		if c, err := digest.ParseCredentials(h.Value()); err == nil && c.Realm == Realm {
			return c
		}
	}
	return nil
}

// verify checks the credentials of a request. known looks a user's digests up; ok is false for one who is unknown, for
// whom the same is computed and answered as for a wrong password. The error is a *challenge or a *waitError.
func (d *digests) verify(req *sipgo.Request, c *digest.Credentials, peer wire.Peer, known func(user string) (_ Digests, ok bool)) error {
	from := peer.Remote.Addr()
	made, ok := d.nonces.check(c.Nonce, from)
	if !ok {
		return d.stale(req, peer, errNonce)
	}
	who := failingOf(c.Username, from)
	d.mu.Lock()
	left := d.failures.waits(who, time.Now())
	d.mu.Unlock()
	if left > 0 {
		return &waitError{left}
	}
	if reason := d.wrong(req, c, known); reason != "" {
		d.mu.Lock()
		d.failures.add(who, time.Now())
		d.mu.Unlock()
		d.report(peer, c.Username, reason)
		return d.challenge(req, peer, errCredentials)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := use{made, c.Username}
	w := d.used[key]
	if w == nil {
		w = &window{}
		d.used[key] = w
	}
	if !w.take(uint32(c.Nc)) {
		return d.stale(req, peer, errReplay)
	}
	delete(d.failures, who)
	return nil
}

// wrong is what is wrong with credentials, in a word for the log; empty: nothing. A nonce of ours is taken for granted.
func (d *digests) wrong(req *sipgo.Request, c *digest.Credentials, known func(user string) (Digests, bool)) string {
	digests, reason := d.digestsOfNobody(c.Username), "user"
	if stored, ok := known(c.Username); ok {
		digests, reason = stored, "password"
	}
	algorithm := strings.ToUpper(cmp.Or(c.Algorithm, "MD5"))
	if !slices.Contains(d.offered, algorithm) {
		return "algorithm"
	}
	a1 := digests.MD5
	if algorithm == "SHA-256" {
		a1 = digests.SHA256
	}
	if c.QOP != "auth" || c.Cnonce == "" || c.Nc < 1 || c.Userhash {
		return "malformed"
	}
	// Proxies may rewrite the host of the Request-URI, but a digest for one number is not good for another.
	if userOf(c.URI) != unescape(req.Recipient.User) {
		return "uri"
	}
	right, err := digest.Digest(
		&digest.Challenge{Realm: Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{"auth"}},
		digest.Options{Method: string(req.Method), URI: c.URI, Count: c.Nc, Username: c.Username, A1: a1, Cnonce: c.Cnonce})
	if err != nil {
		return "malformed"
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToLower(c.Response)), []byte(right.Response)) != 1 {
		return reason
	}
	return ""
}

// digestsOfNobody are such as no password has.
func (d *digests) digestsOfNobody(user string) Digests {
	mac := hmac.New(sha256.New, d.nonces.secret[:])
	mac.Write([]byte("nobody:" + user))
	sum := hex.EncodeToString(mac.Sum(nil))
	return Digests{MD5: sum[:32], SHA256: sum}
}

// report writes the line that fail2ban looks for (docs/fail2ban). The address is one that receives what we send to it,
// and stands before all that others can choose.
func (d *digests) report(peer wire.Peer, user, reason string) {
	d.log.Warn("security", "event", "auth_fail", "proto", strings.ToLower(peer.Transport),
		"ip", peer.Remote.Addr().WithZone("").String(), "user", clean(user), "reason", reason)
}

// reportOutside writes the line for a phone that has proven who it is and wants to call outside what it may not, or more
// than it may. Its address is as that of report.
func (d *digests) reportOutside(peer wire.Peer, user, number, reason string) {
	d.log.Warn("security", "event", "outside_refused", "proto", strings.ToLower(peer.Transport),
		"ip", peer.Remote.Addr().WithZone("").String(), "user", clean(user), "number", number, "reason", reason)
}

// sweep forgets what is over.
func (d *digests) sweep() {
	d.mu.Lock()
	defer d.mu.Unlock()
	oldest := d.nonces.now() - stamp(nonceLife)
	for key := range d.used {
		if key.made < oldest {
			delete(d.used, key)
		}
	}
	d.failures.sweep(time.Now())
}

// userOf is the user part of a SIP URI, unescaped; empty without one.
func userOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, at := strings.Cut(rest, "@")
	if !at {
		return ""
	}
	user, _, _ = strings.Cut(user, ":")
	return unescape(user)
}
