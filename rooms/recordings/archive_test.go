package recordings

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conclave/mixer"
)

func TestNamesOutsideTheDirectoryAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"board":            "board",
		"board.wav":        "board",
		" board.WAV ":      "board",
		"board/weekly.wav": "board/weekly",
		"./board":          "board",
		"a/../b":           "b",
		"v1.2":             "v1.2",
		"Büro":             "Büro",
	} {
		if got, err := CleanName(text); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	for text, word := range map[string]string{
		"":                         "no name",
		".":                        "no name",
		"/srv/board.wav":           "directory of recordings",
		"../board.wav":             "directory of recordings",
		"a/../../b":                "directory of recordings",
		"a\x00b":                   "printable",
		"a\nb":                     "printable",
		"\u202eboard":              "printable",
		"a\xffb":                   "printable",
		".board":                   "hidden",
		"board.mp3":                "WAV",
		strings.Repeat("x", 201):   "too long",
		"x/" + "..":                "no name",
		"board.gsm":                "WAV",
		".wav":                     "no name",
		"board/" + ".hidden":       "hidden",
		"..":                       "directory of recordings",
		"board/../../../etc/x.wav": "directory of recordings",
	} {
		if got, err := CleanName(text); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q is taken as %q, %v; want an error with %q", text, got, err, word)
		}
	}
}

func TestRecordingsAreNamedAsInConfBridge(t *testing.T) {
	at := time.Unix(1893456000, 0)
	for _, tt := range []struct {
		file      string
		timestamp bool
		want      string
	}{
		{"", true, "confbridge-1000-1893456000"},
		{"", false, "confbridge-1000-1893456000"},
		{"board", true, "board-1893456000"},
		{"board", false, "board"},
	} {
		if got := Name("1000", tt.file, tt.timestamp, at); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// shelve leaves a recording of a number of seconds that has begun just now, on the test's clock.
func shelve(t *testing.T, s *studio, name string, seconds int) {
	t.Helper()
	o := s.order(newScript(8000, func(tick uint64, put func(*mixer.Seat, []int16)) { put(nil, piece(437, 8000, tick)) }))
	o.Name = name
	r := s.shelf.Start(o)
	time.Sleep(time.Duration(seconds) * time.Second)
	r.Stop("over")
	time.Sleep(time.Second)
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, _, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		names = append(names, r.Name)
	}
	return names
}

func TestOldRecordingsAreRemovedAndNoneThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{Days: 2})
		shelve(t, s, "first", 3)
		time.Sleep(30 * time.Hour)
		shelve(t, s, "second", 3)
		running := s.shelf.Start(func() Order {
			o := s.order(newScript(8000, func(uint64, func(*mixer.Seat, []int16)) {}))
			o.Name = "running"
			return o
		}())
		time.Sleep(17 * time.Hour)
		if got := names(t, s.dir); !slices.Equal(got, []string{"first", "second", "running"}) {
			t.Errorf("after 47 h there are %v", got)
		}
		time.Sleep(2 * time.Hour)
		if got := names(t, s.dir); !slices.Equal(got, []string{"second", "running"}) {
			t.Errorf("after 49 h there are %v", got)
		}
		running.Stop("over")
		s.shelf.Close()
	})
}

func TestOldestRecordingsMakeWayForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{Bytes: 400 << 10}) // each takes some 160 kB
		for n := range 4 {
			shelve(t, s, fmt.Sprintf("take%d", n), 10)
		}
		if got := names(t, s.dir); !slices.Equal(got, []string{"take2", "take3"}) {
			t.Errorf("there are %v", got)
		}
		s.shelf.Close()
		left, err := os.ReadDir(s.dir)
		if err != nil || len(left) != 4 {
			t.Errorf("%d files are left of two recordings, %v", len(left), err)
		}
	})
}

func TestFilesThatAreNoRecordingsAreNamedOrLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, Config{})
		shelve(t, s, "board/weekly", 3)
		s.shelf.Close()
		if got := names(t, s.dir); !slices.Equal(got, []string{"board/weekly"}) {
			t.Errorf("there are %v", got)
		}
		write := func(name, text string) {
			if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("notes.txt", "hello")
		if got := names(t, s.dir); len(got) != 1 {
			t.Errorf("there are %v", got)
		}
		for text, word := range map[string]string{"": "no WAV", "RIFF": "no WAV", strings.Repeat("x", 100): "no WAV"} {
			write("broken.wav", text)
			if all, damaged, err := List(s.dir); len(all) != 1 || len(damaged) != 1 || !strings.Contains(damaged[0].Error(), "broken.wav: it is no WAV") || err != nil {
				t.Errorf("%q: the list has %v, damaged %v, %v", text, all, damaged, err)
			}
			if _, err := Load(s.dir, "broken"); err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "broken") {
				t.Errorf("%q: %v", text, err)
			}
		}
		for _, name := range []string{"nothing", "notes.txt"} {
			if _, err := Load(s.dir, name); err == nil || !strings.Contains(err.Error(), "there is no recording") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := Remove(s.dir, "board/weekly.wav"); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(filepath.Join(s.dir, "board")); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	})
	if got, _, err := List(filepath.Join(t.TempDir(), "none")); err != nil || len(got) > 0 {
		t.Errorf("a directory that is not there has %v, %v", got, err)
	}
}

