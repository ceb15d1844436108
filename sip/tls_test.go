package sip_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"

	"conclave/sip"
	"conclave/sip/phone"
)

// withTLS makes a server listen for TLS as well, with a certificate that it has made.
func withTLS(t testing.TB) func(*sip.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pair := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return func(c *sip.Config) {
		c.Listen = []string{"udp://127.0.0.1:0", "tls://127.0.0.1:0"}
		c.Certify = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }
	}
}

func TestPhonesRegisterAndAreCalledOverTLS(t *testing.T) {
	for _, contact := range []string{"<sip:201@192.0.2.1;transport=tls>", "<sips:201@192.0.2.1>"} {
		t.Run(contact, func(t *testing.T) {
			s := startServer(t, func(c *sip.Config) { withPhones(c); withTLS(t)(c) })
			secure := s.Listeners()[1].Addr()
			callee := newPhone(t, "tls", "127.0.0.1")
			res := registers(t, callee, secure, phone.Registration{User: "201", Contacts: []string{contact}})
			if got := listed(res); len(got) != 1 || !strings.HasPrefix(got[0], contact) {
				t.Errorf("registered contacts %q, want %s", got, contact)
			}
			caller := newPhone(t, "tls", "127.0.0.1")
			registers(t, caller, secure, phone.Registration{User: "200"})
			talks := make(chan error, 1)
			go func() {
				call, err := caller.Dial(t.Context(), secure.String(), "201", phone.Options{From: "200", Password: secret("200")})
				if err == nil {
					err = call.Hangup()
				}
				talks <- err
			}()
			ring, err := callee.Incoming(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			scheme, _, _ := strings.Cut(contact[1:], ":")
			invite := ring.Request()
			if got := invite.Contact().Value(); !strings.HasPrefix(got, "<"+scheme+":") || scheme == "sip" && !strings.Contains(got, "transport=tls") {
				t.Errorf("our Contact towards %s is %s", contact, got)
			}
			if via := invite.Via(); via.Transport != "TLS" {
				t.Errorf("Via over %s", via.Transport)
			}
			if _, err := ring.Answer(t.Context(), phone.Options{SRTP: "AEAD_AES_128_GCM"}); err != nil {
				t.Fatal(err)
			}
			if err := <-talks; err != nil {
				t.Error(err)
			}
			s.empty(t)
		})
	}
}
