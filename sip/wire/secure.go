package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Secure is how we connect over TLS: whom we take for the peer, and who we are to it. Its files are of PEM and read at each
// handshake, so that one that was renewed is taken from the next connection on. Equal ones share a connection.
type Secure struct {
	Host        string // whom the peer's certificate has to be for: a name, or an IP address
	CA          string // file of certificates that may have signed it; empty: those that this machine trusts
	Certificate string // file of ours, should the peer ask for it; empty: none
	Key         string // file of the key of Certificate
}

// ConnectTLS is Connect over TLS. The error of a peer whose certificate is not taken says why.
func (w *Wire) ConnectTLS(ctx context.Context, remote netip.AddrPort, secure Secure) (Peer, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	peer, err := w.overTCP(ctx, way{remote, secure})
	if err != nil {
		return Peer{}, fmt.Errorf("reach %s over TLS: %w", remote, err)
	}
	return peer, nil
}

// Config reads the files. Its error names the one that cannot be used.
func (s Secure) Config() (*tls.Config, error) {
	var roots *x509.CertPool // nil: this machine's
	if s.CA != "" {
		text, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("read certificates of authorities: %w", err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read certificates of authorities: %s holds no certificate in PEM", s.CA)
		}
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: s.Host,
		// The check of package tls knows no SIP addresses in certificates: verify does it all.
		InsecureSkipVerify: true,
		VerifyConnection:   func(state tls.ConnectionState) error { return verify(state, roots, s.Host) },
	}
	if s.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
		if err != nil {
			return nil, fmt.Errorf("read certificate %s and key %s: %w", s.Certificate, s.Key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// greet shakes hands over a connection that was just opened, and closes it where that fails.
func (s Secure) greet(ctx context.Context, plain net.Conn) (net.Conn, error) {
	config, err := s.Config()
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(refused(err), plain.Close())
	}
	return conn, nil
}

// verify checks the peer's certificate: that it is for the host, valid now, and signed by an authority that is trusted.
func verify(state tls.ConnectionState, roots *x509.CertPool, host string) error {
	chain := state.PeerCertificates
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return err
	}
	return isFor(chain[0], host)
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
