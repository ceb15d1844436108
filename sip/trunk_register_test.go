package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// carrierRegistrar is a peer that a registration talks to in virtual time.
type carrierRegistrar struct {
	mu      sync.Mutex // for what a test changes on the way
	nowhere bool       // it has no address
	deaf    bool       // it answers nothing any more
	began   time.Time
	answer  func(to string, a attempt) (*sipgo.Response, error)
	alive   map[string]bool // addresses that are not known to be dead
	sent    []string        // when, where and for how long
	at      []time.Duration // when
	states  []RegistrationState
}

var (
	first  = netip.MustParseAddrPort("192.0.2.1:5060")
	second = netip.MustParseAddrPort("192.0.2.2:5060")
)

// start runs a registration with two addresses; the function that is returned ends it.
func (c *carrierRegistrar) start() (r *registration, stop func()) {
	c.began = time.Now()
	c.alive = map[string]bool{first.String(): true, second.String(): true}
	alive := func(a netip.AddrPort) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.alive[a.String()]
	}
	r = &registration{
		addresses: func() []netip.AddrPort {
			if c.nowhere {
				return nil
			}
			return []netip.AddrPort{first, second}
		},
		usable:  alive,
		healthy: alive,
		send: func(ctx context.Context, to netip.AddrPort, a attempt) (*sipgo.Response, error) {
			c.mu.Lock()
			if c.deaf {
				c.mu.Unlock()
				<-ctx.Done()
				return nil, ctx.Err()
			}
			defer c.mu.Unlock()
			c.at = append(c.at, time.Since(c.began))
			c.sent = append(c.sent, fmt.Sprintf("%s %v", strings.TrimSuffix(to.String(), ":5060"), a.expires))
			return c.answer(to.String(), a)
		},
		report: func(s RegistrationState) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.states = append(c.states, s)
		},
		look:  make(chan struct{}, 1),
		retry: backoff{first: 5 * time.Second, most: longestRetry},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(ctx)
	}()
	return r, func() {
		cancel()
		<-done
	}
}

// change changes how the peer behaves.
func (c *carrierRegistrar) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *carrierRegistrar) last() RegistrationState {
	if len(c.states) == 0 {
		return RegistrationState{}
	}
	return c.states[len(c.states)-1]
}

func registered(expires string) *sipgo.Response {
	res := sipgo.NewResponse(200, "OK")
	res.AppendHeader(&sipgo.ContactHeader{Address: sipgo.Uri{Scheme: "sip", Host: "h"}, Params: sipgo.HeaderParams{{K: "expires", V: expires}}})
	return res
}

func TestRegistrationIsRefreshedBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrierRegistrar{}
		c.answer = func(string, attempt) (*sipgo.Response, error) { return registered("120"), nil }
		_, stop := c.start()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(c.at); n != 7 {
			t.Errorf("%d requests in 10 minutes, each granted for 2: %v", n, c.at)
		}
		for i := 1; i < len(c.at); i++ {
			if gap := c.at[i] - c.at[i-1]; gap != 90*time.Second {
				t.Errorf("refreshed after %v, want 1m30s", gap)
			}
		}
		if s := c.last(); !s.Registered || s.Address != first || !s.Until.Equal(c.began.Add(c.at[6]+2*time.Minute)) {
			t.Errorf("state is %+v", s)
		}
		stop()
		if got := c.sent[len(c.sent)-1]; got != "192.0.2.1 0s" {
			t.Errorf("the last request is %q, want one that takes the registration back", got)
		}
		if s := c.last(); s.Registered {
			t.Errorf("state at the end is %+v", s)
		}
	})
}

func TestRegistrationBacksOffWhileNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrierRegistrar{}
		c.answer = func(string, attempt) (*sipgo.Response, error) { return nil, errors.New("no answer") }
		_, stop := c.start()
		defer stop()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Join(c.sent[:4], ", "); got != "192.0.2.1 10m0s, 192.0.2.2 10m0s, 192.0.2.1 10m0s, 192.0.2.2 10m0s" {
			t.Errorf("tried %s; want one address after the other", got)
		}
		want := 5 * time.Second
		for i := 2; i < len(c.at); i += 2 {
			gap := c.at[i] - c.at[i-2]
			if gap > want || gap < want*3/4 {
				t.Errorf("pause %d is %v, want %v less up to a quarter", i/2, gap, want)
			}
			want = min(2*want, longestRetry)
		}
		if n := len(c.at) / 2; n < 15 || n > 25 {
			t.Errorf("%d rounds in an hour", n)
		}
		if s := c.last(); s.Registered || s.Failure != "192.0.2.2:5060: no answer" || !s.Since.Equal(c.began) || s.Retry.Before(time.Now()) {
			t.Errorf("state is %+v", s)
		}
		// It comes back: that is seen at the next try, and the pauses begin anew after it is lost again.
		c.change(func() {
			c.answer = func(string, attempt) (*sipgo.Response, error) { return registered("60"), nil }
		})
		time.Sleep(longestRetry)
		synctest.Wait()
		if s := c.last(); !s.Registered || s.Failure != "" {
			t.Errorf("state after it came back is %+v", s)
		}
	})
}

func TestRegistrationTriesAgainWhenAnAddressAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrierRegistrar{}
		c.answer = func(string, attempt) (*sipgo.Response, error) { return nil, errors.New("no answer") }
		r, stop := c.start()
		defer stop()
		c.change(func() { clear(c.alive) })
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		n := len(c.sent)
		r.look <- struct{}{} // something changed, but nobody answers
		synctest.Wait()
		if len(c.sent) != n {
			t.Error("it was tried although nobody answers")
		}
		c.change(func() {
			c.alive[second.String()] = true
			c.answer = func(to string, _ attempt) (*sipgo.Response, error) {
				if to == second.String() {
					return registered("60"), nil
				}
				return nil, errors.New("no answer")
			}
		})
		r.look <- struct{}{}
		synctest.Wait()
		if s := c.last(); !s.Registered || s.Address != second {
			t.Errorf("state is %+v, want registered at %s at once", s, second)
		}
	})
}

func TestRegistrationMovesWhenItsAddressDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrierRegistrar{}
		c.answer = func(to string, _ attempt) (*sipgo.Response, error) {
			if c.alive[to] {
				return registered("3600"), nil
			}
			return nil, errors.New("no answer")
		}
		r, stop := c.start()
		defer stop()
		synctest.Wait()
		r.look <- struct{}{}
		synctest.Wait()
		if len(c.sent) != 1 {
			t.Errorf("sent %v; want one, as the address is alive", c.sent)
		}
		c.change(func() { delete(c.alive, first.String()) })
		r.look <- struct{}{}
		synctest.Wait()
		if s := c.last(); !s.Registered || s.Address != second {
			t.Errorf("state is %+v, want registered at %s", s, second)
		}
	})
}

