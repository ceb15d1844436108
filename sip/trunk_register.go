package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// What is asked of a registrar, and how often it is asked again where it refused or did not answer.
const (
	registerFor     = 10 * time.Minute
	longestRegister = 24 * time.Hour
	longestRetry    = 5 * time.Minute
	refusedRetry    = time.Minute // carriers lock accounts that come back at once with a wrong password
	// takenBackWithin bounds the wait for the answers when a registration is taken back: a server that is told to end has to end,
	// whether or not its registrars are there. Over UDP the request is sent three times by then.
	takenBackWithin = 2 * time.Second
)

// errNotRegistered tells that a registrar answered 200 and did not take our address.
var errNotRegistered = errors.New("the peer answers 200, but not with our address")

// refusedError is a registration that the peer refused: asking another of its addresses would change nothing.
type refusedError struct {
	why        string
	retryAfter time.Duration // what the peer asks for; 0: nothing
}

func (e *refusedError) Error() string { return e.why }

// attempt is one REGISTER.
type attempt struct {
	seq       uint32
	expires   time.Duration   // in whole seconds; 0 takes the registration back
	challenge *sipgo.Response // 401 or 407 that it answers; nil: none
}

// registration keeps us registered with a peer (RFC 3261 10.2): it refreshes in time, tries one of the peer's addresses
// after the other, and waits longer and longer where none will have us.
type registration struct {
	// addresses are where the peer is to be found, in the order in which they are to be tried.
	addresses func() []netip.AddrPort
	// usable tells whether an address is still one of the peer's, and not known to be dead.
	usable func(netip.AddrPort) bool
	// healthy tells whether an address answered when it was asked last.
	healthy func(netip.AddrPort) bool
	// send sends one REGISTER and returns its final response.
	send func(ctx context.Context, to netip.AddrPort, a attempt) (*sipgo.Response, error)
	// report is told what has become of it.
	report func(RegistrationState)
	// look has a token when addresses have come, gone or failed.
	look  chan struct{}
	retry backoff

	// What follows belongs to run.
	seq     uint32
	expires time.Duration // what we ask for: more than usual where the peer wants that
	asked   bool          // something was sent that may have registered us
	state   RegistrationState
	until   time.Time // as state.Until, with the monotonic clock
}

// run registers and refreshes until ctx ends, and then takes the registration back.
func (r *registration) run(ctx context.Context) {
	r.expires = registerFor
	for ctx.Err() == nil {
		wait, again := r.round(ctx)
		if ctx.Err() == nil {
			r.wait(ctx, wait, again)
		}
	}
	if r.asked {
		r.unregister(ctx)
	}
}

// round registers once. It returns how long to wait before the next, and whether news about the addresses end that wait.
func (r *registration) round(ctx context.Context) (wait time.Duration, again func() bool) {
	select {
	case <-r.look: // what it is about is seen now
	default:
	}
	addresses := r.addresses()
	if len(addresses) == 0 {
		return longestRetry, func() bool { return len(r.addresses()) > 0 }
	}
	at, granted, err := r.register(ctx, addresses)
	if err == nil {
		r.retry.reset()
		r.until = time.Now().Add(granted)
		r.state = RegistrationState{Registered: true, Address: at, Until: r.until.UTC()}
		r.report(r.state)
		// The last quarter is for what may go wrong.
		return granted * 3 / 4, func() bool { return !r.usable(at) }
	}
	wait = r.retry.next()
	again = func() bool { return slices.ContainsFunc(r.addresses(), r.healthy) }
	var refused *refusedError
	if errors.As(err, &refused) {
		wait = max(wait, min(refusedRetry, r.retry.first*12), min(refused.retryAfter, longestRetry))
		again = func() bool { return false }
	}
	if ctx.Err() == nil {
		r.failed(err, time.Now().Add(wait))
	}
	return wait, again
}

// failed reports why there is no registration; an earlier one may last on.
func (r *registration) failed(err error, retry time.Time) {
	if r.state.Registered && !time.Now().Before(r.until) {
		r.state = RegistrationState{}
	}
	if r.state.Failure == "" {
		r.state.Since = time.Now().UTC()
	}
	r.state.Failure, r.state.Retry = err.Error(), retry.UTC()
	r.report(r.state)
}

