package main

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	secure = freeTCP(t)
	return startServerOn(t, data, freeUDP(t), append([]string{"--sip", "tls://" + secure}, flags...)...), secure
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
