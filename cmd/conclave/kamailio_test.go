package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"conclave/media/tone"
	"conclave/sip/phone"
)

// kamailio is a real PBX in front of a server: a proxy on 127.0.0.2 that stays on the way of calls and registrations.
type kamailio struct {
	t   *testing.T
	sip string // host:port
	log string
}

// startKamailio starts one in front of a server.
func startKamailio(t *testing.T, s *testServer) *kamailio {
	t.Helper()
	path := need(t, "/usr/sbin/kamailio", "kamailio")
	config, err := filepath.Abs("../../testdata/kamailio/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	port, err := net.ListenPacket("udp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	k := &kamailio{t: t, sip: port.LocalAddr().String(), log: filepath.Join(dir, "log")}
	port.Close()
	log, err := os.Create(k.log)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, "-f", config, "-l", "udp:"+k.sip, "-A", fmt.Sprintf(`CONCLAVE="sip:%s"`, s.sip),
		"-DD", "-E", "-m", "32", "-M", "4", "-w", dir, "-Y", dir, "-P", filepath.Join(dir, "pid"))
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
		log.Close()
		if t.Failed() {
			t.Logf("kamailio: %.4000s", k.logged())
		}
	})
	ph := newPhone(t, "127.0.0.3")
	s.wait("proxy that answers", 20*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := ph.Ask(ctx, k.sip, "", "OPTIONS")
		return err == nil
	})
	return k
}

func (k *kamailio) logged() string {
	k.t.Helper()
	text, err := os.ReadFile(k.log)
	if err != nil {
		k.t.Fatal(err)
	}
	return string(text)
}

// proxied tells whether requests of a method came to the proxy from an address.
func (k *kamailio) proxied(method, from string) bool {
	return strings.Contains(k.logged(), "proxied: "+method+" from "+from)
}

// newPhone is a phone on an address of loopback, until the end of the test.
func newPhone(t *testing.T, host string) *phone.Phone {
	t.Helper()
	ph, err := phone.New("udp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ph.Close() })
	return ph
}

// hears waits until a phone hears a tone at a level within 2 dB, or nothing of it where the level is silence.
func (s *testServer) hears(call *phone.Call, who string, hz, level float64) {
	s.t.Helper()
	s.wait(fmt.Sprintf("%g Hz at %g dBFS for %s", hz, level, who), 20*time.Second, func() bool {
		got := tone.LevelAt(call.Listen(time.Second), 8000, hz)
		return level == silence && got < silence || got > level-2 && got < level+2
	})
}

const silence = -60 // dBFS; what is below counts as nothing

// A real phone behind a real proxy calls a room that only the proxy's trunk may reach: PIN, audio both ways, hold and
// resume, and BYE from either side.
func TestCallsThroughKamailio(t *testing.T) {
	need(t, "baresip", "baresip-core")
	s := startServer(t, "--guests", "none")
	s.run("room", "add", "1000", "--name", "Weekly", "--pin", "1234", "-o", "quiet=yes")
	k := startKamailio(t, s)
	// The audio does not pass the proxy, and baresip describes it by an address that is not the one it sends from.
	s.run("trunk", "add", "pbx", "--peer", k.sip, "--did", "7", "--allow", "127.0.0.1")

	// Another caller through the same proxy listens, and speaks himself.
	const ours, theirs, level = 1031, 437, -20
	ph := newPhone(t, "127.0.0.3")
	listener, err := ph.Dial(t.Context(), k.sip, "71000", phone.Options{From: "listener"})
	if err != nil {
		t.Fatal(err)
	}
	listener.Say(phone.Tone(ours, level))
	if err := listener.Press("1234", phone.Press{}); err != nil {
		t.Fatal(err)
	}
	members := func(n int) {
		t.Helper()
		s.wait(fmt.Sprintf("%d members", n), 20*time.Second, func() bool {
			return strings.Count(s.run("live", "1000", "--json"), `"entered": true`) == n
		})
	}
	members(1)

	for number, ends := range []string{"caller", "server"} {
		b := startBaresip(t, 11+number, theirs, level, "sip:71000@"+k.sip)
		b.recorded(s, 1)
		b.press("1234")
		members(2)
		s.hears(listener, "the listener", theirs, level)
		b.do("hold", "")
		s.hears(listener, "the listener while the other one holds", theirs, silence)
		b.do("resume", "")
		s.hears(listener, "the listener after the hold", theirs, level)
		switch ends {
		case "caller":
			b.do("hangup", "")
		case "server":
			s.run("kick", "1000", "--last")
		}
		members(1)
		if !b.hears(ours, level, theirs) {
			t.Errorf("the phone whose call the %s ends does not hear the other one, or hears itself", ends)
		}
	}
	if err := listener.Hangup(); err != nil {
		t.Error(err)
	}
	for _, request := range []struct{ method, from string }{{"INVITE", "127.0.0.3"}, {"ACK", "127.0.0.3"}, {"BYE", "127.0.0.3"}, {"BYE", s.sip}} {
		if !k.proxied(request.method, request.from) {
			t.Errorf("no %s from %s passed the proxy", request.method, request.from)
		}
	}
	s.wait("history of the three calls", 20*time.Second, func() bool {
		history := s.run("calls", "--json")
		return strings.Count(history, `"from": "trunk pbx"`) == 3 && strings.Contains(history, "KICKED") && strings.Count(history, `"result": "HANGUP"`) == 2
	})
}

// A real phone registers through a real proxy, which puts itself into the Path, and is called back through it after a
// restart of the server.
func TestPhoneRegistersThroughKamailioAndIsCalledBack(t *testing.T) {
	need(t, "baresip", "baresip-core")
	s := startServer(t, "--guests", "none")
	k := startKamailio(t, s)
	password := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
	other := generatedPassword(t, s.run("phone", "add", "201", "--name", "Bert"))
	// Its audio comes from an address that neither it nor the proxy tells.
	s.run("trunk", "add", "proxy", "--peer", k.sip, "--allow", "127.0.0.1")
	const theirs, ours, level = 437, 1031, -20
	account := fmt.Sprintf(`<sip:200@%s>;auth_pass=%s;outbound="sip:%s;lr";regint=60;answermode=auto`, s.sip, password, k.sip)
	b := startBaresipAs(t, 13, theirs, level, account)
	registered := regexp.MustCompile(`(?m)^200 .* udp:` + regexp.QuoteMeta(k.sip) + ` .* \d+ ms `)
	s.wait("registration through the proxy that answers OPTIONS through it", 40*time.Second, func() bool {
		return registered.MatchString(s.run("phone", "list"))
	})
	s.stop()
	s = startServerOn(t, s.data, s.sip, "--guests", "none")
	call, err := newPhone(t, "127.0.0.3").Dial(t.Context(), s.sip, "200", phone.Options{From: "201", Password: other})
	if err != nil {
		t.Fatalf("call to the phone behind the proxy: %v", err)
	}
	call.Say(phone.Tone(ours, level))
	s.hears(call, "the caller", theirs, level)
	b.recorded(s, 3)
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
	if !b.hears(ours, level, theirs) {
		t.Error("the phone behind the proxy does not hear the caller, or hears itself")
	}
	for _, method := range []string{"OPTIONS", "INVITE", "ACK", "BYE"} {
		if !k.proxied(method, s.sip) {
			t.Errorf("no %s of the server passed the proxy", method)
		}
	}
}
