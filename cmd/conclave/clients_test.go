package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
)

// need returns the path of a real client. Where it is missing the test is passed over on a developer's machine and
// fails in CI.
func need(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is missing: install Debian's %s", program, debianPackage)
	default:
		t.Skipf("%s is missing: install Debian's %s to run this test", program, debianPackage)
	}
	return path
}

// baresip is a real phone that sends a tone and records what it hears.
type baresip struct {
	t       *testing.T
	dir     string
	control string // address of its ctrl_tcp module
	command *exec.Cmd
}

const baresipConfig = `sip_listen 127.0.0.1:0
audio_source aufile,%[1]s/in.wav
audio_player aubridge,%[2]s
audio_channels %[8]d
audio_srate %[7]d
rtp_ports %[3]d-%[4]d
module_path %[5]s
snd_path %[1]s
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen %[6]s
`

// startBaresip starts a phone that says a tone of hz at level dBFS, and dials uri.
func startBaresip(t *testing.T, number int, hz, level float64, uri string) *baresip {
	t.Helper()
	account := fmt.Sprintf("<sip:phone%d@127.0.0.1>;regint=0", number)
	return startBaresipAs(t, number, hz, level, account, "-e", "/dial "+uri)
}

// startBaresipAs is startBaresip with an account, and further arguments in place of a call.
func startBaresipAs(t *testing.T, number int, hz, level float64, account string, args ...string) *baresip {
	t.Helper()
	path := need(t, "baresip", "baresip-core")
	modules, err := filepath.Glob("/usr/lib/*/baresip/modules")
	if err != nil || len(modules) == 0 {
		modules = []string{"/usr/lib/baresip/modules"}
	}
	b := &baresip{t: t, dir: t.TempDir(), control: freeAddress(t, "127.0.0.1")}
	in, err := os.Create(filepath.Join(b.dir, "in.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	rate, channels := 8000, 1 // what it says and plays has its codec's
	switch {
	case strings.Contains(account, "audio_codecs=G722"):
		rate = 16000
	case strings.Contains(account, "audio_codecs=opus"):
		rate, channels = 48000, 2
	}
	var sound bytes.Buffer
	said := tone.Make(rate, hz, level, 60*rate)
	if channels == 2 {
		mono := said
		said = make([]int16, 0, 2*len(mono))
		for _, v := range mono {
			said = append(said, v, v)
		}
	}
	if err := media.WriteWAV(&sound, rate, said); err != nil {
		t.Fatal(err)
	}
	header := sound.Bytes() // channels, octets a second and octets of a moment
	binary.LittleEndian.PutUint16(header[22:], uint16(channels))
	binary.LittleEndian.PutUint32(header[28:], uint32(2*channels*rate))
	binary.LittleEndian.PutUint16(header[32:], uint16(2*channels))
	if _, err := in.Write(header); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(account, "audio_codecs=") {
		account += ";audio_codecs=PCMU,PCMA"
	}
	first := 31000 + 20*number
	files := map[string]string{
		"config":   fmt.Sprintf(baresipConfig, b.dir, fmt.Sprintf("phone%d", number), first, first+18, modules[0], b.control, rate, channels),
		"accounts": account + "\n",
		"contacts": "",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.command = exec.Command(path, append([]string{"-f", b.dir}, args...)...)
	log, err := os.Create(filepath.Join(b.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	b.command.Stdout, b.command.Stderr = log, log
	if err := b.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.end()
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("phone %d: %.3000s", number, text)
		}
	})
	return b
}

// do gives the phone a command, as from its keyboard.
func (b *baresip) do(command, parameters string) {
	b.t.Helper()
	conn, err := net.DialTimeout("tcp", b.control, time.Second)
	if err != nil {
		b.t.Fatalf("reach baresip: %v", err)
	}
	defer conn.Close()
	message, err := json.Marshal(map[string]string{"command": command, "params": parameters})
	if err != nil {
		b.t.Fatal(err)
	}
	fmt.Fprintf(conn, "%d:%s,", len(message), message)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	// What happens meanwhile is told in between.
	for answers := bufio.NewReader(conn); ; {
		answer, err := netstring(answers)
		if err != nil {
			b.t.Fatalf("baresip, %s %s: %v", command, parameters, err)
		}
		if strings.Contains(answer, `"response":true`) {
			if !strings.Contains(answer, `"ok":true`) {
				b.t.Fatalf("baresip, %s %s: %s", command, parameters, answer)
			}
			return
		}
	}
}

// netstring reads what is framed as LENGTH:TEXT,.
func netstring(r *bufio.Reader) (string, error) {
	length, err := r.ReadString(':')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil || n < 0 || n > 1<<20 {
		return "", fmt.Errorf("netstring of length %q", length)
	}
	text := make([]byte, n+1) // with the comma
	if _, err := io.ReadFull(r, text); err != nil {
		return "", err
	}
	return string(text[:n]), nil
}

// press presses keys one after another.
func (b *baresip) press(digits string) {
	b.t.Helper()
	for _, d := range digits {
		b.do("sndcode", string(d))
		time.Sleep(250 * time.Millisecond)
	}
}

// end hangs up, so that the recording is whole.
func (b *baresip) end() {
	if b.command.ProcessState != nil {
		return
	}
	_ = b.command.Process.Signal(os.Interrupt)
	ended := make(chan struct{})
	go func() { _ = b.command.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		_ = b.command.Process.Kill()
		<-ended
	}
}

// heard is the last seconds of what the phone played.
func (b *baresip) heard(seconds int) []int16 {
	b.t.Helper()
	pcm := b.all()
	if len(pcm) < 8000*seconds {
		b.t.Fatalf("the phone recorded %d samples, want %d s", len(pcm), seconds)
	}
	return pcm[len(pcm)-8000*seconds:]
}

// all is what the phone played in its one call.
func (b *baresip) all() []int16 {
	b.t.Helper()
	calls := b.calls()
	if len(calls) != 1 {
		b.t.Fatalf("the phone has recorded %d calls", len(calls))
	}
	return calls[0]
}

// calls is what the phone played in each of its calls.
func (b *baresip) calls() (calls [][]int16) {
	b.t.Helper()
	b.end()
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
	if err != nil || len(files) == 0 {
		b.t.Fatalf("recordings of the phone: %v %v", files, err)
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			b.t.Fatal(err)
		}
		sound, err := media.LoadWAV(file)
		file.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		calls = append(calls, sound.PCM(8000))
	}
	return calls
}

func TestThreeRealPhonesHearOneAnotherAndNotThemselves(t *testing.T) {
	need(t, "baresip", "baresip-core")
	server := startServer(t, "--guests", "all")
	server.run("room", "add", "1000", "--name", "Phones", "--pin", "1234")
	tones := []float64{437, 1031, 1873}
	const level = -20
	var phones []*baresip
	for i, hz := range tones {
		phones = append(phones, startBaresip(t, i, hz, level, "sip:1000@"+server.sip))
	}
	time.Sleep(2 * time.Second)
	for _, p := range phones {
		p.press("1234")
	}
	server.wait("three members", 10*time.Second, func() bool {
		return strings.Count(server.run("live", "1000", "--json"), `"caller"`) == 3
	})
	time.Sleep(6 * time.Second) // tones of joining are over by then, and 4 s of conference recorded
	for _, p := range phones {
		p.end()
	}
	for i, p := range phones {
		pcm := p.heard(3)
		pcm = pcm[:2*8000] // without the end, when others have hung up
		for j, hz := range tones {
			got := tone.LevelAt(pcm, 8000, hz)
			switch {
			case i == j && got > level-60:
				t.Errorf("phone %d hears itself at %.1f dBFS, want below %d", i, got, level-60)
			case i != j && (got < level-1 || got > level+1):
				t.Errorf("phone %d hears phone %d at %.1f dBFS, want %d within 1 dB", i, j, got, level)
			}
		}
	}
}

// A real phone registers, is asked whether it is there, and calls a room that is not for guests.
func TestRealPhoneRegistersAndCalls(t *testing.T) {
	for number, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			s := startServer(t, "--guests", "none")
			s.run("room", "add", "1000", "--name", "Closed", "--no-pin")
			password := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
			account := fmt.Sprintf("<sip:200@%s;transport=%s>;auth_pass=%s;regint=60", s.sip, transport, password)
			b := startBaresipAs(t, 5+number, 440, -20, account)
			s.wait("registration that answers", 30*time.Second, func() bool {
				list := s.run("phone", "list")
				return strings.Contains(list, " "+transport+":127.0.0.1:") && strings.Contains(list, "baresip") && strings.Contains(list, " ms ")
			})
			b.do("dial", fmt.Sprintf("sip:1000@%s;transport=%s", s.sip, transport))
			s.wait("member", 20*time.Second, func() bool { return strings.Contains(s.run("live"), "200") })
		})
	}
}

