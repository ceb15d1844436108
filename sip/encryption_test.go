package sip_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// encryptedRooms are 3001, which takes encrypted calls only, and 3002, which takes plain ones only.
func encryptedRooms() ([]rooms.Room, error) {
	var list []rooms.Room
	for i, encryption := range []string{"required", "no"} {
		parsed, err := rooms.ParseOptions(map[string]string{"quiet": "yes", "agc": "no", "encryption": encryption, "call_out_allow": "sip:*@127.0.0.1"})
		if err != nil {
			return nil, err
		}
		list = append(list, rooms.Room{ID: "encryption" + encryption, Extension: fmt.Sprint(3001 + i), Name: "Encryption " + encryption, Options: parsed})
	}
	return list, nil
}

const sha80 = "AES_CM_128_HMAC_SHA1_80"

// secureServer listens for UDP and TLS, and has the phones 200, 201 and 202.
func secureServer(t *testing.T, change func(*sip.Config)) (*server, <-chan store.Call) {
	t.Helper()
	s, records := recording(t, func(c *sip.Config) {
		withPhones(c)
		withTLS(t)(c)
		if change != nil {
			change(c)
		}
	})
	s.at["tls"] = s.at["tcp"]
	t.Cleanup(func() { hidesKeys(t, s.log.text()) })
	return s, records
}

// hidesKeys: what is logged has no keys.
func hidesKeys(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "inline:") {
		t.Errorf("a key is in %q", text)
	}
}

// encrypts is how a handset calls that proves who it is and encrypts.
func (h *handset) encrypts(suite string) phone.Options {
	o := h.asItself()
	o.SRTP = suite
	return o
}

// in calls a room.
func (h *handset) in(number string, o phone.Options) *phone.Call {
	h.t.Helper()
	call := h.calls(number, o)
	if err := answered(call); err != nil {
		h.t.Fatal(err)
	}
	return call
}

// hearEachOther has two calls speak, each of which hears the other and not itself.
func hearEachOther(t *testing.T, anna, bert *phone.Call) {
	t.Helper()
	anna.Say(phone.Tone(annaHz, -12))
	bert.Say(phone.Tone(bertHz, -15))
	hearing(t, anna, bertHz, -15, annaHz)
	hearing(t, bert, annaHz, -12, bertHz)
}

// plainProfile changes descriptions as phones have them that encrypt audio of a plain transport.
func plainProfile(description string) string {
	return strings.Replace(description, "RTP/SAVP", "RTP/AVP", 1)
}

