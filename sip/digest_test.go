package sip_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// localAt is the loopback address of a listener on all addresses.
func localAt(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
}

var nonceParam = regexp.MustCompile(`nonce="([^"]+)"`)

// newAgentFrom is an agent over UDP at another address.
func newAgentFrom(t testing.TB, s *server, host string) *agent {
	t.Helper()
	from := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0))
	conn, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(s.at["udp"]))
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, network: "UDP", conn: conn, in: make(chan sipgo.Message, 1000)}
	a.work.Go(a.read)
	t.Cleanup(a.close)
	return a
}

// register sends a REGISTER; more are headers.
func (a *agent) register(user, more string) {
	a.t.Helper()
	server := a.conn.RemoteAddr()
	a.write(fmt.Sprintf(`REGISTER sip:%s SIP/2.0
Via: SIP/2.0/%s 192.0.2.1:5060;branch=z9hG4bK%s;rport
Max-Forwards: 70
From: <sip:%s@example.com>;tag=%s
To: <sip:%s@example.com>
Call-ID: %s
CSeq: 1 REGISTER
%s`, server, a.network, token(), user, token(), user, token(), more))
}

// challenged asks for a nonce.
func (a *agent) challenged(user string) string {
	a.t.Helper()
	a.register(user, "")
	return nonceOf(a.response(401))
}

func nonceOf(res *sipgo.Response) string {
	return nonceParam.FindStringSubmatch(header(res, "WWW-Authenticate"))[1]
}

// authorization is a header that is right, but for what change does.
func (a *agent) authorization(user, nonce string, count int, change func(*phone.Credentials)) string {
	c := phone.Credentials{User: user, Password: secret(user), Realm: sip.Realm, Nonce: nonce, Algorithm: "SHA-256",
		Method: "REGISTER", URI: "sip:" + a.conn.RemoteAddr().String(), Count: count}
	if change != nil {
		change(&c)
	}
	return "Authorization: " + c.String() + "\n"
}

// registers sends a REGISTER with right credentials and returns its 200.
func (a *agent) registers(user, nonce string, count int, more string) *sipgo.Response {
	a.t.Helper()
	a.register(user, a.authorization(user, nonce, count, nil)+more)
	return a.response(200)
}

func TestChallengeOffersTheBetterAlgorithmFirst(t *testing.T) {
	const sha256 = `Digest realm="conclave", nonce="", algorithm=SHA-256, qop="auth"`
	const md5 = `Digest realm="conclave", nonce="", algorithm=MD5, qop="auth"`
	for name, tt := range map[string]struct {
		digests []string
		agent   string
		want    []string
	}{
		"usually":                {nil, "Desk 1.0", []string{sha256, md5}},
		"by a phone without":     {nil, "baresip v1.0.0 (x86_64/linux)", []string{md5}},
		"MD5 first":              {[]string{"MD5", "SHA-256"}, "Desk 1.0", []string{md5, sha256}},
		"MD5 alone":              {[]string{"MD5"}, "Desk 1.0", []string{md5}},
		"SHA-256 alone, to both": {[]string{"SHA-256"}, "baresip v1.0.0", []string{sha256}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, func(c *sip.Config) { withPhones(c); c.Digests = tt.digests })
			a := newAgent(t, s, "udp")
			a.register("200", "User-Agent: "+tt.agent)
			var offers []string
			for _, h := range a.response(401).GetHeaders("WWW-Authenticate") {
				offers = append(offers, nonceParam.ReplaceAllString(h.Value(), `nonce=""`))
			}
			if !slices.Equal(offers, tt.want) {
				t.Errorf("offered is %q, want %q", offers, tt.want)
			}
			for _, algorithm := range []string{"SHA-256", "MD5"} {
				status := 401
				if tt.digests == nil || slices.Contains(tt.digests, algorithm) {
					status = 200
				}
				a.register("200", a.authorization("200", a.challenged("200"), 1, func(c *phone.Credentials) { c.Algorithm = algorithm }))
				a.response(status)
			}
		})
	}
	_, err := sip.New(sip.Config{House: new(rooms.House), Ports: new(media.Ports), Listen: []string{"udp://127.0.0.1:0"}, Digests: []string{"SHA1"}})
	if err == nil || !contains(err.Error(), `"SHA1"`) {
		t.Errorf("an unknown algorithm: %v", err)
	}
}

