package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Secure is how we connect over TLS: whom we take for the peer, and who we are to it. Connections are shared by those only
// who have the same *Secure.
type Secure struct {
	Host        string           // whom the peer's certificate has to be for: a name, or an IP address
	Roots       *x509.CertPool   // who may have signed it; nil: whom this machine trusts
	Certificate *tls.Certificate // ours, should the peer ask for it; nil: none
}

// ConnectTLS is Connect over TLS. The error of a peer whose certificate is not taken says why.
func (w *Wire) ConnectTLS(ctx context.Context, remote netip.AddrPort, secure *Secure) (Peer, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	peer, err := w.overTCP(ctx, way{remote, secure})
	if err != nil {
		return Peer{}, fmt.Errorf("reach %s over TLS: %w", remote, err)
	}
	return peer, nil
}

// greet shakes hands over a connection that was just opened, and closes it where that fails.
func (s *Secure) greet(ctx context.Context, plain net.Conn) (net.Conn, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: s.Host,
		// The check of package tls knows no SIP addresses in certificates: verify does it all.
		InsecureSkipVerify: true,
		VerifyConnection:   s.verify,
	}
	if s.Certificate != nil {
		config.Certificates = []tls.Certificate{*s.Certificate}
	}
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(refused(err), plain.Close())
	}
	return conn, nil
}

// verify checks the peer's certificate: that it is for the host, valid now, and signed by somebody we trust.
func (s *Secure) verify(state tls.ConnectionState) error {
	chain := state.PeerCertificates
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: s.Roots, Intermediates: between}); err != nil {
		return err
	}
	return isFor(chain[0], s.Host)
}

// isFor checks whom a certificate is for (RFC 5922 7.1): where it names SIP domains these count alone, else its DNS names or
// IP addresses do. Unlike in 7.2 a name may stand for all of a domain (*.example.com), as many carriers' do.
func isFor(c *x509.Certificate, host string) error {
	var domains []string
	for _, uri := range c.URIs {
		if strings.EqualFold(uri.Scheme, "sip") && !strings.Contains(uri.Opaque, "@") {
			domains = append(domains, uri.Opaque)
		}
	}
	for _, domain := range domains {
		if strings.EqualFold(domain, strings.TrimSuffix(host, ".")) {
			return nil
		}
	}
	if len(domains) > 0 {
		return fmt.Errorf("the certificate is for %s, not for %s", printable(strings.Join(domains, ", ")), host)
	}
	if err := c.VerifyHostname(host); err != nil {
		names := append([]string(nil), c.DNSNames...)
		for _, ip := range c.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) == 0 {
			names = []string{"no name at all"}
		}
		return fmt.Errorf("the certificate is for %s, not for %s", printable(strings.Join(names, ", ")), host)
	}
	return nil
}

// refused says in words of an operator why a handshake of ours has failed.
func refused(err error) error {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		valid := invalid.Cert.NotAfter
		if time.Now().Before(invalid.Cert.NotBefore) {
			return fmt.Errorf("the certificate is not valid before %s", invalid.Cert.NotBefore.UTC().Format(time.DateTime))
		}
		return fmt.Errorf("the certificate has expired at %s", valid.UTC().Format(time.DateTime))
	case errors.As(err, &unknown):
		return errors.New("the certificate is not trusted: who has signed it is unknown here")
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no TLS handshake in time")
	}
	return err
}