func TestRegistrationAnswersWhatTheRegistrarWants(t *testing.T) {
	unauthorized := challenged(401, `Digest realm="r", nonce="n"`)
	stale := challenged(401, `Digest realm="r", nonce="n2", stale=true`)
	brief := sipgo.NewResponse(423, "Interval Too Brief")
	brief.AppendHeader(sipgo.NewHeader("Min-Expires", "1800"))
	tooLong := sipgo.NewResponse(423, "Interval Too Brief")
	tooLong.AppendHeader(sipgo.NewHeader("Min-Expires", "999999"))
	busy := sipgo.NewResponse(403, "Not\x1b now")
	busy.AppendHeader(sipgo.NewHeader("Retry-After", "200 (soon)"))
	for _, tt := range []struct {
		name    string
		answers []*sipgo.Response
		sent    string
		failure string
		retry   time.Duration // at least
	}{
		{"a challenge", []*sipgo.Response{unauthorized, registered("60")}, "192.0.2.1 10m0s, 192.0.2.1 10m0s", "", 0},
		{"a stale nonce", []*sipgo.Response{unauthorized, stale, registered("60")}, "192.0.2.1 10m0s, 192.0.2.1 10m0s, 192.0.2.1 10m0s", "", 0},
		{"a wrong password, which no other address would take", []*sipgo.Response{unauthorized, unauthorized},
			"192.0.2.1 10m0s, 192.0.2.1 10m0s", "the peer does not take the user and password", time.Minute},
		{"a longer interval", []*sipgo.Response{unauthorized, brief, unauthorized, registered("1800")},
			"192.0.2.1 10m0s, 192.0.2.1 10m0s, 192.0.2.1 30m0s, 192.0.2.1 30m0s", "", 0},
		{"an interval beyond reason", []*sipgo.Response{tooLong}, "192.0.2.1 10m0s", "423 Interval Too Brief without an interval that would do", time.Minute},
		{"a refusal", []*sipgo.Response{busy}, "192.0.2.1 10m0s", "the peer answers 403 Not now", 200 * time.Second},
		{"a registrar that is overloaded", []*sipgo.Response{sipgo.NewResponse(503, "Service Unavailable"), registered("60")}, "192.0.2.1 10m0s, 192.0.2.2 10m0s", "", 0},
		{"a redirection, which is not followed", []*sipgo.Response{sipgo.NewResponse(302, "Moved")}, "192.0.2.1 10m0s", "the peer answers 302 Moved", time.Minute},
		{"200 for nothing", []*sipgo.Response{registered("0")}, "192.0.2.1 10m0s", errNotRegistered.Error(), time.Minute},
		{"challenges without end", []*sipgo.Response{unauthorized, stale, stale, stale, stale}, "192.0.2.1 10m0s, 192.0.2.1 10m0s, 192.0.2.1 10m0s, 192.0.2.1 10m0s, 192.0.2.1 10m0s",
			"the peer asks for authentication again and again", time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &carrierRegistrar{}
				c.answer = func(_ string, a attempt) (*sipgo.Response, error) {
					n := len(c.sent) - 1
					if a.expires == 0 || n >= len(tt.answers) {
						return sipgo.NewResponse(200, "OK"), nil
					}
					if n > 0 && isChallenge(tt.answers[n-1]) != (a.challenge != nil) {
						t.Errorf("request %d answers a challenge: %v", n+1, a.challenge != nil)
					}
					return tt.answers[n], nil
				}
				_, stop := c.start()
				synctest.Wait()
				if got := strings.Join(c.sent, ", "); got != tt.sent {
					t.Errorf("sent %s\nwant %s", got, tt.sent)
				}
				if s := c.last(); s.Registered != (tt.failure == "") || s.Failure != tt.failure || tt.retry > 0 && s.Retry.Before(c.began.Add(tt.retry)) {
					t.Errorf("state is %+v, want failure %q, and the next try after %v", s, tt.failure, tt.retry)
				}
				stop()
			})
		})
	}
}

func TestRegistrationIsTakenBackSoonOrNotAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrierRegistrar{}
		c.answer = func(string, attempt) (*sipgo.Response, error) { return registered("600"), nil }
		_, stop := c.start()
		synctest.Wait()
		c.change(func() { c.deaf = true })
		ends := time.Now()
		stop()
		if took := time.Since(ends); took == 0 || took > 2*time.Second {
			t.Errorf("a registrar that does not answer was waited for %v, want 2 s at most", took)
		}
	})
}

func TestRegistrationThatWasNeverSentIsNotTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &carrierRegistrar{nowhere: true}
		c.answer = func(string, attempt) (*sipgo.Response, error) { return registered("60"), nil }
		_, stop := c.start()
		time.Sleep(time.Hour)
		stop()
		if len(c.sent) > 0 || len(c.states) > 0 {
			t.Errorf("sent %v, reported %v", c.sent, c.states)
		}
	})
}