// After a power cut a file may be there of which nothing has come to the disk.
func TestRecordingOfWhichAFileIsEmptyIsListedAndRemoved(t *testing.T) {
	for _, suffix := range []string{mixSuffix, diarySuffix} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t, Config{})
			shelve(t, s, "board", 3)
			shelve(t, s, "weekly", 3)
			if err := os.Truncate(filepath.Join(s.dir, "board"+suffix), 0); err != nil {
				t.Fatal(err)
			}
			r, err := Load(s.dir, "board")
			if want := map[string]float64{mixSuffix: 0, diarySuffix: 3}[suffix]; err != nil || math.Abs(r.Seconds-want) > 0.1 {
				t.Errorf("without %s: %+v, %v", suffix, r, err)
			}
			var page bytes.Buffer
			if err := WriteReport(&page, r); err != nil {
				t.Error(err)
			}
			if got := names(t, s.dir); len(got) != 2 {
				t.Errorf("there are %v", got)
			}
			if err := Remove(s.dir, "board"); err != nil {
				t.Error(err)
			}
			s.shelf.Close()
			if left, err := filepath.Glob(s.dir + "/board*"); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

func TestSoundIsExported(t *testing.T) {
	for _, samples := range []int{0, 1, 4095, 4096, 4100, 48000} {
		t.Run(fmt.Sprint(samples), func(t *testing.T) {
			dir := t.TempDir()
			file, err := os.Create(filepath.Join(dir, "board.wav"))
			if err != nil {
				t.Fatal(err)
			}
			w, err := newWAV(file, 16000)
			if err != nil {
				t.Fatal(err)
			}
			pcm := make([]int16, samples)
			for i := range pcm {
				pcm[i] = int16(20000 * math.Sin(float64(i)*0.1))
			}
			if err := w.put(0, pcm); err != nil {
				t.Fatal(err)
			}
			if err := w.settle(0); err != nil {
				t.Fatal(err)
			}
			r, err := Load(dir, "board")
			if err != nil {
				t.Fatal(err)
			}
			for format, export := range map[string]func(*os.File, *os.File) error{
				"wav":  func(out, in *os.File) error { return ExportWAV(t.Context(), out, in) },
				"flac": func(out, in *os.File) error { return ExportFLAC(t.Context(), out, in) },
			} {
				sound, err := OpenSound(dir, r, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer sound.Close()
				out, err := os.Create(filepath.Join(dir, "out."+format))
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				if err := export(out, sound); err != nil {
					t.Fatal(err)
				}
				if samples == 0 {
					continue
				}
				// An independent decoder has the last word.
				sox, err := exec.LookPath("sox")
				if err != nil {
					t.Skip("sox is not installed")
				}
				var raw, complaint bytes.Buffer
				cmd := exec.Command(sox, out.Name(), "-t", "raw", "-e", "signed", "-b", "16", "-L", "-")
				cmd.Stdout, cmd.Stderr = &raw, &complaint
				if err := cmd.Run(); err != nil || complaint.Len() > 0 {
					t.Fatalf("%s: %v %s", format, err, complaint.String())
				}
				if raw.Len() != 2*samples {
					t.Fatalf("%s: %d octets of %d samples", format, raw.Len(), samples)
				}
				for i, v := range pcm {
					if got := int16(uint16(raw.Bytes()[2*i]) | uint16(raw.Bytes()[2*i+1])<<8); got != v {
						t.Fatalf("%s: sample %d is %d, want %d", format, i, got, v)
					}
				}
			}
			if _, err := OpenSound(dir, r, 3); err == nil || !strings.Contains(err.Error(), "track of a member 3") {
				t.Errorf("track that there is not: %v", err)
			}
		})
	}
}

func TestStripShowsWhoTalkedWhen(t *testing.T) {
	m := Member{Stays: []Span{{10, 80}}, Talks: []Span{{20, 30}, {45, 46}, {70, 75}}}
	if got, want := m.Strip(100, 10), " ·█·▁··▅"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Diaries lie on a disk for years, and reports are made of them.
func FuzzDiary(f *testing.F) {
	f.Add([]byte(`{"note":"start","at_s":0,"time":"2030-01-02T10:20:30Z","room":"1000"}
{"note":"join","at_s":1,"member":1,"call":"a","name":"Ann"}
{"note":"talk","at_s":2,"member":1}
{"note":"levels","at_s":5,"levels":[{"member":1,"dbfs":-20,"loss_percent":1,"jitter_ms":2}]}
{"note":"stop","at_s":9,"reason":"over"}
`))
	f.Add([]byte("{}\n{\"note\":\"start\"}\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := Recording{Seconds: 10}
		if r.read(bytes.NewReader(text)) != nil {
			return
		}
		for _, m := range r.Members {
			for _, s := range slices.Concat(m.Stays, m.Talks) {
				if s.To < s.From {
					t.Errorf("span %+v", s)
				}
			}
		}
		if err := WriteReport(new(bytes.Buffer), r); err != nil {
			t.Error(err)
		}
	})
}

// Anybody who may write there may leave a file among the recordings.
func FuzzHeader(f *testing.F) {
	f.Add(header(8000, 0))
	f.Add(append(header(16000, 2), 1, 2, 3, 4))
	f.Add(header(8000, 1<<30))
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "x.wav")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		rate, samples, err := readHeader(file)
		if err == nil && (rate < 8000 || rate > 48000 || samples < 0 || headerSize+2*samples > int64(len(text))) {
			t.Errorf("%d samples at %d Hz in %d octets", samples, rate, len(text))
		}
	})
}
