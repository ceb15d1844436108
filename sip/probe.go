package sip

import (
	"crypto/rand"
	mrand "math/rand/v2"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// health is what is known of the way to a phone.
type health struct {
	due  time.Time     // of the next OPTIONS
	trip time.Duration // from our last OPTIONS to its answer; 0: none has come yet
	seen time.Time     // the last REGISTER or answer
	lost int           // how many OPTIONS were not answered since
}

// probe is an OPTIONS that is due.
type probe struct {
	bindingKey
	contact
}

// How often it is looked what has expired and what is due, and what is over of authentication.
const (
	watchEvery = 500 * time.Millisecond
	sweepEvery = time.Minute
)

// watch forgets what has expired and asks the phones now and then whether they are there, until stop is closed.
func (s *Server) watch(stop <-chan struct{}) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-tick.C:
			for _, p := range s.registrar.due(time.Now()) {
				s.probe(p)
			}
		case <-sweep.C:
			s.digests.sweep()
		case <-stop:
			return
		}
	}
}

// within is a random instant of the time d from now on, so that not all phones are asked at once.
func within(d time.Duration) time.Time { return time.Now().Add(mrand.N(max(d, 1))) }

// due drops what has expired and returns whom to ask.
func (r *registrar) due(now time.Time) []probe {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prune(func(b binding) bool { return !b.expires.After(now) })
	var probes []probe
	for extension, list := range r.bindings {
		for i := range list {
			b := &list[i]
			if b.health.due.After(now) {
				continue
			}
			b.health.due = now.Add(r.every)
			probes = append(probes, probe{
				bindingKey: bindingKey{extension, b.id},
				contact:    contact{target: *b.contact.Clone(), peer: b.peer, routes: b.paths},
			})
		}
	}
	return probes
}

// probe sends an OPTIONS (RFC 3261 11). Any final response is a sign of life.
func (s *Server) probe(p probe) {
	req := sipgo.NewRequest(sipgo.OPTIONS, p.target)
	for _, route := range p.routes {
		req.AppendHeader(&sipgo.RouteHeader{Address: *route.Clone()})
	}
	local := sipgo.Uri{Scheme: "sip", Host: s.shown(p.peer.Local.Addr().Unmap()).String(), Port: int(p.peer.Local.Port())}
	if strings.EqualFold(p.target.Scheme, "sips") {
		local.Scheme = "sips"
	}
	callID := sipgo.CallIDHeader(rand.Text())
	req.AppendHeader(&sipgo.FromHeader{Address: local, Params: tagged(rand.Text()[:10])})
	req.AppendHeader(&sipgo.ToHeader{Address: *p.target.Clone()})
	req.AppendHeader(&callID)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: 1, MethodName: sipgo.OPTIONS})
	req.AppendHeader(&sipgo.ContactHeader{Address: local})
	req.SetBody(nil)
	began := time.Now()
	err := s.wire.Do(req, p.peer, func(res *sipgo.Response, err error) {
		switch {
		case err != nil:
			s.registrar.probed(p, 0)
		case !res.IsProvisional():
			s.registrar.probed(p, time.Since(began))
		}
	})
	if err != nil {
		s.registrar.probed(p, 0)
	}
}

// probed takes what came of an OPTIONS: how long the answer took, 0 where none came. What has registered from elsewhere
// meanwhile is not meant.
func (r *registrar) probed(p probe, trip time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.bindings[p.extension]
	for i := range list {
		b := &list[i]
		if b.id != p.id || b.peer.Remote != p.peer.Remote {
			continue
		}
		if trip == 0 {
			b.health.lost++
			continue
		}
		b.health.trip, b.health.seen, b.health.lost = trip, time.Now(), 0
	}
}
