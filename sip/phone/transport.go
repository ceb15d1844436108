package phone

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// outgoing is a message on its way to server.
type outgoing struct {
	server string
	bytes  []byte
	lose   int // how many copies are lost before one is sent
}

// bind opens the one UDP socket of the phone and reads from it.
func (p *Phone) bind() error {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.host, 0)))
	if err != nil {
		return err
	}
	p.udp = conn
	p.work.Go(func() {
		parser := sipgo.NewParser()
		buffer := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // an ICMP error for an earlier message
			}
			// The parser keeps references to what it parsed.
			data := append([]byte(nil), buffer[:n]...)
			if msg, err := parser.ParseSIP(data); err == nil {
				p.receive(msg, from.String())
			}
		}
	})
	return nil
}

// connection returns the one connection to server, opening it if need be.
func (p *Phone) connection(server string) (net.Conn, error) {
	p.mu.Lock()
	conn, closed := p.tcp[server], p.closed
	p.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	if conn != nil {
		return conn, nil
	}
	dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.host, 0))}
	var err error
	if p.transport == "tls" {
		// Who the server is does not matter to a test phone.
		conn, err = tls.DialWithDialer(&dialer, "tcp", server, &tls.Config{InsecureSkipVerify: true})
	} else {
		conn, err = dialer.Dial("tcp", server)
	}
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.tcp[server]; other != nil || p.closed {
		conn.Close()
		if p.closed {
			return nil, ErrClosed
		}
		return other, nil
	}
	p.tcp[server] = conn
	p.work.Go(func() { p.readStream(server, conn) })
	return conn, nil
}

func (p *Phone) readStream(server string, conn net.Conn) {
	stream := sipgo.NewParser().NewSIPStream()
	buffer := make([]byte, 65536)
	for {
		n, err := conn.Read(buffer)
		if err == nil {
			data := append([]byte(nil), buffer[:n]...)
			err = stream.ParseSIPStream(data, func(msg sipgo.Message) { p.receive(msg, server) })
		}
		if err != nil && !errors.Is(err, sipgo.ErrParseSipPartial) {
			p.mu.Lock()
			delete(p.tcp, server)
			p.mu.Unlock()
			conn.Close()
			return
		}
	}
}

// sentBy returns the address that goes into Via and Contact of requests to server.
func (p *Phone) sentBy(server string) (netip.AddrPort, error) {
	var local net.Addr
	if p.transport == "udp" {
		local = p.udp.LocalAddr()
	} else {
		conn, err := p.connection(server)
		if err != nil {
			return netip.AddrPort{}, err
		}
		local = conn.LocalAddr()
	}
	return netip.ParseAddrPort(local.String())
}

// Address is where calls over UDP reach the phone.
func (p *Phone) Address() netip.AddrPort {
	at, _ := p.sentBy("")
	return at
}

func (p *Phone) send(m outgoing) error {
	if p.transport != "udp" {
		conn, err := p.connection(m.server)
		if err != nil {
			return err
		}
		_, err = conn.Write(m.bytes)
		return err
	}
	to, err := net.ResolveUDPAddr("udp", m.server)
	if err != nil {
		return fmt.Errorf("server %q is no host:port: %w", m.server, err)
	}
	_, err = p.udp.WriteToUDP(m.bytes, to)
	return err
}
