package sip_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
	"conclave/sip/locate/nameserver"
	"conclave/sip/phone"
	"conclave/sip/sdp"
	"conclave/store"
)

// brisk are timers with which a test need not wait for long. Try is long enough for a machine that is busy.
func brisk(c *sip.Config) {
	c.TrunkTimes = sip.TrunkTimes{Try: time.Second, Probe: 50 * time.Millisecond, Retry: 20 * time.Millisecond}
}

// state is what the server knows of one trunk.
func (s *server) state(name string) sip.TrunkState {
	for _, state := range s.Trunks() {
		if state.Name == name {
			return state
		}
	}
	return sip.TrunkState{}
}

// registered tells whether a trunk is registered at an address.
func (s *server) registered(name string, at netip.AddrPort) bool {
	r := s.state(name).Registration
	return r != nil && r.Registered && r.Address == at && r.Failure == ""
}

// reachable tells whether exactly one address of a trunk answers.
func (s *server) reachable(name string) bool {
	n := 0
	for _, target := range s.state(name).Targets {
		if target.Reachable && target.RoundTrip > 0 && target.Failure == "" {
			n++
		}
	}
	return n == 1
}

func TestTrunkRegistersAndTakesItBack(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, brisk)
			c := newCarrier(t, network, "127.0.0.1")
			s.set(t, c.trunk("carrier", true))
			eventually(t, "the trunk is registered", func() bool { return s.registered("carrier", c.address) })
			eventually(t, "OPTIONS have been answered", func() bool { return s.reachable("carrier") })
			want := "sip:u@" + s.at[network].String()
			if got := c.registered(); !strings.HasPrefix(got, want) || strings.Contains(got, "transport=tcp") != (network == "tcp") {
				t.Errorf("contact %s is registered, want %s", got, want)
			}
			until := s.state("carrier").Registration.Until
			if left := time.Until(until); left < 5*time.Minute || left > 10*time.Minute {
				t.Errorf("registered for %v, want 10 minutes, as our contact says", left)
			}
			// The same again disturbs nothing; gone means taken back.
			n := c.heard(sipgo.REGISTER)
			s.set(t, c.trunk("carrier", true), store.Trunk{Name: "other", Peer: "192.0.2.1", Transport: "udp"})
			s.set(t, c.trunk("carrier", true))
			if c.heard(sipgo.REGISTER) != n {
				t.Error("a trunk that has not changed was registered anew")
			}
			s.set(t)
			eventually(t, "the registration is taken back", func() bool { return c.registered() == "" && len(s.Trunks()) == 0 })
			s.set(t, c.trunk("carrier", true))
			eventually(t, "it is registered again", func() bool { return s.registered("carrier", c.address) })
			// One that has changed, or was gone for a moment, is registered, whatever takes longer.
			s.set(t)
			s.set(t, c.trunk("carrier", true))
			eventually(t, "it is registered again", func() bool { return s.registered("carrier", c.address) })
			changed := c.trunk("carrier", true)
			changed.OpenRooms = false
			before := c.heard(sipgo.REGISTER)
			s.set(t, changed)
			eventually(t, "it is registered after the change", func() bool {
				return c.heard(sipgo.REGISTER) > before+2 && s.registered("carrier", c.address) && c.registered() != ""
			})
			if err := s.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := c.registered(); got != "" {
				t.Errorf("contact %s stays registered after the end", got)
			}
		})
	}
}

func TestTrunkWithAWrongPasswordSaysSo(t *testing.T) {
	s := startServer(t, brisk)
	c := newCarrier(t, "udp", "127.0.0.1")
	wrong := c.trunk("carrier", true)
	wrong.Password = "q"
	s.set(t, wrong)
	eventually(t, "the failure is known", func() bool {
		r := s.state("carrier").Registration
		return !r.Registered && r.Failure == "the peer does not take the user and password" && !r.Since.IsZero() && !r.Retry.IsZero()
	})
	if !s.log.has("WARN trunk not registered", "trunk=carrier", "does not take the user and password") {
		t.Error("the log does not say it")
	}
	if strings.Contains(s.log.text(), "password=") {
		t.Error("the log has a password")
	}
}

func TestTrunkThatGoesAwayIsNamedAndComesBack(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, brisk)
			c := newCarrier(t, network, "127.0.0.1")
			other := newCarrier(t, "udp", "127.0.0.1")
			s.set(t, c.trunk("carrier", true), other.trunk("other", false))
			eventually(t, "the trunk is registered", func() bool { return s.registered("carrier", c.address) && s.reachable("carrier") })
			began := time.Now()
			c.stop()
			eventually(t, "it is unreachable", func() bool {
				target := s.state("carrier").Targets[0]
				return !target.Reachable && target.Failure != "" && !target.Since.Before(began.Add(-time.Second))
			})
			if !s.reachable("other") {
				t.Error("the other trunk is not reachable any more")
			}
			c.start()
			eventually(t, "it is back, registered anew", func() bool { return s.reachable("carrier") && c.registered() != "" })
		})
	}
}

