package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// certCmd makes certificates.
type certCmd struct {
	SelfSigned certSelfSignedCmd `cmd:"" audit:"before" help:"Make a certificate for a start, which nobody else has signed."`
}

type certSelfSignedCmd struct {
	Host  []string `sep:"none" placeholder:"HOST" help:"Name or address that phones know the server by; may be repeated. Without: this machine's name and addresses."`
	Days  int      `default:"825" help:"How long it is valid (${default} days)."`
	Force bool     `help:"Replace the one that is there; a running server takes it over by itself."`
}

// The files that serve reads unless others are named.
func (d dataDir) certificate() string    { return filepath.Join(string(d), "tls", "cert.pem") }
func (d dataDir) certificateKey() string { return filepath.Join(string(d), "tls", "key.pem") }

func (c *certSelfSignedCmd) Run(data dataDir) error {
	if c.Days < 1 || c.Days > 3650 {
		return fmt.Errorf("--days %d: it takes 1 to 3650 days", c.Days)
	}
	hosts := c.Host
	if len(hosts) == 0 {
		var err error
		if hosts, err = ownNames(); err != nil {
			return err
		}
	}
	cert, key, err := selfSigned(hosts, time.Now(), time.Duration(c.Days)*24*time.Hour)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	if err := data.create(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(data.certificate()), 0o700); err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	if !c.Force {
		for _, path := range []string{data.certificate(), data.certificateKey()} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is there already; --force replaces it", path)
			}
		}
	}
	// The key first: a server reads both when it sees that one has changed, and again when the other has.
	if err := errors.Join(writePrivate(data.certificateKey(), key), writePrivate(data.certificate(), cert)); err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	fmt.Printf("certificate %s and key %s made, for %s, valid for %d days\n", data.certificate(), data.certificateKey(), strings.Join(hosts, ", "), c.Days)
	fmt.Printf("serve with --sip tls://0.0.0.0:5061 beside the others; phones that check certificates have to be given %s\n", data.certificate())
	return nil
}

// writePrivate writes a file that its owner alone may read, whole or not at all.
func writePrivate(path string, text []byte) error {
	part := path + ".new"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// ownNames are this machine's name and addresses.
func ownNames() ([]string, error) {
	var names []string
	if name, err := os.Hostname(); err == nil && name != "" {
		names = append(names, name)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("find this machine's addresses: %w; give them by --host", err)
	}
	for _, addr := range addrs {
		if network, ok := addr.(*net.IPNet); ok && !network.IP.IsLinkLocalUnicast() {
			names = append(names, network.IP.String())
		}
	}
	return names, nil
}

// selfSigned makes a certificate for hosts, in PEM. It may sign nothing else.
func selfSigned(hosts []string, now time.Time, lasts time.Duration) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: hosts[0]},
		NotBefore:             now.Add(-time.Hour), // for phones whose clock is slow
		NotAfter:              now.Add(lasts),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if addr, err := netip.ParseAddr(host); err == nil {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return cert, key, nil
}
