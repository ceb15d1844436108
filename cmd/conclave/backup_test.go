package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBackupOfARunningServerIsRestored(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	file := filepath.Join(t.TempDir(), "conclave.tar")
	conclave(t, nil, "--data", s.data, "room", "add", "1000", "--name", "Weekly", "--pin", "4711").done(t)
	conclave(t, nil, "--data", s.data, "voice", "add", "anna", "../../rooms/voice/en").done(t)
	conclave(t, nil, "--data", s.data, "room", "set", "1000", "-o", "language=anna").done(t)
	conclave(t, nil, "--data", s.data, "backup", file).done(t)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("backup: %v, mode %v; 0600 is right", err, info.Mode())
	}
	conclave(t, nil, "--data", s.data, "backup", file).refused(t, file, "already", "--force")
	conclave(t, nil, "--data", s.data, "backup", file, "--force").done(t)

	conclave(t, nil, "--data", s.data, "room", "rm", "1000").done(t)
	conclave(t, nil, "--data", s.data, "voice", "rm", "anna").done(t)
	conclave(t, nil, "--data", s.data, "restore", file).refused(t, "a server runs")
	s.stop()
	out := conclave(t, nil, "--data", s.data, "restore", file).done(t)

	room := conclave(t, nil, "--data", s.data, "room", "show", "1000", "--show-pin").done(t)
	for _, word := range []string{"Weekly", "4711", "language=anna"} {
		if !strings.Contains(room, word) {
			t.Errorf("the room restored does not have %s:\n%s", word, room)
		}
	}
	conclave(t, nil, "--data", s.data, "voice", "check", "anna").done(t)
	before, err := filepath.Glob(filepath.Join(s.data, "before-restore-*", "conclave.db"))
	if err != nil || len(before) != 1 || !strings.Contains(out, filepath.Dir(before[0])) {
		t.Errorf("the database from before the restore is in %v; output %q", before, out)
	}
	elsewhere, key := filepath.Join(t.TempDir(), "new"), filepath.Join(s.data, "secrets.key")
	conclave(t, nil, "--data", elsewhere, "restore", file).refused(t, "sealed with key", "--key-file")
	conclave(t, nil, "--data", elsewhere, "restore", file, "--key-file", key).done(t)
	conclave(t, nil, "--data", elsewhere, "room", "show", "1000", "--key-file", key).done(t)
}

func TestDatabaseThatCannotBeUsedIsRefusedAndNamesTheBackup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		harm  func(t *testing.T, database string)
		words []string
	}{
		{"pages overwritten", func(t *testing.T, database string) {
			content, err := os.ReadFile(database)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(content); i++ {
				content[i] ^= 0x5a
			}
			write(t, database, content)
		}, []string{"damaged"}},
		{"header overwritten", func(t *testing.T, database string) {
			content, err := os.ReadFile(database)
			if err != nil {
				t.Fatal(err)
			}
			copy(content, make([]byte, 100))
			write(t, database, content)
		}, []string{"not an SQLite file"}},
		{"cut to nothing", func(t *testing.T, database string) { write(t, database, nil) }, []string{"is empty", "there has been one"}},
		{"removed", func(t *testing.T, database string) {
			if err := os.Remove(database); err != nil {
				t.Fatal(err)
			}
		}, []string{"is missing", "there has been one"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			data, file := t.TempDir(), filepath.Join(t.TempDir(), "conclave.tar")
			database := filepath.Join(data, "conclave.db")
			conclave(t, nil, "--data", data, "room", "add", "1000", "--name", "Weekly", "--pin", "4711").done(t)
			conclave(t, nil, "--data", data, "backup", file).done(t)
			tt.harm(t, database)
			harmed, _ := os.ReadFile(database)
			words := append([]string{database, file, "conclave restore"}, tt.words...)
			conclave(t, nil, "--data", data, "serve", "--sip", "udp://"+freeAddress(t, "127.0.0.1")).refused(t, words...)
			conclave(t, nil, "--data", data, "room", "list").refused(t, words...)
			conclave(t, nil, "--data", data, "room", "add", "1001", "--name", "New").refused(t, words...)
			if now, _ := os.ReadFile(database); !bytes.Equal(now, harmed) {
				t.Error("the database was changed")
			}
			restored := conclave(t, nil, "--data", data, "restore", file)
			if restored.code != 0 || restored.stderr != "" && !strings.Contains(restored.stderr, "ordered since the backup is not in the audit") {
				t.Errorf("restore: %+v", restored)
			}
			conclave(t, nil, "--data", data, "room", "show", "1000").done(t)
		})
	}
}

func TestWhatIsNoBackupChangesNothing(t *testing.T) {
	t.Parallel()
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "conclave.tar")
	conclave(t, nil, "--data", data, "room", "add", "1000", "--name", "Weekly").done(t)
	conclave(t, nil, "--data", data, "voice", "add", "anna", "../../rooms/voice/en").done(t)
	conclave(t, nil, "--data", data, "backup", file).done(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		content []byte
		words   []string
	}{
		{"empty", nil, []string{"no database"}},
		{"another file", bytes.Repeat([]byte("no archive "), 1000), []string{"no backup"}},
		{"cut in the middle", whole[:len(whole)/2], []string{"damaged"}},
		{"cut in the database", whole[:len(whole)-4096], []string{"damaged"}},
		{"path outside", archived(t, "../evil"), []string{"../evil"}},
		{"absolute path", archived(t, "/tmp/evil"), []string{"/tmp/evil"}},
		{"path outside from inside", archived(t, "voices/../../evil"), []string{"voices/../../evil"}},
		{"another program's files", archived(t, "etc/passwd"), []string{"etc/passwd"}},
		{"no database in it", archived(t, "conclave.db"), []string{"not an SQLite file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "bad.tar")
			write(t, bad, tt.content)
			conclave(t, nil, "--data", data, "restore", bad).refused(t, append(tt.words, bad)...)
			conclave(t, nil, "--data", data, "room", "show", "1000").done(t)
			conclave(t, nil, "--data", data, "voice", "check", "anna").done(t)
			if left, _ := filepath.Glob(filepath.Join(data, ".restoring-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	conclave(t, nil, "--data", data, "restore", filepath.Join(data, "nothing.tar")).refused(t, "nothing.tar")
	conclave(t, nil, "--data", data, "backup", filepath.Join(data, "no", "such.tar")).refused(t, "no such file or directory")
}

// archived is an archive of one file with nothing of ours in it.
func archived(t *testing.T, name string) []byte {
	t.Helper()
	var archive bytes.Buffer
	files := tar.NewWriter(&archive)
	content := bytes.Repeat([]byte("nothing of ours "), 64)
	if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
