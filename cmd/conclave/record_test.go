package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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
	"conclave/rooms/recordings"
	"conclave/sip/phone"
)

// recordings are those on the server's shelf, as the CLI tells of them.
func (s *testServer) recordings() (all []recordings.Recording) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.run("recordings", "list", "--json")), &all); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// samplesOf reads a WAV file by sox, which knows nothing of how we write it, and complains of what is wrong.
func samplesOf(t *testing.T, file string) []int16 {
	t.Helper()
	sox := need(t, "sox", "sox")
	var raw, complaint bytes.Buffer
	cmd := exec.Command(sox, file, "-t", "raw", "-e", "signed", "-b", "16", "-L", "-")
	cmd.Stdout, cmd.Stderr = &raw, &complaint
	if err := cmd.Run(); err != nil || complaint.Len() > 0 {
		t.Fatalf("sox %s: %v %s", file, err, complaint.String())
	}
	pcm := make([]int16, raw.Len()/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw.Bytes()[2*i:]))
	}
	return pcm
}

func TestRecordingOfAKilledServerPlaysToTheLastSecond(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	s.run("room", "set", "1000", "-o", "record_tracks=yes", "-o", "record_notice=no")
	conclave(t, nil, "record", "start", "1000", "--data", s.data).refused(t, "room 1000 has no members now")
	anna, bert := s.dial("1000", phone.Options{From: "anna"}), s.dial("1000", phone.Options{From: "bert"})
	s.wait("two members", 10*time.Second, func() bool { return s.in("1000", 2) })
	anna.Say(phone.Tone(437, -20))
	bert.Say(phone.Tone(1031, -20))
	if out := s.run("record", "start", "1000"); !strings.HasPrefix(out, "recording room 1000 to confbridge-1000-") {
		t.Errorf("record printed %q", out)
	}
	conclave(t, nil, "record", "start", "1000", "--data", s.data).refused(t, "room 1000 has a recording already")
	if out := s.run("live", "1000"); !strings.Contains(out, ", recorded since ") {
		t.Errorf("live: %s", out)
	}
	s.wait("four seconds", 20*time.Second, func() bool { return s.recordings()[0].Seconds >= 4 })
	running := s.recordings()[0]
	if running.State != recordings.StateRunning {
		t.Errorf("%+v", running)
	}
	conclave(t, nil, "recordings", "rm", running.Name, "--data", s.data).refused(t, "being recorded at this moment")
	if err := s.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	<-s.ended

	cut := s.recordings()[0]
	if lag := killed.Sub(running.Begin).Seconds() - cut.Seconds; cut.State != recordings.StateCut || lag > 1.6 {
		t.Errorf("%.2f s are lost of %+v", lag, cut)
	}
	for file, tones := range map[string][]float64{cut.Name + ".wav": {437, 1031}, cut.Members[0].Track: nil, cut.Members[1].Track: nil} {
		pcm := samplesOf(t, filepath.Join(s.data, "recordings", file))
		// The server may have been killed between two files.
		if d := cut.Seconds*float64(cut.Rate) - float64(len(pcm)); math.Abs(d) > float64(cut.Rate) {
			t.Errorf("%s has %d samples, the recording %.2f s", file, len(pcm), cut.Seconds)
		}
		if tones == nil {
			tones = []float64{437}
			if strings.Contains(file, cut.Members[1].Track) == (cut.Members[0].Caller == "anna") {
				tones = []float64{1031}
			}
		}
		last := pcm[len(pcm)-cut.Rate:]
		for _, hz := range tones {
			if level := tone.LevelAt(last, cut.Rate, hz); level < -21 || level > -19 {
				t.Errorf("%s: %.0f Hz at %.1f dBFS in its last second", file, hz, level)
			}
		}
	}
	shown := s.run("recordings", "show", cut.Name+".wav")
	for _, words := range []string{"interrupted", "anna", "█", "FROM"} {
		if !strings.Contains(shown, words) {
			t.Errorf("show lacks %q:\n%s", words, shown)
		}
	}
	out := filepath.Join(t.TempDir(), "out.flac")
	s.run("recordings", "export", cut.Name, out)
	if exported := samplesOf(t, out); len(exported) != int(math.Round(cut.Seconds*float64(cut.Rate))) {
		t.Errorf("FLAC has %d samples of %.2f s", len(exported), cut.Seconds)
	}
	conclave(t, nil, "recordings", "export", cut.Name, out, "--data", s.data).refused(t, out, "--force")
	conclave(t, nil, "recordings", "show", "../conclave.db", "--data", s.data).refused(t, "directory of recordings")

	s.run("recordings", "rm", cut.Name) // a server that is started goes on with it, as the calls do
	if left, err := os.ReadDir(filepath.Join(s.data, "recordings")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestRecordingOfAWideBandRoomHasAllThatIsHeard(t *testing.T) {
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	s.run("room", "set", "1000", "-o", "record_tracks=yes", "-o", "record_notice=no", "-o", "record_file=board/wide", "-o", "record_file_timestamp=no")
	narrow := s.dial("1000", phone.Options{From: "bert"})
	s.wait("a member", 10*time.Second, func() bool { return s.in("1000", 1) })
	narrow.Say(phone.Tone(1031, -20))
	if out := s.run("record", "start", "1000"); out != "recording room 1000 to board/wide.wav\n" {
		t.Errorf("record printed %q", out)
	}
	s.wait("a second", 20*time.Second, func() bool { return s.recordings()[0].Seconds >= 1 })
	if r := s.recordings()[0]; r.Rate != 8000 {
		t.Errorf("a room in which nobody has wide band is recorded at %d Hz", r.Rate)
	}
	wide := s.dial("1000", phone.Options{From: "anna", Codecs: []phone.Codec{phone.G722}}) // what there is becomes wide, too
	s.wait("two members", 10*time.Second, func() bool { return s.in("1000", 2) })
	wide.Say(phone.G722.Tone(5200, -20))
	// Where the machine is so busy that packets come late, what conceals them is in the recording, too: it goes on until each of
	// its files has a stretch without.
	files := map[string]map[float64]bool{"wide.wav": {5200: true, 1031: true}}
	complete := 0
	s.wait("both tones in the mix, and each in its track", 40*time.Second, func() bool {
		r := s.recordings()[0]
		for _, m := range r.Members {
			files[m.Track] = map[float64]bool{5200: m.Caller == "anna", 1031: m.Caller == "bert"}
		}
		complete = 0
		for file, tones := range files {
			path := filepath.Join(s.data, "recordings", "board", file)
			if holds(samplesOf(t, path), rateOf(t, path), tones) {
				complete++
			}
		}
		return complete == 3
	})
	s.run("record", "stop", "1000")
	if r := s.recordings()[0]; r.State != recordings.StateComplete || r.Rate != 16000 {
		t.Fatalf("%+v", r)
	}
}

// rateOf is the rate of a WAV file in Hz.
func rateOf(t *testing.T, file string) int {
	t.Helper()
	text, err := exec.Command(need(t, "soxi", "sox"), "-r", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	rate, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return rate
}

// holds tells that there is a quarter of a second in which the tones that are to be there are at -20 dBFS, and the others are not
// heard. Tones that the rate does not carry are left out.
func holds(pcm []int16, rate int, tones map[float64]bool) bool {
	for part := range slices.Chunk(pcm, rate/4) {
		right := len(part) == rate/4
		for hz, there := range tones {
			if !there && hz > float64(rate)/2 {
				continue
			}
			level := tone.LevelAt(part, rate, hz)
			right = right && (there && level > -20.5 && level < -19.5 || !there && level < -60)
		}
		if right {
			return true
		}
	}
	return false
}

// chromium opens a page of a file and returns what has become of it.
func chromium(t *testing.T, page string, args ...string) string {
	t.Helper()
	program := need(t, "chromium", "chromium")
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(), "--hide-scrollbars"}, args...)
	cmd := exec.CommandContext(t.Context(), program, append(args, "file://"+page)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, complaint.String())
	}
	return out.String()
}

