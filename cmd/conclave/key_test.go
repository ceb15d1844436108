package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyFileIsNeededAndCanBeRotated(t *testing.T) {
	t.Parallel()
	data, backup := t.TempDir(), filepath.Join(t.TempDir(), "conclave.tar")
	run := func(args ...string) result { return conclave(t, nil, append([]string{"--data", data}, args...)...) }
	run("room", "add", "1000", "--name", "n", "--pin", "90210417").done(t)
	run("backup", backup).done(t)
	content, err := os.ReadFile(backup)
	if err != nil || strings.Contains(string(content), "90210417") {
		t.Errorf("the backup holds the PIN (%v)", err)
	}
	if info, err := os.Stat(filepath.Join(data, "secrets.key")); err != nil || info.Mode().Perm() != 0o400 {
		t.Fatalf("key file: %v, %v", info.Mode(), err)
	}
	old := filepath.Join(t.TempDir(), "old.key")
	if err := os.Rename(filepath.Join(data, "secrets.key"), old); err != nil {
		t.Fatal(err)
	}
	run("room", "list").refused(t, "secrets.key", "--key-file")
	run("serve", "--sip", "udp://127.0.0.1:0").refused(t, "secrets.key", "--key-file")
	run("room", "show", "1000", "--show-pin", "--key-file", old).done(t)
	if err := os.Link(old, filepath.Join(data, "secrets.key")); err != nil {
		t.Fatal(err)
	}
	if out := run("key", "rotate").done(t); !strings.HasPrefix(out, "1 secrets are sealed") {
		t.Errorf("rotate: %q", out)
	}
	if out := run("room", "show", "1000", "--show-pin").done(t); !strings.Contains(out, "90210417") {
		t.Errorf("after that the room is\n%s", out)
	}
	// A backup from before wants the key that it was made with, and says so.
	run("restore", backup).refused(t, "are sealed with key", "--key-file")
	run("restore", backup, "--key-file", old).done(t)
	if out := run("room", "show", "1000", "--show-pin", "--key-file", old).done(t); !strings.Contains(out, "90210417") {
		t.Errorf("after the restore the room is\n%s", out)
	}
}
