package sip_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/icholy/digest"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/store"
)

// carrier is a peer of a trunk: it answers OPTIONS, and takes registrations of user u with password p.
type carrier struct {
	t       testing.TB
	network string // "udp" or "tcp"
	address netip.AddrPort
	work    sync.WaitGroup

	mu       sync.Mutex
	sockets  []interface{ Close() error }
	answer   func(*sipgo.Request) *sipgo.Response // nil: as above
	requests []*sipgo.Request
	contact  string // that is registered; empty: none
}

// newCarrier listens on an address with any free port until the end of the test.
func newCarrier(t testing.TB, network, host string) *carrier {
	t.Helper()
	c := &carrier{t: t, network: network, address: netip.AddrPortFrom(netip.MustParseAddr(host), 0)}
	c.start()
	t.Cleanup(c.stop)
	return c
}

// start listens, where it has listened before if it was stopped.
func (c *carrier) start() {
	c.t.Helper()
	if c.network == "udp" {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(c.address))
		if err != nil {
			c.t.Fatal(err)
		}
		c.address = netip.MustParseAddrPort(conn.LocalAddr().String())
		c.keep(conn)
		c.work.Go(func() { c.readUDP(conn) })
		return
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(c.address))
	if err != nil {
		c.t.Fatal(err)
	}
	c.address = netip.MustParseAddrPort(l.Addr().String())
	c.keep(l)
	c.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.keep(conn)
			c.work.Go(func() { c.readTCP(conn) })
		}
	})
}

func (c *carrier) keep(socket interface{ Close() error }) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets = append(c.sockets, socket)
}

// stop goes away without a word, and forgets who is registered.
func (c *carrier) stop() {
	c.mu.Lock()
	for _, socket := range c.sockets {
		socket.Close()
	}
	c.sockets, c.contact = nil, ""
	c.mu.Unlock()
	c.work.Wait()
}

func (c *carrier) readUDP(conn *net.UDPConn) {
	buffer := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		msg, err := sipgo.NewParser().ParseSIP(append([]byte(nil), buffer[:n]...))
		if err != nil {
			c.t.Errorf("the server sent what cannot be read: %v", err)
			continue
		}
		if req, ok := msg.(*sipgo.Request); ok {
			if res := c.serve(req); res != nil {
				_, _ = conn.WriteToUDPAddrPort([]byte(res.String()), from)
			}
		}
	}
}

func (c *carrier) readTCP(conn net.Conn) {
	stream := sipgo.NewParser().NewSIPStream()
	buffer := make([]byte, 65536)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		_ = stream.ParseSIPStream(append([]byte(nil), buffer[:n]...), func(msg sipgo.Message) {
			if req, ok := msg.(*sipgo.Request); ok {
				if res := c.serve(req); res != nil {
					_, _ = conn.Write([]byte(res.String()))
				}
			}
		})
	}
}

// serve answers one request.
func (c *carrier) serve(req *sipgo.Request) *sipgo.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, req)
	switch {
	case c.answer != nil:
		return c.answer(req)
	case req.Method == sipgo.REGISTER:
		return c.register(req)
	case req.Method == sipgo.ACK:
		return nil
	}
	return sipgo.NewResponseFromRequest(req, 200, "OK", nil)
}

func (c *carrier) register(req *sipgo.Request) *sipgo.Response {
	challenge := &digest.Challenge{Realm: "carrier", Nonce: "n" + req.CallID().Value(), Algorithm: "SHA-256", QOP: []string{"auth"}}
	if h := req.GetHeader("Authorization"); h != nil {
		got, err := digest.ParseCredentials(h.Value())
		if err != nil {
			return sipgo.NewResponseFromRequest(req, 400, "Bad Request", nil)
		}
		want, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: req.Recipient.String(), Username: "u", Password: "p", Cnonce: got.Cnonce, Count: got.Nc})
		if err == nil && got.Response == want.Response {
			res := sipgo.NewResponseFromRequest(req, 200, "OK", nil)
			c.contact = ""
			if expires := req.GetHeader("Expires").Value(); expires != "0" {
				c.contact = req.Contact().Address.String()
				other := &sipgo.ContactHeader{Address: sipgo.Uri{Scheme: "sip", User: "u", Host: "192.0.2.77"}, Params: sipgo.HeaderParams{{K: "expires", V: "1"}}}
				ours := &sipgo.ContactHeader{Address: req.Contact().Address, Params: sipgo.HeaderParams{{K: "expires", V: expires}}}
				res.AppendHeader(other)
				res.AppendHeader(ours)
			}
			return res
		}
	}
	res := sipgo.NewResponseFromRequest(req, 401, "Unauthorized", nil)
	res.AppendHeader(sipgo.NewHeader("WWW-Authenticate", challenge.String()))
	return res
}

// registered is the contact that is registered; empty: none.
func (c *carrier) registered() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.contact
}

func (c *carrier) answers(f func(*sipgo.Request) *sipgo.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

// heard is how many requests of a method have come.
func (c *carrier) heard(method sipgo.RequestMethod) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, req := range c.requests {
		if req.Method == method {
			n++
		}
	}
	return n
}

// trunk is the configuration of a trunk to the carrier.
func (c *carrier) trunk(name string, register bool) store.Trunk {
	return store.Trunk{Name: name, Peer: c.address.String(), Transport: c.network, User: "u", Password: "p", Register: register, OpenRooms: true}
}

// set gives the server its trunks.
func (s *server) set(t testing.TB, trunks ...store.Trunk) {
	t.Helper()
	if err := s.SetTrunks(trunks); err != nil {
		t.Fatal(err)
	}
}

// lines are those of the log with all the words.
func (r *record) has(words ...string) bool {
	for line := range strings.Lines(r.text()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			return true
		}
	}
	return false
}
