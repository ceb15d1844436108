package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conclave/store"
)

// schema9 is a database as a version before secrets were sealed has left it, with a row for each kind of secret.
func schema9(t *testing.T, file string) (secrets []string) {
	t.Helper()
	scripts, err := filepath.Glob("migrations/000*.sql")
	if err != nil || len(scripts) != 9 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	var statements []string
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		statements = append(statements, string(text))
	}
	secrets = []string{"90210417", "77665544", strings.Repeat("ab12", 8), strings.Repeat("cd34", 16), "of-the-carrier"}
	raw(t, file, append([]string{"PRAGMA journal_mode = WAL"}, append(statements,
		"INSERT INTO rooms (id, extension, name, pin, moderator_pin, created, changed) VALUES ('ID1', '1000', 'n', '"+secrets[0]+"', '"+secrets[1]+"', 1, 2), ('ID2', '1001', 'n', '', '', 1, 2)",
		"INSERT INTO room_options VALUES ('ID1', 'quiet', 'yes')",
		"INSERT INTO phones (extension, name, digest_md5, digest_sha256, created, changed) VALUES ('200', 'n', '"+secrets[2]+"', '"+secrets[3]+"', 1, 2)",
		"INSERT INTO trunks (name, peer, transport, user, password, register, open_rooms, created, changed) VALUES ('pbx', 'h', 'udp', 'u', '"+secrets[4]+"', 0, 1, 1, 2)",
		"UPDATE rooms SET changed = 3", // an old page of it is free, or in the journal
		"PRAGMA application_id = 0x436f6e63", "PRAGMA user_version = 9")...)...)
	return secrets
}

// found are the secrets that can be read in the files of a directory.
func found(t *testing.T, dir string, secrets []string) (where []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				where = append(where, secret+" in "+file)
			}
		}
	}
	return where
}

// read checks that the secrets of schema9 are what the program reads.
func readSecrets(t *testing.T, db *store.DB, want []string) {
	t.Helper()
	room, err := db.Room(t.Context(), "1000")
	if err != nil {
		t.Fatal(err)
	}
	open, err := db.Room(t.Context(), "1001")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := db.Phone(t.Context(), "200")
	if err != nil {
		t.Fatal(err)
	}
	trunk, err := db.Trunk(t.Context(), "pbx")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{room.PIN, room.ModeratorPIN, phone.MD5, phone.SHA256, trunk.Password}
	if strings.Join(got, " ") != strings.Join(want, " ") || room.Options["quiet"] != "yes" || open.PIN != "" || open.ModeratorPIN != "" {
		t.Errorf("secrets are %v, want %v; the open room has %q", got, want, open.PIN)
	}
}

func TestSecretsOfAnOldDatabaseAreSealedAndNothingInClearIsLeft(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "conclave.db")
	secrets := schema9(t, file)
	if len(found(t, dir, secrets)) == 0 {
		t.Fatal("the old database does not hold them in clear")
	}
	db := open(t, file)
	readSecrets(t, db, secrets)
	if left := found(t, dir, secrets); len(left) > 0 {
		t.Errorf("in clear: %v", left)
	}
	copied := t.TempDir()
	if err := db.Snapshot(t.Context(), filepath.Join(copied, "copy.db")); err != nil {
		t.Fatal(err)
	}
	if left := found(t, copied, secrets); len(left) > 0 {
		t.Errorf("in clear in a backup: %v", left)
	}
	if info, err := os.Stat(store.KeyFile(file)); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	// What is written later is not in clear, either.
	if err := db.SetRoom(t.Context(), "1001", func(r *store.Room) error { r.PIN = "31415926"; return nil }); err != nil {
		t.Fatal(err)
	}
	if left := found(t, dir, []string{"31415926"}); len(left) > 0 {
		t.Errorf("in clear: %v", left)
	}
}