func TestTrunkFailsOverBetweenSRVTargets(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			dns := nameserver.Start(t)
			s := startServer(t, func(c *sip.Config) { brisk(c); c.Resolver = dns.Resolver() })
			main, backup := newCarrier(t, network, "127.0.0.1"), newCarrier(t, network, "127.0.0.1")
			main.stop()
			records := []string{
				fmt.Sprintf("_sip._%s.carrier.test. 60 IN SRV 10 1 %d main.carrier.test.", network, main.address.Port()),
				fmt.Sprintf("_sip._%s.carrier.test. 60 IN SRV 20 1 %d backup.carrier.test.", network, backup.address.Port()),
				"main.carrier.test. 60 IN A 127.0.0.1", "backup.carrier.test. 60 IN A 127.0.0.1",
			}
			dns.Set(records...)
			trunk := main.trunk("carrier", true)
			trunk.Peer = "carrier.test"
			s.set(t, trunk)
			eventually(t, "it is registered at the second", func() bool { return s.registered("carrier", backup.address) })
			targets := s.state("carrier").Targets
			if len(targets) != 2 || targets[0].Address != main.address || targets[1].Address != backup.address {
				t.Errorf("targets are %+v", targets)
			}
			main.start()
			eventually(t, "the first answers", func() bool { return s.state("carrier").Targets[0].Reachable })
			backup.stop()
			eventually(t, "it is registered at the first", func() bool { return s.registered("carrier", main.address) && main.registered() != "" })
			// What the name server does not know any more stays known, and is said.
			dns.Fail(true)
			eventually(t, "it is named", func() bool { return strings.HasPrefix(s.state("carrier").Unresolved, "carrier.test does not resolve") })
			if !s.registered("carrier", main.address) {
				t.Error("the registration is lost with the name server")
			}
		})
	}
}

func TestTrunkHostThatDoesNotResolveKeepsNothingBack(t *testing.T) {
	dns := nameserver.Start(t)
	s := startServer(t, func(c *sip.Config) { brisk(c); c.Resolver = dns.Resolver() })
	c := newCarrier(t, "udp", "127.0.0.1")
	lost := c.trunk("lost", true)
	lost.Peer = fmt.Sprintf("lost.test:%d", c.address.Port())
	s.set(t, lost, c.trunk("good", false))
	eventually(t, "the good one is reachable", func() bool { return s.reachable("good") })
	eventually(t, "the other is named", func() bool { return s.state("lost").Unresolved == "lost.test does not resolve: no such host" })
	if r := s.state("lost").Registration; r.Registered || len(s.state("lost").Targets) != 0 {
		t.Errorf("state is %+v", s.state("lost"))
	}
	call := newAgent(t, s, "udp").newCall("2000")
	call.establish()
	call.bye()
	dns.Set("lost.test. 60 IN A 127.0.0.1")
	eventually(t, "it is registered once it resolves", func() bool { return s.registered("lost", c.address) && s.state("lost").Unresolved == "" })
}

func TestTrunkThatCannotBeServedKeepsNoOtherBack(t *testing.T) {
	s := startServer(t, brisk)
	c := newCarrier(t, "udp", "127.0.0.1")
	err := s.SetTrunks([]store.Trunk{{Name: "bad", Peer: "a b", Transport: "udp"}, c.trunk("good", false)})
	if err == nil || !strings.Contains(err.Error(), "trunk bad") || !strings.Contains(err.Error(), "would be right") {
		t.Errorf("error %v", err)
	}
	eventually(t, "the good one is reachable", func() bool { return s.reachable("good") && len(s.Trunks()) == 1 })
}

// outside is a trunk whose peer is elsewhere; calls from the networks come over it.
func outside(networks ...string) store.Trunk {
	return store.Trunk{Name: "carrier", Peer: "192.0.2.1", Transport: "udp", Allow: networks, DIDs: []string{"+49301234"}, OpenRooms: true}
}

func TestEachFormOfADIDReachesTheRoom(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			s := startServer(t, func(c *sip.Config) { c.Guests = sip.GuestsNone })
			s.set(t, outside("127.0.0.0/8", "::1"))
			a := newAgent(t, s, network)
			for _, number := range []string{"+493012342000", "00493012342000", "493012342000", "03012342000", "3012342000", "2000", "1000",
				"+493012341000", "+49-30-1234-2000", "%2B493012342000"} {
				call := a.newCall(number)
				call.establish()
				call.bye()
			}
			for _, number := range []string{"+49301234", "+493012349999", "+4930123", "9999", "+433012342000"} {
				call := a.newCall(number)
				call.refused(call.send("INVITE", call.offer("0")), 404)
			}
			s.empty(t)
			call := a.newCall("+493012342000")
			call.send("OPTIONS", "")
			call.response(200)
		})
	}
}