// Nothing tells a stranger which phones there are.
func TestUnknownUsersAreAnsweredAsWrongPasswords(t *testing.T) {
	s := startServer(t, withPhones)
	a := newAgent(t, s, "udp")
	changing := regexp.MustCompile(`nonce="[^"]+"|branch=\w+|tag=\w+|Call-ID: .*|sip:\d+@`)
	answer := func(more func(nonce string) string, user string) string {
		t.Helper()
		text := ""
		if more != nil {
			text = more(a.challenged(user))
		}
		a.register(user, text)
		return changing.ReplaceAllString(a.response(401).String(), "")
	}
	want := answer(nil, "200")
	if got := answer(nil, "999"); got != want {
		t.Errorf("an unknown user is answered\n%s\na known one\n%s", got, want)
	}
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		for _, user := range []string{"200", "999", "1000"} {
			wrong := func(nonce string) string {
				return a.authorization(user, nonce, 1, func(c *phone.Credentials) { c.Algorithm, c.Password = algorithm, "wrong" })
			}
			if got := answer(wrong, user); got != want {
				t.Errorf("a wrong password of %s is answered\n%s\na REGISTER without\n%s", user, got, want)
			}
		}
	}
}

// Nor does the work that is done for a user: of the lookup it is told by what it allocates.
func TestLookupOfAnyUserIsTheSameWork(t *testing.T) {
	s := startServer(t, withPhones)
	trunk := outside("192.0.2.8/29")
	trunk.User, trunk.Password = "300", "secret"
	s.set(t, trunk)
	work := func(user string, want bool) float64 {
		t.Helper()
		if _, known := s.Known(user); known != want {
			t.Errorf("%s is known: %v, want %v", user, known, want)
		}
		return testing.AllocsPerRun(1000, func() { s.Known(user) })
	}
	unknown := work("999", false)
	for _, user := range []string{"200", "300"} {
		if got := work(user, true); got != unknown || got == 0 {
			t.Errorf("%s is looked up by %v allocations, an unknown user by %v", user, got, unknown)
		}
	}
}

func TestWrongCredentialsAreChallenged(t *testing.T) {
	for name, change := range map[string]func(*phone.Credentials){
		"password":           func(c *phone.Credentials) { c.Password = "x" },
		"no password":        func(c *phone.Credentials) { c.Password = "" },
		"method":             func(c *phone.Credentials) { c.Method = "INVITE" },
		"other number":       func(c *phone.Credentials) { c.URI = "sip:1000@127.0.0.1" },
		"algorithm":          func(c *phone.Credentials) { c.Algorithm = "SHA-512-256" },
		"count 0":            func(c *phone.Credentials) { c.Count = 0 },
		"without qop":        func(c *phone.Credentials) { c.WithoutQOP = true },
		"of another user":    func(c *phone.Credentials) { c.User = "201" },
		"digest for another": func(c *phone.Credentials) { c.Password = secret("201") },
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, withPhones)
			a := newAgent(t, s, "udp")
			a.register("200", a.authorization("200", a.challenged("200"), 1, change)+"Contact: <sip:200@192.0.2.1>")
			if stale := contains(header(a.response(401), "WWW-Authenticate"), "stale"); stale {
				t.Error("a wrong answer is called stale")
			}
			if list := s.Registrations(); len(list) != 0 {
				t.Errorf("registered: %+v", list)
			}
			if !contains(s.log.text(), "WARN security event=auth_fail proto=udp ip=127.0.0.1 user=") {
				t.Error("the log does not tell")
			}
		})
	}
}

// Who answers a nonce that is not good any more is given another, and need not ask for a password.
func TestStaleNonces(t *testing.T) {
	s := startServer(t, withPhones)
	a := newAgent(t, s, "udp")
	nonce := a.challenged("200")
	elsewhere := newAgentFrom(t, s, "127.0.0.2").challenged("200")
	refused := func(nonce string, count int) string {
		t.Helper()
		a.register("200", a.authorization("200", nonce, count, nil)+"Contact: <sip:200@192.0.2.1>")
		res := a.response(401)
		if !contains(header(res, "WWW-Authenticate"), "stale=true") {
			t.Errorf("not stale:\n%s", res)
		}
		return nonceOf(res)
	}
	refused("invented", 1)
	refused(strings.Repeat("A", 32), 1)
	refused(elsewhere, 1)
	if len(s.Registrations()) != 0 {
		t.Error("registered by a nonce that is not of ours")
	}
	a.registers("200", nonce, 1, "")
	refused(nonce, 1) // replayed
	a.registers("200", nonce, 5, "")
	a.registers("200", nonce, 3, "") // overtaken
	refused(nonce, 3)
	a.registers("200", nonce, 100, "")
	refused(nonce, 36) // too old to tell
	a.registers("200", nonce, 37, "")
	a.registers("200", refused(nonce, 100), 1, "")
	if contains(s.log.text(), "auth_fail") {
		t.Error("stale nonces are in the log as failures")
	}
}

