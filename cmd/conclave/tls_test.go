package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/media/tone"
	"conclave/sip/phone"
)

// startTLSServer is a server with a certificate that it has made itself; secure is its address for TLS.
func startTLSServer(t *testing.T, flags ...string) (server *testServer, secure string) {
	t.Helper()
	data := t.TempDir()
	maker := &testServer{t: t, data: data}
	if out := maker.run("cert", "self-signed", "--host", "127.0.0.1"); !strings.Contains(out, "--sip tls://") {
		t.Errorf("cert self-signed does not say what to do: %s", out)
	}
	secure = freeAddress(t, "127.0.0.1")
	return startServerOn(t, data, freeAddress(t, "127.0.0.1"), append([]string{"--sip", "tls://" + secure}, flags...)...), secure
}

func TestCertificateForAStartIsForItsOwnerAlone(t *testing.T) {
	s := &testServer{t: t, data: t.TempDir()}
	s.run("cert", "self-signed")
	for _, name := range []string{"cert.pem", "key.pem"} {
		info, err := os.Stat(filepath.Join(s.data, "tls", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--force replaces it":     {"cert", "self-signed"},
		"1 to 3650 days":          {"cert", "self-signed", "--force", "--days", "0"},
		"conclave cert self-sign": {"serve", "--sip", "tls://127.0.0.1:0", "--tls-cert", s.data + "/none", "--tls-key", s.data + "/none"},
		"both or neither":         {"serve", "--sip", "tls://127.0.0.1:0", "--tls-cert", s.data + "/tls/cert.pem"},
		"find any PEM data":       {"serve", "--sip", "tls://127.0.0.1:0", "--tls-cert", s.data + "/tls/cert.pem", "--tls-key", "/dev/null"},
	} {
		out, err := exec.Command(path, append(args, "--data", s.data)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v, %s; want %q", args, err, out, want)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	openssl := need(t, "openssl", "openssl")
	_, secure := startTLSServer(t)
	for version, taken := range map[string]bool{"-tls1_1": false, "-tls1_2": true, "-tls1_3": true} {
		out, err := exec.Command(openssl, "s_client", "-connect", secure, version, "-cipher", "DEFAULT@SECLEVEL=0").CombinedOutput()
		if (err == nil) != taken {
			t.Errorf("%s: %v, want it taken: %v\n%s", version, err, taken, out)
		}
		if !taken && !strings.Contains(string(out), "protocol version") {
			t.Errorf("%s: refused for another reason: %s", version, out)
		}
	}
}

func TestCertificateIsReplacedUnderLiveCalls(t *testing.T) {
	server, secure := startTLSServer(t, "--guests", "all")
	server.run("room", "add", "2000", "--name", "Open", "--no-pin", "-o", "quiet=yes")
	const calls = 50
	var live []*phone.Call
	for i := range calls {
		// Each on a connection of its own, and of one address no more than it may have.
		host := []string{"127.0.0.1", "127.0.0.2"}[i%2]
		ph, err := phone.New("tls", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ph.Close() })
		call, err := ph.Dial(t.Context(), secure, "2000", phone.Options{})
		if err != nil {
			t.Fatal(err)
		}
		live = append(live, call)
	}
	before := certificateOf(t, secure)
	server.run("cert", "self-signed", "--host", "127.0.0.1", "--force")
	if after := certificateOf(t, secure); after == before {
		t.Error("the certificate is the old one")
	}
	server.wait("fifty members", 10*time.Second, func() bool {
		return strings.Count(server.run("live", "2000", "--json"), `"caller"`) == calls
	})
	for i, call := range live {
		if err := call.Hangup(); err != nil {
			t.Errorf("call %d is lost: %v", i, err)
		}
	}
}

func TestRealPhoneCallsOverTLS(t *testing.T) {
	need(t, "baresip", "baresip-core")
	server, secure := startTLSServer(t)
	server.run("room", "add", "1000", "--name", "Mixed", "--pin", "1234", "-o", "quiet=yes", "-o", "agc=no")
	tones := []float64{437, 1031}
	const level = -20
	phones := []*baresip{
		startBaresip(t, 0, tones[0], level, "sip:1000@"+secure+";transport=tls"),
		startBaresip(t, 1, tones[1], level, "sip:1000@"+server.sip),
	}
	time.Sleep(2 * time.Second)
	for _, p := range phones {
		p.press("1234")
	}
	server.wait("two members", 10*time.Second, func() bool {
		return strings.Count(server.run("live", "1000", "--json"), `"caller"`) == 2
	})
	time.Sleep(4 * time.Second)
	for _, p := range phones {
		p.end()
	}
	for i, p := range phones {
		pcm := p.heard(3)[:2*8000] // without the end, when the other has hung up
		if got := tone.LevelAt(pcm, 8000, tones[1-i]); got < level-1 || got > level+1 {
			t.Errorf("phone %d hears the other at %.1f dBFS, want %d within 1 dB", i, got, level)
		}
		if got := tone.LevelAt(pcm, 8000, tones[i]); got > level-60 {
			t.Errorf("phone %d hears itself at %.1f dBFS", i, got)
		}
	}
}

// certificateOf is the serial number of the certificate that is shown at an address.
func certificateOf(t *testing.T, address string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// certificateFor makes a certificate signed by the one of by, or by itself, valid until then; it writes both files.
func certificateFor(t *testing.T, name, host string, until time.Time, by *tls.Certificate) (certFile, keyFile string, pair tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.ParseIP(host)}, BasicConstraintsValid: true, IsCA: by == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, pair
}

func TestTrunksOverTLSAreCheckedByTheirCertificates(t *testing.T) {
	now := time.Now()
	ca, _, authority := certificateFor(t, "ca", "127.0.0.9", now.Add(time.Hour), nil)
	// A peer for each certificate: servers of their own, which answer OPTIONS as a PBX does.
	peer := func(name, host string, until time.Time, by *tls.Certificate) string {
		cert, key, _ := certificateFor(t, name, host, until, by)
		address := freeAddress(t, "127.0.0.1")
		startServerOn(t, t.TempDir(), freeAddress(t, "127.0.0.1"), "--sip", "tls://"+address, "--tls-cert", cert, "--tls-key", key)
		return address
	}
	server, _ := startTLSServer(t)
	wants := map[string]string{
		"good":      "reachable, ",
		"wrongname": "the certificate is for 127.0.0.2, not for 127.0.0.1",
		"expired":   "the certificate has expired",
		"untrusted": "the certificate is not trusted",
	}
	for name, address := range map[string]string{
		"good":      peer("good", "127.0.0.1", now.Add(time.Hour), &authority),
		"wrongname": peer("wrongname", "127.0.0.2", now.Add(time.Hour), &authority),
		"expired":   peer("expired", "127.0.0.1", now.Add(-time.Hour), &authority),
		"untrusted": peer("untrusted", "127.0.0.1", now.Add(time.Hour), nil),
	} {
		server.run("trunk", "add", name, "--peer", address, "--transport", "tls", "--tls-ca", ca)
	}
	for name, want := range wants {
		server.wait(name+": "+want, 20*time.Second, func() bool {
			for line := range strings.Lines(server.run("trunk", "list")) {
				if strings.HasPrefix(line, name+" ") {
					return strings.Contains(line, want)
				}
			}
			return false
		})
	}
}

func TestTrunkShowsItsClientCertificate(t *testing.T) {
	ca, _, authority := certificateFor(t, "ca", "127.0.0.9", time.Now().Add(time.Hour), nil)
	cert, key, _ := certificateFor(t, "us", "127.0.0.1", time.Now().Add(time.Hour), &authority)
	_, _, theirs := certificateFor(t, "peer", "127.0.0.1", time.Now().Add(time.Hour), &authority)
	authorities := x509.NewCertPool()
	authorities.AddCert(authority.Leaf)
	peer, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{theirs}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authorities})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	server, _ := startTLSServer(t)
	server.run("trunk", "add", "pbx", "--peer", peer.Addr().String(), "--transport", "tls", "--tls-ca", ca, "--tls-client-cert", cert, "--tls-client-key", key)
	conn, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "OPTIONS sip:127.0.0.1:") || !strings.Contains(line, "transport=tls") {
		t.Errorf("the peer reads %q, %v", line, err)
	}
}
