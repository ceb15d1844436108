package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

// linphone is a real phone that is registered, sends a tone and records what it hears. Other than baresip it transfers a call to
// another one of its calls.
type linphone struct {
	t       *testing.T
	dir     string
	keys    io.WriteCloser
	command *exec.Cmd
	ended   chan struct{}
}

const linphoneConfig = `[sip]
sip_port=-1
sip_tcp_port=0
sip_tls_port=0
bind_address=127.0.0.1
use_ipv6=0
default_proxy=0
media_encryption=none
[rtp]
audio_rtp_port=%[4]d-%[5]d
bind_address=127.0.0.1
[misc]
add_missing_audio_codecs=0
[sound]
echocancellation=0
[video]
enabled=0
automatically_initiate=0
automatically_accept=0
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
[auth_info_0]
username=%[1]s
passwd=%[2]s
realm=conclave
domain=127.0.0.1
[proxy_0]
reg_proxy=<sip:%[3]s;transport=udp>
reg_identity=sip:%[1]s@%[3]s
reg_sendregister=1
reg_expires=600
`

// startLinphone starts a phone that registers with the server, and says a tone of hz at level dBFS in its calls.
func startLinphone(t *testing.T, s *testServer, user, password string, hz, level float64) *linphone {
	t.Helper()
	path := need(t, "linphonec", "linphone-cli")
	l := &linphone{t: t, dir: t.TempDir(), ended: make(chan struct{})}
	// It does not begin to work where it cannot make its own database.
	if err := os.MkdirAll(filepath.Join(l.dir, ".local/share/linphone"), 0o700); err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(user)
	if err != nil {
		t.Fatal(err)
	}
	ports := 32000 + number%35*20 // another range for each
	config := filepath.Join(l.dir, "linphonerc")
	if err := os.WriteFile(config, fmt.Appendf(nil, linphoneConfig, user, password, s.sip, ports, ports+18), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Create(filepath.Join(l.dir, "in.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := media.WriteWAV(in, 8000, tone.Make(8000, hz, level, 60*8000)); err != nil {
		t.Fatal(err)
	}
	l.command = exec.Command(path, "-c", config)
	l.command.Env = append(os.Environ(), "HOME="+l.dir, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "LC_ALL=C")
	if l.keys, err = l.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(l.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	l.command.Stdout, l.command.Stderr = log, log
	if err := l.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = l.command.Wait(); close(l.ended) }()
	t.Cleanup(func() {
		l.end()
		log.Close()
		if t.Failed() {
			t.Logf("linphone: %.4000s", l.said())
		}
	})
	l.do("soundcard use files")
	l.do("play " + in.Name())
	l.do("record " + filepath.Join(l.dir, "out.wav"))
	return l
}

// do gives the phone a command, as from its keyboard; a digit is a key pressed in the call.
func (l *linphone) do(command string) {
	l.t.Helper()
	if _, err := io.WriteString(l.keys, command+"\n"); err != nil {
		l.t.Fatalf("linphone, %s: %v", command, err)
	}
}

// said is what the phone has written so far.
func (l *linphone) said() string {
	text, err := os.ReadFile(filepath.Join(l.dir, "log"))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

// says waits until the phone has written something so many times.
func (l *linphone) says(s *testServer, text string, times int) {
	l.t.Helper()
	s.wait("word of linphone that "+text, 30*time.Second, func() bool { return strings.Count(l.said(), text) >= times })
}

// end has the phone hang up and go, so that its recording is whole.
func (l *linphone) end() {
	_, _ = io.WriteString(l.keys, "quit\n")
	select {
	case <-l.ended:
	case <-time.After(10 * time.Second):
		_ = l.command.Process.Kill()
		<-l.ended
	}
}

// heard is what the phone has played in all its calls, one after another.
func (l *linphone) heard() []int16 {
	l.t.Helper()
	l.end()
	file, err := os.Open(filepath.Join(l.dir, "out.wav"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer file.Close()
	sound, err := media.LoadWAV(file)
	if err != nil {
		l.t.Fatal(err)
	}
	return sound.PCM(8000)
}

// A real phone calls another one, puts it on hold, enters a room with a PIN and transfers the first call to the second: the
// partner has its place in the room, is asked for nothing and hears music, until the transferrer dials in.
func TestRealPhoneTransfersAttended(t *testing.T) {
	t.Parallel()
	need(t, "baresip", "baresip-core")
	s := startServer(t, "--guests", "none")
	s.run("room", "add", "1111", "--name", "With PIN", "--pin", "42")
	annas := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
	berts := generatedPassword(t, s.run("phone", "add", "201", "--name", "Bert"))
	const annaHz, bertHz, level = 437, 1031, -20
	anna := startLinphone(t, s, "200", annas, annaHz, level)
	bert := startBaresipAs(t, 14, bertHz, level, fmt.Sprintf("<sip:201@%s;transport=udp>;auth_pass=%s;regint=60;answermode=auto", s.sip, berts))
	s.wait("both registrations", 30*time.Second, func() bool { return strings.Count(s.run("phone", "list"), " udp:127.0.0.1:") == 2 })

	anna.do("call sip:201@" + s.sip)
	bert.recorded(s, 3)
	anna.do("pause")
	anna.says(s, "is now paused", 1)
	enter := func(times int) {
		t.Helper()
		anna.do("call sip:1111@" + s.sip)
		anna.says(s, "Media streams established with sip:1111", times)
		anna.do("4")
		anna.do("2")
	}
	members := func(callers ...string) {
		t.Helper()
		s.wait(fmt.Sprintf("members %v", callers), 30*time.Second, func() bool {
			live := s.run("live", "1111", "--json")
			for _, caller := range callers {
				if strings.Count(live, `"caller": "`+caller+`"`) != 1 {
					return false
				}
			}
			return strings.Count(live, `"entered": true`) == len(callers)
		})
	}
	enter(1)
	members("200")

	anna.do("transfer 1 --to-call 2")
	members("201")
	anna.says(s, "has been transfered, you can safely close the call", 1) // by NOTIFY
	anna.says(s, "Call 1 with sip:201@"+s.sip+" ended", 1)                // by our BYE
	anna.says(s, "Call 2 with sip:1111@"+s.sip+" ended", 1)
	if !strings.Contains(s.run("live", "1111", "--json"), `"music": true`) {
		t.Error("who was transferred has no music")
	}
	enter(2)
	members("200", "201")
	time.Sleep(4 * time.Second) // the tone of joining is over then, and two seconds of conference are recorded
	if pcm := bert.heard(2); !hears(pcm, annaHz, level, bertHz) {
		t.Error("who was transferred does not hear the transferrer in the room, or hears himself")
	}
	if !bert.hears(annaHz, level, bertHz) {
		t.Error("who was called does not hear the caller, or hears himself")
	}
	pcm := anna.heard()
	if last := pcm[max(0, len(pcm)-4*8000):]; !hears(last, bertHz, level, annaHz) {
		t.Error("the transferrer does not hear the other one in the room, or hears himself")
	}
	s.wait("history of the three calls", 20*time.Second, func() bool {
		history := s.run("calls", "--json")
		return strings.Contains(history, `"reason": "has transferred the other party"`) &&
			strings.Contains(history, `"reason": "another call has taken this one's place"`) && strings.Count(history, `"room": "1111"`) == 3
	})
}

// A real phone transfers its partner blind to another real phone, which is rung, and the two talk.
func TestRealPhoneTransfersBlindToAPhone(t *testing.T) {
	t.Parallel()
	need(t, "baresip", "baresip-core")
	s := startServer(t, "--guests", "none")
	tones := []float64{437, 1031, 1873}
	const level = -20
	var passwords []string
	for i := range tones {
		passwords = append(passwords, generatedPassword(t, s.run("phone", "add", fmt.Sprint(200+i), "--name", fmt.Sprintf("Phone %d", i))))
	}
	account := func(i int) string {
		return fmt.Sprintf("<sip:%d@%s;transport=udp>;auth_pass=%s;regint=60;answermode=auto", 200+i, s.sip, passwords[i])
	}
	anna := startBaresipAs(t, 15, tones[0], level, account(0))
	bert := startBaresipAs(t, 16, tones[1], level, account(1))
	carl := startLinphone(t, s, "202", passwords[2], tones[2], level)
	carl.do("autoanswer enable")
	s.wait("three registrations", 30*time.Second, func() bool { return strings.Count(s.run("phone", "list"), " udp:127.0.0.1:") == 3 })

	anna.do("dial", "sip:201@"+s.sip+";transport=udp")
	bert.recorded(s, 2)
	anna.do("transfer", "sip:202@"+s.sip)
	carl.says(s, "Media streams established with", 1)
	s.wait("end of the transferrer's call", 20*time.Second, func() bool {
		return strings.Contains(s.run("calls", "--json"), `"reason": "has transferred the other party"`)
	})
	time.Sleep(3 * time.Second)
	if !bert.hears(tones[2], level, tones[1]) {
		t.Error("who was transferred does not hear whom he was transferred to, or hears himself")
	}
	if pcm := carl.heard(); !hears(pcm, tones[1], level, tones[2]) {
		t.Error("the transferee's new partner does not hear him, or hears himself")
	}
	s.wait("history of the three legs", 20*time.Second, func() bool {
		var views []callView
		return json.Unmarshal([]byte(s.run("calls", "--json")), &views) == nil && len(views) == 3
	})
}
