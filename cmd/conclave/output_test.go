package main

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk is a disk of its own of so many octets, or the test is skipped.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a small disk can only be made as root")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes what room there is left on a disk.
func fill(t *testing.T, disk string) {
	t.Helper()
	file, err := os.Create(filepath.Join(disk, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	file.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// readOnly makes a directory one that cannot be written, until the test ends.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(syscall.Mount(dir, dir, "", syscall.MS_BIND, ""),
		syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// filesIn lists all files of a directory, those in it too.
func filesIn(t *testing.T, dir string) string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if name := filepath.Base(path); err == nil && entry.Type().IsRegular() && name != ".lock" && name != "fill" && !strings.HasPrefix(name, "conclave.db") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(files, "\n")
}

// refuse has the database refuse a change in the middle of its transaction.
func refuse(t *testing.T, data dataDir, change string) {
	t.Helper()
	db, err := sql.Open("sqlite3", data.database())
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("CREATE TRIGGER full BEFORE " + change + " BEGIN SELECT RAISE(ABORT, 'the disk is full, says the test'); END")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// What an order makes of music, voices and recordings is on the disk as a whole or not at all, at whatever step the disk fails, and
// the message has the name that the operator gave.
func TestWhatTheDiskDoesNotTakeLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	song := toneFile(t, from, "song.wav", 440, -20, 10)
	voice := filepath.Join(from, "voice")
	if err := os.Mkdir(voice, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"conf-getpin.wav", "conf-onlyperson.wav"} {
		toneFile(t, voice, name, 440, -20, 5)
	}
	const full, unwritable, tooLarge = "no space left on device", "read-only file system", "file too large"
	music := []string{"music", "add", "lobby", song}
	for _, tt := range []struct {
		name  string
		args  []string // OUT is a directory on another disk
		limit bool     // no file may have more than 64 kB (RLIMIT_FSIZE)
		fail  func(t *testing.T, data dataDir, out string)
		words []string
	}{
		{"music is decoded", music, true, nil, []string{song, tooLarge, "nothing was added"}},
		{"a draft is begun", music, false, func(t *testing.T, data dataDir, _ string) { readOnly(t, data.music()) }, []string{string(dataDir("").music()), unwritable}},
		{"a track is moved to its place", music, false, func(t *testing.T, data dataDir, _ string) { readOnly(t, filepath.Join(data.music(), "lobby")) },
			[]string{"lobby", "nothing was added"}},
		{"the database is written", music, false, func(t *testing.T, data dataDir, _ string) { readOnly(t, string(data)) }, []string{unwritable}},
		{"tracks become part of their playlist", music, false, func(t *testing.T, data dataDir, _ string) { refuse(t, data, "INSERT ON tracks") },
			[]string{"lobby", "the disk is full, says the test"}},
		{"a playlist is removed", []string{"music", "rm", "lobby"}, false,
			func(t *testing.T, data dataDir, _ string) { refuse(t, data, "DELETE ON playlists") }, []string{"lobby", "the disk is full, says the test"}},
		{"a sound of a voice is copied", []string{"voice", "add", "anna", voice}, true, nil, []string{"add voice anna", tooLarge}},
		{"a voice is begun", []string{"voice", "add", "anna", voice}, false, func(t *testing.T, data dataDir, _ string) {
			if err := os.MkdirAll(data.voices(), 0o750); err != nil {
				t.Fatal(err)
			}
			readOnly(t, data.voices())
		}, []string{"add voice anna", unwritable}},
		{"FLAC is written", []string{"recordings", "export", "board", "OUT/board.flac"}, true, nil, []string{"write OUT/board.flac: " + tooLarge}},
		{"FLAC is written to a full disk", []string{"recordings", "export", "board", "OUT/board.flac"}, false,
			func(t *testing.T, _ dataDir, out string) { fill(t, out) }, []string{"write OUT/board.flac: " + full}},
		{"WAV is written to a full disk", []string{"recordings", "export", "board", "--format", "wav", "OUT/board.wav"}, false,
			func(t *testing.T, _ dataDir, out string) { fill(t, out) }, []string{"write OUT/board.wav: " + full}},
		{"WAV is begun", []string{"recordings", "export", "board", "--format", "wav", "OUT/board.wav"}, false,
			func(t *testing.T, _ dataDir, out string) { readOnly(t, out) }, []string{"write OUT/board.wav: " + unwritable}},
		{"a report is written to a full disk", []string{"recordings", "report", "board", "--html", "-o", "OUT/board.html"}, false,
			func(t *testing.T, _ dataDir, out string) { fill(t, out) }, []string{"OUT/board.html: ", full}},
		{"a recording is removed", []string{"recordings", "rm", "board"}, false,
			func(t *testing.T, data dataDir, _ string) { readOnly(t, data.recordings()) }, []string{"remove recording board", unwritable}},
		{"music is backed up", []string{"backup", "OUT/conclave.tar"}, false,
			func(t *testing.T, _ dataDir, out string) { fill(t, out) }, []string{"back up", "disk is full"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := smallDisk(t, "256k")
			data := dataDir(filepath.Join(smallDisk(t, "8m"), "data"))
			env := []string{"CONCLAVE_DATA=" + string(data)}
			conclave(t, env, "music", "add", "lobby", song).done(t)
			sound, err := os.ReadFile(song)
			if err := errors.Join(err, os.Mkdir(data.recordings(), 0o700), os.WriteFile(filepath.Join(data.recordings(), "board.wav"), sound, 0o600)); err != nil {
				t.Fatal(err)
			}
			before, listed := filesIn(t, string(data)), conclave(t, env, "music", "list").done(t)
			t.Run("at that moment", func(t *testing.T) {
				if tt.fail != nil {
					tt.fail(t, data, out)
				}
				var args, words []string
				for _, arg := range tt.args {
					args = append(args, strings.ReplaceAll(arg, "OUT", out))
				}
				for _, word := range tt.words {
					words = append(words, strings.ReplaceAll(word, "OUT", out))
				}
				got := conclaveWithin(t, env, tt.limit, args...)
				if got.code == 0 || strings.Contains(got.stderr, "\x1b") {
					t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
				}
				for _, word := range words {
					if !strings.Contains(got.stderr, word) {
						t.Errorf("%q is not in: %s", word, got.stderr)
					}
				}
			})
			if after := filesIn(t, string(data)); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
			if left := filesIn(t, out); left != "" {
				t.Errorf("left %s", left)
			}
			if after := conclave(t, env, "music", "list").done(t); after != listed {
				t.Errorf("listed before:\n%s\nafter:\n%s", listed, after)
			}
		})
	}
}

// conclaveWithin runs the program, where limit is set with files of 64 kB at most. The database has more room: it is there.
func conclaveWithin(t *testing.T, env []string, limit bool, args ...string) result {
	t.Helper()
	if !limit {
		return conclave(t, env, args...)
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -f 128; exec "$0" "$@"`, path}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	return finish(t, cmd)
}