// recorded waits until the phone has recorded so many seconds of its one call.
func (b *baresip) recorded(s *testServer, seconds int) {
	b.t.Helper()
	s.wait("recording of the call", 30*time.Second, func() bool {
		files, _ := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
		if len(files) == 0 {
			return false
		}
		file, err := os.Stat(files[0])
		return err == nil && file.Size() > int64(seconds*2*8000)
	})
}

// hears tells whether some second of what the phone played is a tone at a level within 2 dB, and nothing of another.
func (b *baresip) hears(hz, level, without float64) bool {
	b.t.Helper()
	return hears(b.all(), hz, level, without)
}

func hears(pcm []int16, hz, level, without float64) bool {
	for part := range slices.Chunk(pcm, 8000) {
		if got := tone.LevelAt(part, 8000, hz); got > level-2 && got < level+2 && tone.LevelAt(part, 8000, without) < -60 {
			return true
		}
	}
	return false
}

// Two real phones register, one calls the other, they talk, and one sends the other into a room: by keys, or by REFER. He hears
// music there, until the first one dials in.
func TestRealPhonesTalkAndTransfer(t *testing.T) {
	for n, way := range []string{"keys", "REFER"} {
		t.Run(way, func(t *testing.T) {
			s := startServer(t, "--guests", "none")
			s.run("room", "add", "1111", "--name", "Open", "--no-pin")
			transports, tones := []string{"udp", "tcp"}, []float64{437, 1031}
			const level = -20
			var phones []*baresip
			for i, transport := range transports {
				password := generatedPassword(t, s.run("phone", "add", fmt.Sprint(200+i), "--name", fmt.Sprintf("Phone %d", i)))
				account := fmt.Sprintf("<sip:%d@%s;transport=%s>;auth_pass=%s;regint=60;answermode=auto", 200+i, s.sip, transport, password)
				phones = append(phones, startBaresipAs(t, 7+2*n+i, tones[i], level, account))
			}
			anna, bert := phones[0], phones[1]
			s.wait("registrations that answer", 30*time.Second, func() bool { return strings.Count(s.run("phone", "list"), " ms ") == 2 })
			anna.do("dial", "sip:201@"+s.sip+";transport=udp")
			anna.recorded(s, 3)
			bert.recorded(s, 3)
			if way == "keys" {
				anna.press("**1111")
			} else {
				anna.do("transfer", "sip:1111@"+s.sip)
			}
			s.wait("member", 20*time.Second, func() bool { return strings.Contains(s.run("live", "1111", "--json"), `"caller": "201"`) })
			s.wait("end of the transferrer's call", 20*time.Second, func() bool {
				return strings.Contains(s.run("calls", "--json"), `"reason": "has transferred the other party"`)
			})
			if !strings.Contains(s.run("live", "1111", "--json"), `"music": true`) {
				t.Error("who was transferred has no music")
			}
			anna.do("dial", "sip:1111@"+s.sip+";transport=udp")
			s.wait("both in the room", 20*time.Second, func() bool { return strings.Count(s.run("live", "1111", "--json"), `"caller"`) == 2 })
			time.Sleep(4 * time.Second) // the tone of joining is over then, and two seconds of conference are recorded
			if pcm := bert.heard(2); tone.LevelAt(pcm[:8000], 8000, tones[0]) < level-2 || tone.LevelAt(pcm[:8000], 8000, tones[1]) > -60 {
				t.Error("who was transferred does not hear the other one in the room, or hears himself")
			}
			for _, pcm := range anna.calls() {
				if !hears(pcm, tones[1], level, tones[0]) {
					t.Error("who has called does not hear the other one, or hears himself")
				}
			}
			if !bert.hears(tones[0], level, tones[1]) {
				t.Error("who was called does not hear the other one, or hears himself")
			}
			s.wait("history of both legs", 20*time.Second, func() bool {
				history := s.run("calls", "--json")
				return strings.Count(history, `"room": "1111"`) == 2 && strings.Contains(history, `"direction": "out"`)
			})
		})
	}
}
