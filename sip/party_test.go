package sip_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip"
	"conclave/sip/phone"
)

// calls dials a number and hangs up again; it returns the status that it was refused with, 200 if it was not.
func calls(t *testing.T, p *phone.Phone, s *server, network, number string, o phone.Options) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	call, err := p.Dial(ctx, s.at[network].String(), number, o)
	var refused *phone.Refused
	if errors.As(err, &refused) {
		return refused.Status()
	}
	if err != nil {
		t.Fatal(err)
	}
	// In the dialog nobody is asked for credentials.
	if err := call.Hold(ctx); err != nil {
		t.Error(err)
	}
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
	return 200
}

func TestWhoMayCallWhom(t *testing.T) {
	for policy, want := range map[sip.GuestPolicy]map[string]int{
		sip.GuestsAll:  {"1000": 200, "2000": 200, "201": 401, "99999": 404},
		sip.GuestsPIN:  {"1000": 200, "2000": 401, "201": 401, "99999": 404},
		sip.GuestsNone: {"1000": 401, "2000": 401, "201": 401, "99999": 404},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(string(policy)+" "+network, func(t *testing.T) {
				s := startServer(t, func(c *sip.Config) { withPhones(c); c.Guests = policy })
				p := newPhone(t, network, "127.0.0.1")
				for number, status := range want {
					if got := calls(t, p, s, network, number, phone.Options{From: "guest"}); got != status {
						t.Errorf("a guest who calls %s gets %d, want %d", number, got, status)
					}
					// Once known, a phone may call all rooms and phones.
					status = map[string]int{"201": 480, "99999": 404}[number]
					if status == 0 {
						status = 200
					}
					if got := calls(t, p, s, network, number, phone.Options{From: "200", Password: secret("200")}); got != status {
						t.Errorf("a phone that calls %s gets %d, want %d", number, got, status)
					}
				}
				s.empty(t)
			})
		}
	}
}

func TestPhoneThatHasRegisteredHasToAuthenticate(t *testing.T) {
	s := startServer(t, withPhones)
	p, elsewhere := newPhone(t, "udp", "127.0.0.1"), newPhone(t, "udp", "127.0.0.2")
	if got := calls(t, p, s, "udp", "2000", phone.Options{From: "200"}); got != 200 {
		t.Errorf("before it has registered it gets %d", got)
	}
	registers(t, p, s.at["udp"], phone.Registration{User: "200"})
	for name, tt := range map[string]struct {
		from   *phone.Phone
		o      phone.Options
		status int
	}{
		"without password":     {p, phone.Options{From: "200"}, 401},
		"with a wrong one":     {p, phone.Options{From: "200", Password: "wrong"}, 401},
		"with its own":         {p, phone.Options{From: "200", Password: secret("200")}, 200},
		"a guest beside it":    {p, phone.Options{From: "guest"}, 200},
		"its name, from afar":  {elsewhere, phone.Options{From: "200"}, 200},
		"a phone that has not": {p, phone.Options{From: "201"}, 200},
	} {
		if got := calls(t, tt.from, s, "udp", "2000", tt.o); got != tt.status {
			t.Errorf("%s: %d, want %d", name, got, tt.status)
		}
	}
	registers(t, p, s.at["udp"], phone.Registration{User: "200", Expires: -1})
	if got := calls(t, p, s, "udp", "2000", phone.Options{From: "200"}); got != 200 {
		t.Errorf("after it has unregistered it gets %d", got)
	}
	s.empty(t)
}

// Who has authenticated as one phone must not speak as another.
func TestCredentialsAreForOnesOwnAddress(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { withPhones(c); c.Guests = sip.GuestsNone })
	a := newAgent(t, s, "udp")
	call := a.newCall("2000") // its From is another's
	branch := call.send("INVITE", call.offer("0"))
	nonce := nonceOf(call.refused(branch, 401))
	own := a.authorization("200", nonce, 1, func(c *phone.Credentials) {
		c.Method, c.URI = "INVITE", "sip:2000@"+a.conn.RemoteAddr().String()
	})
	res := call.refused(call.send("INVITE", own+call.offer("0")), 403)
	if !strings.Contains(header(res, "Warning"), "not that of who has authenticated") {
		t.Errorf("refused without telling why:\n%s", res)
	}
	a.register("201", a.authorization("200", nonce, 2, nil)+"Contact: <sip:200@192.0.2.1>")
	a.response(403)
	if !strings.Contains(s.log.text(), "event=auth_fail proto=udp ip=127.0.0.1 user=200 reason=identity") || len(s.Registrations()) != 0 {
		t.Errorf("registered: %+v", s.Registrations())
	}
	s.empty(t)
}

// A challenge keeps nothing, and is not repeated to who may not have asked for it.
func TestChallengeOfAnInviteIsForgotten(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { withPhones(c); short(c) })
	call := newAgent(t, s, "udp").newCall("201")
	call.send("INVITE", call.offer("0"))
	call.response(401)
	s.empty(t)
	call.silent() // T1 is 20 ms
}

func TestOptionsTellWhatAnInviteWouldMeet(t *testing.T) {
	s := startServer(t, func(c *sip.Config) { withPhones(c); c.Guests = sip.GuestsPIN })
	a := newAgent(t, s, "udp")
	for number, status := range map[string]int{"1000": 200, "2000": 401, "201": 401, "99999": 404} {
		call := a.newCall(number)
		call.send("OPTIONS", "")
		res := call.response(status)
		if status != 401 {
			continue
		}
		if !strings.Contains(header(res, "Warning"), "guests may not call") {
			t.Errorf("%s is asked for credentials without telling why:\n%s", number, res)
		}
		credentials := a.authorization("202", nonceOf(res), 1, func(c *phone.Credentials) {
			c.Method, c.URI = string(sipgo.OPTIONS), "sip:"+number+"@"+a.conn.RemoteAddr().String()
		})
		text := strings.Replace(call.text("OPTIONS", "z9hG4bK"+token(), 2, credentials), "sip:al%20b@", "sip:202@", 1)
		call.write(text)
		call.response(200)
	}
}