func TestAllowedNetworkVersusStranger(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { c.Guests = sip.GuestsNone })
	a := newAgent(t, s, "udp")
	for _, tt := range []struct {
		trunks []store.Trunk
		want   map[string]int
	}{
		{nil, map[string]int{"2000": 403, "+493012342000": 404}},
		{[]store.Trunk{outside("127.0.0.8/29")}, map[string]int{"2000": 403, "+493012342000": 404}},
		{[]store.Trunk{outside("127.0.0.0/29")}, map[string]int{"2000": 200, "+493012342000": 200}},
		{[]store.Trunk{{Name: "pbx", Peer: "127.0.0.1:9", Transport: "tcp", OpenRooms: true}}, map[string]int{"2000": 200, "+493012342000": 404}},
		{[]store.Trunk{{Name: "pbx", Peer: "127.0.0.1:9", Transport: "tcp"}}, map[string]int{"2000": 403, "1000": 200}},
		// Of two trunks with one address it is the one whose number was dialled.
		{[]store.Trunk{{Name: "a", Peer: "127.0.0.1:9", Transport: "udp"}, outside("127.0.0.1")}, map[string]int{"2000": 403, "+493012342000": 200, "1000": 200}},
		{nil, map[string]int{"2000": 403}},
	} {
		s.set(t, tt.trunks...)
		for number, status := range tt.want {
			call := a.newCall(number)
			branch := call.send("INVITE", call.offer("0"))
			if status == 200 {
				call.took(call.response(200))
				call.ack("")
				call.bye()
				continue
			}
			res := call.refused(branch, status)
			if warning := header(res, "Warning"); len(tt.trunks) > 0 && tt.trunks[0].Name == "pbx" && status == 403 && !strings.Contains(warning, "rooms with a PIN only") {
				t.Errorf("%s: Warning %s", number, warning)
			}
		}
	}
}