func TestEncryptedAndPlainPhonesHearEachOther(t *testing.T) {
	for _, suite := range media.Suites() {
		for _, way := range []string{"offer", "offer in the ACK", "plain transport"} {
			if way != "offer" && suite != media.AESCMSHA180 {
				continue
			}
			t.Run(suite.String()+" by "+way, func(t *testing.T) {
				s, records := secureServer(t, nil)
				a, b := s.phoneAt(t, "tls", "200"), s.phoneAt(t, "udp", "201")
				o := a.encrypts(suite.String())
				switch way {
				case "offer in the ACK":
					o.Offerless = true
				case "plain transport":
					o.Edit = plainProfile
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				events := s.house.Events(ctx, "2000")
				anna := a.in("2000", o)
				if join := <-events; join.Kind != rooms.EventJoin || join.Encryption != suite.String() {
					t.Errorf("event %+v", join)
				}
				bert := b.in("2000", b.asItself())
				hearEachOther(t, anna, bert)
				members := s.house.Live()[0].Members
				if len(members) != 2 || members[0].Encryption != suite.String() || members[1].Encryption != "" {
					t.Errorf("members %+v", members)
				}
				if proto := anna.Remote().Proto; (proto == "RTP/SAVP") == (way == "plain transport") {
					t.Errorf("our transport is %s", proto)
				}
				hangsUp(t, anna)
				if call := <-records; call.Encryption != suite.String() || call.Lost != 0 {
					t.Errorf("record of the encrypted call: %+v", call)
				}
				hangsUp(t, bert)
				if call := <-records; call.Encryption != "" {
					t.Errorf("record of the plain call: %+v", call)
				}
				s.empty(t)
			})
		}
	}
}

// refusedBecause waits for the refusal of a call, whose Warning has a text and no key.
func refusedBecause(t *testing.T, call *phone.Call, status int, text string) {
	t.Helper()
	var refused *phone.Refused
	if err := answered(call); !errors.As(err, &refused) || refused.Status() != status {
		t.Errorf("%v, want %d", err, status)
		return
	}
	warning := refused.Response.GetHeader("Warning")
	if warning == nil || !strings.Contains(warning.Value(), text) {
		t.Errorf("%v, want a warning with %q", warning, text)
	}
	hidesKeys(t, refused.Response.String())
}

func TestCallsThatAreNotEncryptedAsTheyShouldBeAreRefused(t *testing.T) {
	s, _ := secureServer(t, nil)
	open := s.phoneAt(t, "udp", "200")
	secure := s.phoneAt(t, "tls", "201")
	edit := func(o phone.Options, edit func(string) string) phone.Options {
		o.Edit = edit
		return o
	}
	for _, test := range []struct {
		name   string
		caller *handset
		number string
		o      phone.Options
		text   string
	}{
		{"plain over UDP", open, "3001", open.asItself(), "302 conclave \"audio has to be encrypted here, and its keys are taken over TLS only"},
		{"plain over TLS", secure, "3001", secure.asItself(), "302 conclave \"audio has to be encrypted here: offered RTP/AVP, with a=crypto: there is none; RTP/SAVP is right"},
		{"keys over UDP", open, "3001", open.encrypts(sha80), "302 conclave \"RTP/SAVP cannot be taken: its keys are taken over TLS only"},
		{"keys over UDP for an open room", open, "2000", open.encrypts(sha80), "302 conclave \"RTP/SAVP cannot be taken: its keys are taken over TLS only"},
		{"encrypted where none is wanted", secure, "3002", secure.encrypts(sha80), "302 conclave \"RTP/SAVP cannot be taken: this room takes plain audio only"},
		{"without a key", secure, "2000", edit(secure.encrypts(sha80), func(d string) string { return strings.Replace(d, "a=crypto", "a=x", 1) }), "no usable a=crypto line: there is none"},
		{"a broken key", secure, "2000", edit(secure.encrypts(sha80), func(d string) string { return strings.Replace(d, "inline:", "inline:AA", 1) }), "no usable a=crypto line: line 1: its key"},
		{"two keys with one tag", secure, "3001", edit(secure.encrypts(sha80), func(d string) string {
			i := strings.Index(d, "a=crypto")
			return d[:i] + d[i:i+strings.Index(d[i:], "\n")+1] + d[i:]
		}), "no usable a=crypto line: two lines have the tag 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			refusedBecause(t, test.caller.calls(test.number, test.o), 488, test.text)
			s.empty(t)
		})
	}
	// No answer to an offer of ours is taken that is plain where the offer was not.
	o := secure.asItself()
	o.Offerless = true
	call := secure.calls("2000", o)
	byeReceived(t, call)
	s.empty(t)
}

func TestKeysAreTakenOverUDPWhereThatIsAllowed(t *testing.T) {
	s, _ := secureServer(t, func(c *sip.Config) { c.InsecureKeys = true })
	a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "udp", "201")
	anna, bert := a.in("3001", a.encrypts(sha80)), b.in("3001", b.encrypts("AEAD_AES_256_GCM"))
	hearEachOther(t, anna, bert)
	hangsUp(t, anna, bert)
	s.empty(t)
	// Nothing is offered that need not be.
	carl := a.calls("201", a.asItself())
	ring := b.rings()
	if d, err := phone.ParseDescription(ring.Request().Body()); err != nil || d.Proto != "RTP/AVP" || len(d.Crypto) != 0 {
		t.Errorf("a phone over UDP is offered %s, %v", d.Text, err)
	}
	if err := ring.Refuse(486, "Busy Here"); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, carl, 486)
	s.empty(t)
}