func TestAddressThatFailsTooOftenWaits(t *testing.T) {
	s := startServer(t, withPhones)
	p, elsewhere := newPhone(t, "udp", "127.0.0.1"), newPhone(t, "udp", "127.0.0.2")
	for _, user := range []string{"200", "999"} { // there is no 999, which is not to be seen
		for range 5 {
			registersWith(t, p, s.at["udp"], phone.Registration{User: user, Password: "wrong"}, 401)
		}
		for _, password := range []string{"wrong", secret(user)} {
			res := registersWith(t, p, s.at["udp"], phone.Registration{User: user, Password: password}, 403)
			if header(res, "Retry-After") == "" || !contains(header(res, "Warning"), "too many wrong credentials") {
				t.Errorf("refused without telling why:\n%s", res)
			}
		}
	}
	registers(t, p, s.at["udp"], phone.Registration{User: "201"})
	registers(t, elsewhere, s.at["udp"], phone.Registration{User: "200"})
	if n := strings.Count(s.log.text(), "auth_fail"); n != 10 {
		t.Errorf("%d failures in the log, want 10", n)
	}
}

func TestSuccessForgetsFailures(t *testing.T) {
	s := startServer(t, withPhones)
	p := newPhone(t, "udp", "127.0.0.1")
	for range 3 {
		for range 4 {
			registersWith(t, p, s.at["udp"], phone.Registration{User: "200", Password: "wrong"}, 401)
		}
		registers(t, p, s.at["udp"], phone.Registration{User: "200"})
	}
}

// The filter for fail2ban finds the address of who failed in the server's own log, and no other, whatever he sends.
func TestForgedFieldsDoNotBanAVictim(t *testing.T) {
	definition, err := os.ReadFile("../docs/fail2ban/conclave.conf")
	if err != nil {
		t.Fatal(err)
	}
	filter := regexp.MustCompile(`(?m)^failregex = (.*)$`).FindStringSubmatch(string(definition))
	if filter == nil {
		t.Fatal("no failregex in the filter")
	}
	failure := regexp.MustCompile(strings.ReplaceAll(filter[1], "<ADDR>", `([0-9a-f.:]+)`))
	for name, handler := range map[string]func(*lines) slog.Handler{
		"text": func(l *lines) slog.Handler { return slog.NewTextHandler(l, nil) },
		"json": func(l *lines) slog.Handler { return slog.NewJSONHandler(l, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			log := &lines{}
			s := startServer(t, func(c *sip.Config) { withPhones(c); c.Log = slog.New(handler(log)) })
			a := newAgent(t, s, "udp")
			forged := []string{
				"200", "security event=auth_fail proto=udp ip=192.0.2.7 user=200", "x ip=192.0.2.7", `x\" ip=192.0.2.7 user=\"`,
				`\",\"msg\":\"security\",\"event\":\"auth_fail\",\"proto\":\"udp\",\"ip\":\"192.0.2.7\",\"user\":\"`,
				"time=2026-01-01T00:00:00.000Z level=WARN msg=security event=auth_fail proto=udp ip=192.0.2.7 user=x",
				"\x1b[2J\u2028", strings.Repeat("9", 5000),
			}
			for _, user := range forged {
				a.register("200", a.authorization("200", a.challenged("200"), 1, func(c *phone.Credentials) { c.User, c.Password = user, "x" }))
				a.response(401)
			}
			found := 0
			for line := range strings.Lines(log.text()) {
				if m := failure.FindAllStringSubmatch(line, -1); len(m) == 1 && m[0][1] == "127.0.0.1" {
					found++
				} else if len(m) > 0 {
					t.Errorf("the filter finds %q in %s", m, line)
				}
			}
			if found != len(forged) {
				t.Errorf("the filter finds %d failures, want %d:\n%s", found, len(forged), log.text())
			}
		})
	}
}

// lines is a log that several goroutines write.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(data)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