func TestAssertedIdentityCountsOverATrunkOnly(t *testing.T) {
	s := startServer(t, nil)
	a := newAgent(t, s, "udp")
	untrusted := outside("127.0.0.1")
	untrusted.Untrusted = true
	const asserted = "P-Asserted-Identity: \"Anna\" <sip:+493055555@carrier.example>\n"
	for _, tt := range []struct {
		name, headers string
		trunks        []store.Trunk
		want          string
	}{
		{"from a stranger", asserted, nil, `al b/Al "x"`},
		{"over a trunk", asserted, []store.Trunk{outside("127.0.0.1")}, "+493055555/Anna"},
		{"over a trunk, from who wants to be private", asserted + "Privacy: id\n", []store.Trunk{outside("127.0.0.1")}, "anonymous/"},
		{"from a stranger who wants to be private", "Privacy: user;critical\n", nil, "anonymous/"},
		{"over a trunk that is not trusted", asserted, []store.Trunk{untrusted}, `al b/Al "x"`},
		{"over a trunk, without one", "", []store.Trunk{outside("127.0.0.1")}, `al b/Al "x"`},
		{"over a trunk, malformed", "P-Asserted-Identity: \"Anna <sip:1@x>\n", []store.Trunk{outside("127.0.0.1")}, `al b/Al "x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.set(t, tt.trunks...)
			call := a.newCall("2000")
			call.send("INVITE", tt.headers+call.offer("0"))
			call.took(call.response(200))
			call.ack("")
			var got string
			eventually(t, "he is a member", func() bool {
				for _, conference := range s.house.Live() {
					for _, m := range conference.Members {
						got = m.Caller + "/" + m.Name
					}
				}
				return got != ""
			})
			if got != tt.want {
				t.Errorf("he is %s, want %s", got, tt.want)
			}
			call.bye()
			eventually(t, "he has left", func() bool { return len(s.house.Live()) == 0 })
		})
	}
}

func TestNumberOfACallToTheRegisteredContactIsInTo(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { c.Guests = sip.GuestsNone })
	trunk := outside("127.0.0.1")
	trunk.User, trunk.Password = "acct", "p"
	s.set(t, trunk)
	call := newAgent(t, s, "udp").newCall("acct")
	branch := "z9hG4bK" + token()
	call.seq = 1
	call.write(strings.Replace(call.text("INVITE", branch, 1, call.offer("0")), "To: <sip:acct@", "To: <sip:03012342000@", 1))
	call.took(call.response(200))
	call.number = "2000"
	call.ack("")
	call.bye()
}

func TestAnyAnswerToOptionsIsOneButThatOfWhoReachesNothing(t *testing.T) {
	s := startServer(t, brisk)
	c := newCarrier(t, "udp", "127.0.0.1")
	s.set(t, c.trunk("carrier", false))
	for _, tt := range []struct {
		status    int
		reachable bool
	}{{200, true}, {503, false}, {404, true}, {408, false}, {401, true}} {
		c.answers(func(req *sipgo.Request) *sipgo.Response {
			return sipgo.NewResponseFromRequest(req, tt.status, "Any\x1b reason", nil)
		})
		eventually(t, fmt.Sprintf("after %d reachable is %v", tt.status, tt.reachable), func() bool {
			targets := s.state("carrier").Targets
			if tt.reachable || len(targets) == 0 {
				return s.reachable("carrier")
			}
			return !targets[0].Reachable && targets[0].Failure == fmt.Sprintf("the peer answers %d Any reason", tt.status)
		})
	}
}

func TestAudioOfATrunkComesFromItsNetworks(t *testing.T) {
	for _, tt := range []struct {
		name          string
		peer, network string
		phone         bool // that has authenticated calls, from the address that is the peer's or in the network
		heard         bool
	}{
		{"of the trunk", "192.0.2.1", "127.0.0.0/29", false, true},
		{"of another one", "192.0.2.1", "127.0.0.1", false, false},
		{"of a phone behind the peer", "127.0.0.1", "127.0.0.3", true, true},
		{"of a phone behind the peer, of another one", "127.0.0.1", "127.0.0.4", true, false},
		{"of a phone in the network", "192.0.2.1", "127.0.0.0/29", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t, withPhones)
			trunk := outside(tt.network)
			trunk.Peer = tt.peer
			s.set(t, trunk)
			agent := newAgent(t, s, "udp")
			call := agent.newCall("2000")
			// The session description names one address, the audio comes from another: a media gateway's.
			headers := ""
			if tt.phone {
				headers = agent.authorization("200", agent.challenged("200"), 1, func(c *phone.Credentials) {
					c.Method, c.URI = "INVITE", "sip:2000@"+agent.conn.RemoteAddr().String()
				})
			}
			call.seq++
			invite := call.text("INVITE", "z9hG4bK"+token(), call.seq, headers+sdpOf("127.0.0.2", 9, "0"))
			call.write(strings.Replace(invite, "<sip:al%20b@", "<sip:200@", 1))
			res := call.response(200)
			call.took(res)
			call.ack("")
			gateway, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)})
			if err != nil {
				t.Fatal(err)
			}
			defer gateway.Close()
			answer, err := sdp.Parse(res.Body())
			if err != nil {
				t.Fatal(err)
			}
			to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(answer.AudioAddress(), answer.Media[0].Port))
			packet := make([]byte, 12+160)
			packet[0] = 0x80
			answered := make(chan bool, 1)
			go func() {
				_ = gateway.SetReadDeadline(time.Now().Add(patience))
				n, _, err := gateway.ReadFromUDP(make([]byte, 2000))
				answered <- err == nil && n > 12
			}()
			// Three packets in a row within 250 ms are enough; who is busy may need more of them.
			most := 10 * time.Second
			if !tt.heard {
				most = 500 * time.Millisecond
			}
			got := false
			for end := time.Now().Add(most); !got && time.Now().Before(end); {
				packet[3]++ // the sequence number; 255 packets are 5 s, then the order begins anew
				packet[6], packet[7] = packet[3]>>1, packet[3]*160
				if _, err := gateway.WriteToUDP(packet, to); err != nil {
					t.Fatal(err)
				}
				select {
				case got = <-answered:
				case <-time.After(20 * time.Millisecond):
				}
			}
			if got != tt.heard {
				t.Errorf("audio is exchanged with the gateway: %v, want %v", got, tt.heard)
			}
			call.bye()
		})
	}
}

// A trunk whose address is not known proves who it is by its user and password.
func TestTrunkIsKnownByItsPassword(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { c.Guests = sip.GuestsNone })
	trunk := outside("127.0.0.8/29")
	trunk.User, trunk.Password = "anna", "secret"
	s.set(t, trunk)
	p := newPhone(t, "udp", "127.0.0.1")
	for name, tt := range map[string]struct {
		from, password, number string
		want                   int
	}{
		"right":                    {"anna", "secret", "+493012342000", 200},
		"wrong password":           {"anna", "secreT", "+493012342000", 401},
		"another user":             {"bert", "secret", "+493012342000", 401},
		"no password":              {"anna", "", "+493012342000", 401},
		"no number of the trunk's": {"anna", "secret", "2000", 403},
	} {
		if got := calls(t, p, s, "udp", tt.number, phone.Options{From: tt.from, Password: tt.password}); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
