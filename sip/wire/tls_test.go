package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// made is a certificate that was made for a test.
type made struct {
	pair tls.Certificate
	key  *ecdsa.PrivateKey
}

// make509 makes a certificate that change describes, signed by by, or by itself.
func make509(t testing.TB, by *made, change func(*x509.Certificate)) made {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: by == nil, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	change(template)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.pair.Leaf, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, key}
}

func certified(pair tls.Certificate) Certify {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }
}

func listenTLS(t testing.TB, spec string, pair tls.Certificate) (*Wire, Listener) {
	t.Helper()
	w := newTestWire(t, answering{})
	w.certify = certified(pair)
	l, err := w.Listen(spec)
	if err != nil {
		t.Fatal(err)
	}
	return w, l
}

// ask sends a request on a connection and returns the first line of the answer. It is a transaction of its own: were it like
// that of another connection, it could be taken for that one sent again.
func ask(t testing.TB, conn net.Conn) string {
	t.Helper()
	defer conn.Close()
	branch := fmt.Sprintf("z9hG4bK%d", conn.LocalAddr().(*net.TCPAddr).Port)
	if _, err := conn.Write([]byte(strings.Replace(options, "z9hG4bK1", branch, 1))); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := make([]byte, 64<<10)
	n, err := conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(answer[:n]), "\r\n")
	return line
}

func TestTLSListener(t *testing.T) {
	pair := make509(t, nil, func(c *x509.Certificate) { c.DNSNames = []string{"sip.example.com"} }).pair
	for _, spec := range []string{"tls://127.0.0.1:0", "tls://[::1]:0"} {
		t.Run(spec, func(t *testing.T) {
			_, l := listenTLS(t, spec, pair)
			if l.Transport() != "TLS" || !strings.HasPrefix(l.String(), "tls://") {
				t.Errorf("listener %s of transport %s", l, l.Transport())
			}
			// Who does not shake hands keeps nobody else waiting.
			for range maxPerSource - 8 { // each of those below may still be counted when the next one comes
				silent, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer silent.Close()
			}
			for version, taken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
				conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
				if (err == nil) != taken {
					t.Errorf("%s: error %v, want it taken: %v", tls.VersionName(version), err, taken)
				}
				if err == nil {
					if line := ask(t, conn); line != "SIP/2.0 200 OK" {
						t.Errorf("%s: answer %q", tls.VersionName(version), line)
					}
				}
			}
		})
	}
}

func TestTLSNeedsACertificateAndHasAPortOfItsOwn(t *testing.T) {
	w := newTestWire(t, answering{})
	if _, err := w.Listen("tls://127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("listening without a certificate: %v", err)
	}
	if _, addr, err := parseSpec("tls://[::]"); err != nil || addr.Port() != 5061 {
		t.Errorf("port %d, %v", addr.Port(), err)
	}
}

func TestHandshakeHasATimeLimit(t *testing.T) {
	pair := make509(t, nil, func(*x509.Certificate) {}).pair
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := &tcpConn{conn: tls.Server(ours, serverTLS(certified(pair))), closed: make(chan struct{})}
		began := time.Now()
		if err := c.handshake(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != handshakeWithin {
			t.Errorf("handshake with nobody: %v after %v", err, time.Since(began))
		}
	})
}

func TestPeersAreCheckedByTheirCertificates(t *testing.T) {
	root := make509(t, nil, func(c *x509.Certificate) {})
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.pair.Leaf.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Dir(trusted) + "/./ca.pem" // another setting, of the same content
	named := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.DNSNames = names }
	}
	forSIP := func(domain string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.DNSNames = []string{"sip.example.com"}
			c.URIs = []*url.URL{{Scheme: "sip", Opaque: domain}}
		}
	}
	for name, tt := range map[string]struct {
		host   string
		by     *made
		change func(*x509.Certificate)
		reason string // empty: it is taken
	}{
		"its name":           {"sip.example.com", &root, named("sip.example.com"), ""},
		"all of a domain":    {"sip.example.com", &root, named("*.example.com"), ""},
		"its SIP domain":     {"example.com", &root, forSIP("example.com"), ""},
		"its address":        {"127.0.0.1", &root, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }, ""},
		"wrong name":         {"sip.example.com", &root, named("sip.example.org"), "the certificate is for sip.example.org, not for sip.example.com"},
		"another SIP domain": {"sip.example.com", &root, forSIP("example.org"), "the certificate is for example.org, not for sip.example.com"},
		"no name":            {"127.0.0.1", &root, named(), "the certificate is for no name at all, not for 127.0.0.1"},
		"expired":            {"sip.example.com", &root, func(c *x509.Certificate) { c.NotAfter = time.Unix(1893456000-1e9, 0) }, "the certificate has expired at 1998-04-24 22:13:20"},
		"not yet valid": {"sip.example.com", &root, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Unix(4e9, 0), time.Unix(5e9, 0)
		}, "the certificate is not valid before 2096-10-02 07:06:40"},
		"untrusted": {"sip.example.com", nil, named("sip.example.com"), "the certificate is not trusted: who has signed it is unknown here"},
	} {
		t.Run(name, func(t *testing.T) {
			_, far := listenTLS(t, "tls://127.0.0.1:0", make509(t, tt.by, tt.change).pair)
			w := newTestWire(t, answering{})
			secure := Secure{Host: tt.host, CA: trusted}
			peer, err := w.ConnectTLS(t.Context(), far.Addr(), secure)
			if tt.reason != "" {
				if err == nil || !strings.HasSuffix(err.Error(), tt.reason) {
					t.Errorf("error %q, want %q", err, tt.reason)
				}
				return
			}
			if err != nil || peer.Transport != "TLS" || peer.Remote != far.Addr() {
				t.Fatalf("peer %+v, %v", peer, err)
			}
			again, err := w.ConnectTLS(t.Context(), far.Addr(), secure)
			other, otherErr := w.ConnectTLS(t.Context(), far.Addr(), Secure{Host: tt.host, CA: copied})
			if err != nil || otherErr != nil || again.Conn != peer.Conn || other.Conn == peer.Conn {
				t.Errorf("the same connection %v (%v), of others %v (%v)", again.Conn == peer.Conn, err, other.Conn == peer.Conn, otherErr)
			}
		})
	}
}

func TestConnectTLSDoesNotWaitForEverForAHandshake(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	w := newTestWire(t, answering{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = w.ConnectTLS(ctx, netip.MustParseAddrPort(silent.Addr().String()), Secure{Host: "127.0.0.1"})
	if err == nil || !strings.Contains(err.Error(), "no TLS handshake in time") {
		t.Errorf("error %v", err)
	}
}
