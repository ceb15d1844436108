// Package nameserver is a DNS server on loopback for tests.
package nameserver

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Server answers from records that a test sets. Its methods may be called from any goroutine.
type Server struct {
	t    testing.TB
	addr string

	mu      sync.Mutex
	failing bool
	records []dns.RR
}

// Start serves over UDP until the end of the test.
func Start(t testing.TB) *Server {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, addr: conn.LocalAddr().String()}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: conn, Handler: s, NotifyStartedFunc: func() { close(started) }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.ActivateAndServe(); err != nil {
			t.Errorf("name server: %v", err)
		}
	}()
	<-started
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Errorf("name server: %v", err)
		}
		<-done
	})
	return s
}

// Set replaces all records, each in the form of a zone file.
func (s *Server) Set(records ...string) {
	s.t.Helper()
	var parsed []dns.RR
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			s.t.Fatal(err)
		}
		parsed = append(parsed, rr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = parsed
}

// Fail makes the server answer SERVFAIL to everything, or work again.
func (s *Server) Fail(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = on
}

// Resolver asks this server and no other.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", s.addr)
	}}
}

// ServeDNS implements dns.Handler.
func (s *Server) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	answer := new(dns.Msg).SetReply(query)
	s.mu.Lock()
	known := false
	for _, rr := range s.records {
		for _, q := range query.Question {
			if !strings.EqualFold(rr.Header().Name, q.Name) {
				continue
			}
			known = true
			if rr.Header().Rrtype == q.Qtype {
				answer.Answer = append(answer.Answer, rr)
			}
		}
	}
	switch {
	case s.failing:
		answer.Answer, answer.Rcode = nil, dns.RcodeServerFailure
	case !known:
		answer.Rcode = dns.RcodeNameError
	}
	s.mu.Unlock()
	_ = w.WriteMsg(answer) // a query whose answer is lost comes again
}