func TestSecretsNeedTheirKey(t *testing.T) {
	for _, tt := range []struct {
		name  string
		harm  func(t *testing.T, key string)
		words []string
	}{
		{"missing", func(t *testing.T, key string) { remove(t, key) }, []string{"cannot be read", "put the file back", "--key-file"}},
		{"another's", func(t *testing.T, key string) {
			other := filepath.Join(t.TempDir(), "conclave.db")
			open(t, other)
			content, err := os.ReadFile(store.KeyFile(other))
			if err != nil {
				t.Fatal(err)
			}
			remove(t, key)
			if err := os.WriteFile(key, content, 0o400); err != nil {
				t.Fatal(err)
			}
		}, []string{"are sealed with key", "--key-file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "conclave.db")
			schema9(t, file)
			open(t, file).Close()
			key := store.KeyFile(file)
			kept, err := os.ReadFile(key)
			if err != nil {
				t.Fatal(err)
			}
			tt.harm(t, key)
			_, err = store.Open(t.Context(), file)
			if !errors.Is(err, store.ErrKey) {
				t.Fatalf("opened with %v", err)
			}
			for _, word := range append(tt.words, key) {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			elsewhere := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(elsewhere, kept, 0o400); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(t.Context(), file, store.WithKeyFile(elsewhere))
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
		})
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// A secret is of no use in the place of another: a PIN that is known does not open another room.
func TestSecretCannotBeMoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	schema9(t, file)
	open(t, file).Close()
	raw(t, file, "UPDATE rooms SET sealed_pin = (SELECT sealed_pin FROM rooms WHERE id = 'ID1') WHERE id = 'ID2'")
	db := open(t, file)
	if room, err := db.Room(t.Context(), "1001"); err == nil || !strings.Contains(err.Error(), "another's") {
		t.Errorf("room 1001 has the PIN %q, %v", room.PIN, err)
	}
}

func TestKeyIsRotatedUnderARunningServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	secrets := schema9(t, file)
	server, tool := open(t, file), open(t, file)
	readSecrets(t, server, secrets)
	before, err := os.ReadFile(store.KeyFile(file))
	if err != nil {
		t.Fatal(err)
	}
	id, n, err := tool.RotateKey(t.Context())
	if err != nil || n != 5 || len(id) != 8 {
		t.Fatalf("key %q, %d secrets, %v", id, n, err)
	}
	after, err := os.ReadFile(store.KeyFile(file))
	if err != nil || bytes.Contains(after, bytes.TrimSpace(before)) || bytes.Count(after, []byte("\n")) != 1 {
		t.Errorf("the key file holds the old key still, or %d keys (%v)", bytes.Count(after, []byte("\n")), err)
	}
	if info, err := os.Stat(store.KeyFile(file)); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	readSecrets(t, server, secrets)
	// What the server seals from now on is with the new key.
	if err := server.SetRoom(t.Context(), "1001", func(r *store.Room) error { r.PIN = "31415926"; return nil }); err != nil {
		t.Fatal(err)
	}
	if room, err := open(t, file).Room(t.Context(), "1001"); err != nil || room.PIN != "31415926" {
		t.Errorf("room 1001 has become %+v, %v", room, err)
	}
}

// Cut off between two steps, both keys are known; rotating again leaves one.
func TestKeyRotationThatWasCutOffIsCompleted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	secrets := schema9(t, file)
	open(t, file).Close()
	old, err := os.ReadFile(store.KeyFile(file))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(t, file).RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile(store.KeyFile(file))
	if err != nil {
		t.Fatal(err)
	}
	remove(t, store.KeyFile(file))
	if err := os.WriteFile(store.KeyFile(file), append(bytes.Clone(old), now...), 0o400); err != nil {
		t.Fatal(err)
	}
	db := open(t, file)
	readSecrets(t, db, secrets)
	if _, _, err := db.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	readSecrets(t, db, secrets)
	if last, err := os.ReadFile(store.KeyFile(file)); err != nil || bytes.Count(last, []byte("\n")) != 1 {
		t.Errorf("%d keys are left, %v", bytes.Count(last, []byte("\n")), err)
	}
}
