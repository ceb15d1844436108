package wire

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// handshakeWithin bounds a TLS handshake, from the connection's begin on; nobody else waits for it.
const handshakeWithin = 10 * time.Second

// Certify returns the certificate for a connection that others open, as tls.Config.GetCertificate does. It is asked for
// each handshake, so that connections there are keep theirs when it changes.
type Certify func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// serverTLS is how connections of others are taken. TLS 1.2 is the least (RFC 8996).
func serverTLS(certify Certify) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certify}
}

// handshake greets a peer that speaks TLS. Over TCP, and where it is done, there is nothing to do.
func (c *tcpConn) handshake() error {
	conn, secure := c.conn.(*tls.Conn)
	if !secure {
		return nil
	}
	if err := conn.SetDeadline(time.Now().Add(handshakeWithin)); err != nil {
		return err
	}
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	return conn.SetDeadline(time.Time{})
}

// tlsListener makes of what it accepts connections that have yet to shake hands: each does so on its own goroutine.
type tlsListener struct {
	net.Listener
	config *tls.Config
}

func (l tlsListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(conn, l.config), nil
}