// meeting writes the diary and the sound of a conference of an hour.
func meeting(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var diary strings.Builder
	note := func(n recordings.Note) {
		line, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		diary.Write(append(line, '\n'))
	}
	at := time.Date(2030, 1, 2, 10, 20, 30, 0, time.UTC)
	note(recordings.Note{Kind: recordings.NoteStart, Time: &at, Room: "1000", Title: "Weekly <script>document.title='x'</script>", Tracks: true})
	names := []string{"Anna Schmidt", "Bert", "<img src=x onerror=document.title='x'>", "\u202eevil\x1b[2J", "Eva-Maria von und zu Hohenlohe-Langenburg", ""}
	for i, name := range names {
		role := "participant"
		if i == 0 {
			role = "moderator"
		}
		note(recordings.Note{Kind: recordings.NoteJoin, At: float64(i * 40), Member: i + 1, Call: fmt.Sprint(i), Caller: fmt.Sprintf("+49301%d", i), Name: name,
			Role: role, Track: fmt.Sprintf("meeting-member-%d.wav", i+1)})
	}
	talker := 0
	for second := 5; second < 3600; second += 5 {
		turn := 7 * second / 100
		if now := (turn*turn/3 + turn) % 5; second%35 == 0 {
			note(recordings.Note{Kind: recordings.NoteSilent, At: float64(second) - 1.5, Member: talker + 1})
			note(recordings.Note{Kind: recordings.NoteTalk, At: float64(second), Member: now + 1})
			talker = now
		}
		var levels []recordings.Level
		for i := range names {
			l := recordings.Level{Member: i + 1, Level: -58 + float64((second*7+i*13)%9), Jitter: 1 + float64((second*(i+3))%17)/10}
			if i == talker {
				l.Level = -24 + float64((second*11)%7)
			}
			if i == 2 && second > 1500 && second < 2100 {
				l.Loss, l.Jitter = float64((second/5*7)%12), 14+float64((second*3)%20)
			}
			levels = append(levels, l)
		}
		note(recordings.Note{Kind: recordings.NoteLevels, At: float64(second), Levels: levels})
		if second == 2400 {
			note(recordings.Note{Kind: recordings.NoteLeave, At: 2400, Member: 5})
		}
	}
	note(recordings.Note{Kind: recordings.NoteStop, At: 3600, Reason: "the last member has left"})
	if err := os.WriteFile(filepath.Join(dir, "meeting.jsonl"), []byte(diary.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	// A WAV file of an hour of silence: a header, and a hole.
	head := []byte("RIFF\x24\xe8\x6e\x03WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\xe8\x6e\x03")
	if err := os.WriteFile(filepath.Join(dir, "meeting.wav"), head, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "meeting.wav"), 44+2*8000*3600); err != nil {
		t.Fatal(err)
	}
}

func TestReportIsDrawnByABrowser(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	meeting(t, filepath.Join(data, "recordings"))
	page := filepath.Join(data, "report.html")
	conclave(t, nil, "recordings", "report", "meeting.wav", "--html", "-o", page, "--data", data).done(t)
	conclave(t, nil, "recordings", "report", "meeting.wav", "--html", "-o", page, "--data", data).refused(t, "--force")
	dom := chromium(t, page, "--dump-dom", "--virtual-time-budget=1000")
	if n := strings.Count(dom, `class="lane"`); n != 6 {
		t.Errorf("%d lanes for six members", n)
	}
	if n := strings.Count(dom, `class="talk"`); n < 80 || n > 102 {
		t.Errorf("%d turns are drawn", n)
	}
	for _, words := range []string{"<title>Weekly &lt;script&gt;", "Anna Schmidt", "&lt;img src=x", "\ufffdevil", "+493015", "loss ≤ 11.0 %", "1:00:00"} {
		if !strings.Contains(dom, words) {
			t.Errorf("the page lacks %q", words)
		}
	}
	for _, words := range []string{"<script", "<img", "http:", "https:", "\u202e"} {
		if strings.Contains(dom, words) {
			t.Errorf("the page has %q", words)
		}
	}
	for name, args := range map[string][]string{
		"desk": {"--window-size=1200,1400"}, "telephone": {"--window-size=390,1400"}, "dark": {"--window-size=1200,1400", "--blink-settings=preferredColorScheme=0"},
	} {
		picture := filepath.Join(data, name+".png")
		chromium(t, page, append(args, "--screenshot="+picture)...)
		if info, err := os.Stat(picture); err != nil || info.Size() < 20_000 {
			t.Errorf("%s is no picture: %v, %v", picture, info, err)
		}
		if keep := os.Getenv("CONCLAVE_TEST_PICTURES"); keep != "" {
			if err := os.Rename(picture, filepath.Join(keep, name+".png")); err != nil {
				t.Error(err)
			}
		}
	}
	if out := conclave(t, nil, "recordings", "show", "meeting", "--data", data).done(t); strings.ContainsAny(out, "\x1b\u202e") {
		t.Errorf("show: %q", out)
	}
}

// shelve writes a recording of silence of so many seconds, with a diary of these notes.
func shelve(t *testing.T, dir, name string, rate, seconds int, notes ...recordings.Note) {
	t.Helper()
	at := time.Date(2030, 1, 2, 10, 20, 30, 0, time.UTC)
	var diary bytes.Buffer
	for _, n := range append([]recordings.Note{{Kind: recordings.NoteStart, Time: &at, Room: "1000", Title: "Weekly"}}, notes...) {
		if err := json.NewEncoder(&diary).Encode(n); err != nil {
			t.Fatal(err)
		}
	}
	var sound bytes.Buffer
	if err := media.WriteWAV(&sound, rate, make([]int16, rate*seconds)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name+".wav"), sound.Bytes(), 0o600),
		os.WriteFile(filepath.Join(dir, name+".jsonl"), diary.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestReportOfAnyRecordingIsDrawnByABrowser(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	dir := filepath.Join(data, "recordings")
	long := strings.Repeat("Karl-Theodor Maria Nikolaus Johann Jacob Philipp Franz Joseph Sylvester ", 20)
	var crowd []recordings.Note
	for i := range 500 {
		crowd = append(crowd, recordings.Note{Kind: recordings.NoteJoin, At: 0.1, Member: i + 1, Call: strconv.Itoa(i), Caller: strconv.Itoa(1000 + i), Name: long})
	}
	talk := func(member int, from, to float64) []recordings.Note {
		return []recordings.Note{{Kind: recordings.NoteTalk, At: from, Member: member}, {Kind: recordings.NoteSilent, At: to, Member: member}}
	}
	stop := recordings.Note{Kind: recordings.NoteStop, At: 60, Reason: "the last member has left"}
	join := recordings.Note{Kind: recordings.NoteJoin, At: 0, Member: 1, Call: "a", Caller: "1001", Name: "Ann"}
	shelve(t, dir, "crowd", 8000, 60, append(append(crowd, talk(500, 12.3, 45.6)...), stop)...)
	shelve(t, dir, "nothing", 8000, 0, join)
	shelve(t, dir, "killed", 8000, 60, join, recordings.Note{Kind: recordings.NoteTalk, At: 57, Member: 1})
	shelve(t, dir, "wide", 16000, 60, append(append([]recordings.Note{join}, talk(1, 30, 31.2)...), stop)...)
	for _, tt := range []struct {
		name  string
		lanes int
		words []string // of the page, as it is drawn: places are thousandths of the recording
		shown []string
	}{
		{"crowd", 500, []string{`class="talk" x="205" y="8" width="555"`, "<td>0:12.3</td><td>0:45.6</td>", "0:33"}, []string{"0:12.3", "0:45.6", "complete"}},
		{"nothing", 1, []string{"<dd>0:00</dd>", "Ann", "interrupted"}, []string{"Ann", "lasts 0:00, interrupted"}},
		{"killed", 1, []string{`class="talk" x="950" y="8" width="50"`, "interrupted"}, []string{"0:57.0", "1:00.0", "interrupted"}},
		{"wide", 1, []string{`class="talk" x="500" y="8" width="20"`, "<dd>1:00</dd>"}, []string{"0:30.0", "0:31.2", "lasts 1:00, complete"}},
	} {
		page := filepath.Join(data, tt.name+".html")
		conclave(t, nil, "recordings", "report", tt.name, "--html", "-o", page, "--data", data).done(t)
		dom := chromium(t, page, "--dump-dom", "--virtual-time-budget=1000")
		if n := strings.Count(dom, `class="lane"`); n != tt.lanes {
			t.Errorf("%s: %d lanes for %d members", tt.name, n, tt.lanes)
		}
		shown := conclave(t, nil, "recordings", "show", tt.name, "--data", data).done(t)
		for text, words := range map[string][]string{dom: tt.words, shown: tt.shown} {
			for _, word := range words {
				if !strings.Contains(text, word) {
					t.Errorf("%s lacks %q:\n%s", tt.name, word, text[:min(len(text), 3000)])
				}
			}
		}
	}
}