// wait passes the time until the next round. News count only where again says so.
func (r *registration) wait(ctx context.Context, pause time.Duration, again func() bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-r.look:
			if again() {
				return
			}
		}
	}
}

// register tries the addresses one after another. The error is a *refusedError, or that of the last address.
func (r *registration) register(ctx context.Context, addresses []netip.AddrPort) (at netip.AddrPort, granted time.Duration, err error) {
	for _, at = range addresses {
		if granted, err = r.registerAt(ctx, at); err == nil {
			return at, granted, nil
		}
		var refused *refusedError
		if errors.As(err, &refused) || ctx.Err() != nil {
			break
		}
	}
	return netip.AddrPort{}, 0, err
}

// registerAt registers at one address. Challenges are answered once, and once more where only the nonce was too old.
func (r *registration) registerAt(ctx context.Context, to netip.AddrPort) (time.Duration, error) {
	a := attempt{expires: r.expires}
	for range 5 { // a challenge, a stale nonce, an interval too brief, and the challenge of that
		r.seq++
		a.seq, r.asked = r.seq, true
		res, err := r.send(ctx, to, a)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%s: %w", to, err)
		case res.IsSuccess():
			return r.granted(res, a.expires)
		case isChallenge(res) && (a.challenge == nil || isStale(res)):
			a.challenge = res
		case isChallenge(res):
			return 0, &refusedError{why: "the peer does not take the user and password"}
		case res.StatusCode == 423:
			least, err := secondsIn(res, "Min-Expires")
			if err != nil || least <= a.expires || least > longestRegister {
				return 0, &refusedError{why: "423 Interval Too Brief without an interval that would do"}
			}
			r.expires, a.expires = least, least
			a.challenge = nil // its nonce may be good for one request only
		case res.StatusCode >= 500 && res.StatusCode < 600 || res.StatusCode == sipgo.StatusRequestTimeout:
			return 0, fmt.Errorf("%s: %s", to, answerText(res)) // another address may do (RFC 3263 4.3)
		default:
			after, _ := secondsIn(res, "Retry-After")
			return 0, &refusedError{why: answerText(res), retryAfter: after}
		}
	}
	return 0, &refusedError{why: "the peer asks for authentication again and again"}
}

// granted reads for how long we are registered (RFC 3261 10.2.4): our Contact is the only one, or the first of which the
// peer says so.
func (r *registration) granted(res *sipgo.Response, asked time.Duration) (time.Duration, error) {
	granted := asked
	if seconds, err := secondsIn(res, "Expires"); err == nil {
		granted = seconds
	}
	for _, h := range res.GetHeaders("Contact") {
		contact, ok := h.(*sipgo.ContactHeader)
		if !ok {
			continue
		}
		text, _ := contact.Params.Get("expires")
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			granted = time.Duration(n) * time.Second
		}
		break
	}
	if granted <= 0 {
		return 0, &refusedError{why: errNotRegistered.Error()}
	}
	return min(granted, longestRegister), nil
}

// unregister takes back what may be registered, within takenBackWithin.
func (r *registration) unregister(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takenBackWithin)
	defer cancel()
	to := r.state.Address
	if !r.state.Registered {
		addresses := r.addresses()
		if len(addresses) == 0 {
			return
		}
		to = addresses[0]
	}
	a := attempt{}
	for range 2 {
		r.seq++
		a.seq = r.seq
		res, err := r.send(ctx, to, a)
		if err != nil || !isChallenge(res) {
			break
		}
		a.challenge = res
	}
	r.report(RegistrationState{})
}

func isChallenge(res *sipgo.Response) bool {
	return res.StatusCode == sipgo.StatusUnauthorized || res.StatusCode == sipgo.StatusProxyAuthRequired
}

// secondsIn reads a header that is a number of seconds; parameters and comments behind it do not count.
func secondsIn(res *sipgo.Response, name string) (time.Duration, error) {
	h := res.GetHeader(name)
	if h == nil {
		return 0, fmt.Errorf("there is no %s", name)
	}
	text, _, _ := strings.Cut(h.Value(), ";")
	text, _, _ = strings.Cut(text, "(")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s is no number of seconds: %w", name, err)
	}
	return time.Duration(n) * time.Second, nil
}

// answerText is a response's status as it is shown: its reason comes from the network.
func answerText(res *sipgo.Response) string {
	return "the peer answers " + strconv.Itoa(res.StatusCode) + " " + clean(res.Reason)
}