func TestPhonesOverTLSAreCalledEncrypted(t *testing.T) {
	t.Run("and answer so", func(t *testing.T) {
		s, records := secureServer(t, nil)
		a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "tls", "201")
		anna, bert := talk(a, b, a.asItself(), phone.Options{SRTP: sha80})
		if d := bert.Remote(); d.Proto != "RTP/SAVP" || len(d.Crypto) != 4 {
			t.Errorf("offered %s with %d keys", d.Proto, len(d.Crypto))
		}
		hearEachOther(t, anna, bert)
		hangsUp(t, anna)
		over(t, bert)
		encryption := []string{(<-records).Encryption, (<-records).Encryption}
		slices.Sort(encryption)
		if !slices.Equal(encryption, []string{"", sha80}) {
			t.Errorf("recorded %q", encryption)
		}
		s.empty(t)
	})
	t.Run("and once more without where they refuse it", func(t *testing.T) {
		for _, status := range []int{488, 415, 606} {
			s, _ := secureServer(t, nil)
			a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "tls", "201")
			anna := a.calls("201", a.asItself())
			if err := b.rings().Refuse(status, "No"); err != nil {
				t.Fatal(err)
			}
			again := b.rings()
			if d, err := phone.ParseDescription(again.Request().Body()); err != nil || d.Proto != "RTP/AVP" || len(d.Crypto) != 0 {
				t.Errorf("offered %s, %v", d.Text, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			bert, err := again.Answer(ctx, phone.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := answered(anna); err != nil {
				t.Fatal(err)
			}
			hearEachOther(t, anna, bert)
			hangsUp(t, anna)
			over(t, bert)
			s.empty(t)
		}
	})
	t.Run("and are hung up on where they take it away", func(t *testing.T) {
		s, _ := secureServer(t, nil)
		a, b := s.phoneAt(t, "udp", "200"), s.phoneAt(t, "tls", "201")
		anna := a.calls("201", a.asItself())
		bert := b.answers(phone.Options{}) // with RTP/AVP
		refusedWith(t, anna, 488)
		over(t, bert)
		s.empty(t)
	})
}

func TestRoomsThatTakeEncryptedCallsOnlyCallSo(t *testing.T) {
	s, _ := secureServer(t, nil)
	s.phoneAt(t, "udp", "200")
	b := s.phoneAt(t, "tls", "201")
	s.invite(t, sip.Invitation{Room: "3001", Callee: "200"}).comesTo(t, "REFUSED", "encrypted calls only")
	refused := s.invite(t, sip.Invitation{Room: "3001", Callee: "201"})
	if err := b.rings().Refuse(488, "Not Acceptable Here"); err != nil {
		t.Fatal(err)
	}
	refused.comesTo(t, "REFUSED", "488")
	invited := s.invite(t, sip.Invitation{Room: "3001", Callee: "201"})
	bert := b.answers(phone.Options{SRTP: sha80})
	speaks(t, bert)
	press(t, bert, "events", "1")
	if err := invited.ends(t); err != nil {
		t.Fatal(err)
	}
	s.encryptedMember(t, "3001")
	hangsUp(t, bert)
	s.empty(t)
}

func TestEncryptionIsNotTakenAwayInACall(t *testing.T) {
	s, _ := secureServer(t, nil)
	a, b := s.phoneAt(t, "tls", "200"), s.phoneAt(t, "tls", "201")
	for _, method := range []string{"INVITE", "UPDATE"} {
		o := a.encrypts(sha80)
		downgraded := false
		o.Edit = func(description string) string {
			if downgraded {
				i := strings.Index(description, "a=crypto")
				return plainProfile(description[:i] + description[i+strings.Index(description[i:], "\n")+1:])
			}
			return description
		}
		anna, bert := a.in("3001", o), b.in("3001", b.encrypts(sha80))
		downgraded = true
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		change := anna.Reinvite
		if method == "UPDATE" {
			change = anna.Update
		}
		var refused *phone.Refused
		if err := change(ctx, phone.Change{}); !errors.As(err, &refused) || refused.Status() != 488 {
			t.Errorf("%s: %v, want 488", method, err)
		}
		downgraded = false
		hearEachOther(t, anna, bert)
		hangsUp(t, anna, bert)
		s.empty(t)
	}
}

func TestKeysChangeByReinvite(t *testing.T) {
	s, _ := secureServer(t, nil)
	a, b := s.phoneAt(t, "tls", "200"), s.phoneAt(t, "udp", "201")
	anna, bert := a.in("2000", a.encrypts(sha80)), b.in("2000", b.asItself())
	hearEachOther(t, anna, bert)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	key := func() string { return string(anna.Remote().Crypto[0].Key) }
	first := key()
	if err := anna.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	if err := anna.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	if key() != first {
		t.Error("our key has changed by a hold")
	}
	hearEachOther(t, anna, bert)
	for range 3 {
		before := key()
		if err := anna.Reinvite(ctx, phone.Change{Rekey: true}); err != nil {
			t.Fatal(err)
		}
		if key() == before {
			t.Error("the far end has a new key, and we have the same as before")
		}
		hearEachOther(t, anna, bert)
	}
	// The far end asks for our offer.
	before := key()
	if err := anna.Reinvite(ctx, phone.Change{Offerless: true}); err != nil {
		t.Fatal(err)
	}
	if d := anna.Remote(); d.Proto != "RTP/SAVP" || !slices.ContainsFunc(d.Crypto, func(c phone.Crypto) bool { return string(c.Key) == before }) {
		t.Errorf("our offer in an encrypted call is %s with %d keys, and not that in use", d.Proto, len(d.Crypto))
	}
	hearEachOther(t, anna, bert)
	if m := s.member(t, 2); m.Encryption != sha80 {
		t.Errorf("member %+v", m)
	}
	hangsUp(t, anna, bert)
	s.empty(t)
}

func TestNobodyPlainIsSentToARoomThatTakesEncryptedCallsOnly(t *testing.T) {
	s, _ := secureServer(t, nil)
	a, b, c := s.phoneAt(t, "tls", "200"), s.phoneAt(t, "udp", "201"), s.phoneAt(t, "tls", "202")
	t.Run("by REFER", func(t *testing.T) {
		anna, bert := talk(a, b, a.encrypts(sha80), phone.Options{})
		accepted(t, anna, to(s.secureNumber("3001")))
		told(t, anna, progress("refer", "488 Not Acceptable Here")...)
		hearEachOther(t, anna, bert)
		hangsUp(t, anna)
		over(t, bert)
		s.empty(t)
	})
	t.Run("but who is encrypted", func(t *testing.T) {
		anna, carl := talk(a, c, a.encrypts(sha80), phone.Options{SRTP: sha80})
		accepted(t, anna, to(s.secureNumber("3001")))
		byeReceived(t, anna)
		s.encryptedMember(t, "3001")
		hangsUp(t, carl)
		s.empty(t)
	})
	t.Run("in the place of another call", func(t *testing.T) {
		there := a.in("3001", a.encrypts(sha80))
		s.member(t, 1)
		refusedBecause(t, a.takes(there, a.asItself()), 488, "this room takes encrypted calls only")
		here := a.takes(there, a.encrypts(sha80))
		if err := answered(here); err != nil {
			t.Fatal(err)
		}
		byeReceived(t, there)
		hangsUp(t, here)
		s.empty(t)
	})
}

// encryptedMember waits until a room has one member, who is encrypted.
func (s *server) encryptedMember(t *testing.T, extension string) {
	t.Helper()
	eventually(t, "there is an encrypted member", func() bool { return s.onlyMember(t, extension).Encryption == sha80 })
}

// secureNumber is the address of a number over TLS.
func (s *server) secureNumber(number string) string {
	return fmt.Sprintf("<sip:%s@%s;transport=tls>", number, s.at["tls"])
}

// A proxy in front of the server puts itself into the way of the dialog; our requests go its way.
func TestRequestsGoTheRecordedRouteOverTLS(t *testing.T) {
	s, _ := secureServer(t, nil)
	a := s.phoneAt(t, "tls", "200")
	o := a.encrypts(sha80)
	const route = "<sip:192.0.2.8:5061;transport=tls;lr>"
	o.Headers = []sipgo.Header{sipgo.NewHeader("Record-Route", "<sip:192.0.2.9;transport=tls;lr>"), sipgo.NewHeader("Record-Route", route)}
	anna := a.in("2000", o)
	if got := anna.Response().GetHeaders("Record-Route"); len(got) != 2 {
		t.Errorf("the 200 has the Record-Route %v", got)
	}
	anna.Say(phone.Tone(annaHz, -12))
	s.member(t, 1)
	if _, err := s.house.Kick("2000", rooms.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	byeReceived(t, anna)
	bye := anna.LastRequest()
	var routes []string
	for _, h := range bye.GetHeaders("Route") {
		routes = append(routes, h.Value())
	}
	if want := []string{"<sip:192.0.2.9;transport=tls;lr>", route}; !slices.Equal(routes, want) {
		t.Errorf("the BYE goes by %q, want %q", routes, want)
	}
	if via := bye.Via(); via == nil || via.Transport != "TLS" {
		t.Errorf("Via %v", via)
	}
	s.empty(t)
}
