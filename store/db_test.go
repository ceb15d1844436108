package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"conclave/store"
)

// writerEnv makes the test binary a writer process of TestProcessesShareTheFile.
const writerEnv = "STORE_TEST_WRITER"

func TestMain(m *testing.M) {
	if writer := os.Getenv(writerEnv); writer != "" {
		if err := writeRooms(writer, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func open(t *testing.T, file string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// raw runs statements on the file without the package under test.
func raw(t *testing.T, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// explain is how SQLite would run a statement.
func explain(t *testing.T, file, statement string) (plan string) {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("EXPLAIN QUERY PLAN " + statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "; "
	}
	return plan
}

func TestNewDatabaseIsPrivateAndWritesAhead(t *testing.T) {
	for _, name := range []string{"conclave.db", "odd name?#%41.db"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name)
			open(t, file)
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("mode is %v, want 0600", info.Mode())
			}
			header := make([]byte, 100)
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.Read(header); err != nil {
				t.Fatal(err)
			}
			if header[18] != 2 || header[19] != 2 {
				t.Errorf("file format versions %d %d, want 2 2: write-ahead log", header[18], header[19])
			}
			if !bytes.Equal(header[68:72], []byte("Conc")) {
				t.Errorf("application id is %q", header[68:72])
			}
		})
	}
}

func TestOpenRefusesForeignFilesUntouched(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, file string)
		want error
	}{
		{"text", func(t *testing.T, file string) { write(t, file, strings.Repeat("minutes of the meeting\n", 90)) }, store.ErrForeign},
		{"a few octets", func(t *testing.T, file string) { write(t, file, "x") }, store.ErrForeign},
		{"database of another program", func(t *testing.T, file string) {
			raw(t, file, "CREATE TABLE mail (body TEXT)", "INSERT INTO mail VALUES ('hello')")
		}, store.ErrForeign},
		{"database of another program with its id", func(t *testing.T, file string) {
			raw(t, file, "PRAGMA application_id = 7", "PRAGMA journal_mode = WAL", "CREATE TABLE rooms (id TEXT)")
		}, store.ErrForeign},
		{"directory", func(t *testing.T, file string) {
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		}, store.ErrForeign},
		{"newer schema", func(t *testing.T, file string) {
			open(t, file).Close()
			raw(t, file, "PRAGMA user_version = 4711")
		}, store.ErrNewer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "conclave.db")
			tt.make(t, file)
			before, _ := os.ReadFile(file)
			db, err := store.Open(t.Context(), file)
			if err == nil {
				db.Close()
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("error %v, want %v that names the file", err, tt.want)
			}
			if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
			if left, _ := filepath.Glob(file + "-*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenNamesWhatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // so that another user comes as far as the files below
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	plain := filepath.Join(dir, "plain")
	write(t, plain, "")
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	others := filepath.Join(dir, "others")
	if err := os.Mkdir(others, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(others, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(others, "conclave.db"), "")
	if err := os.Chmod(filepath.Join(others, "conclave.db"), 0o444); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, file, want string }{
		{"no directory", filepath.Join(dir, "none", "conclave.db"), filepath.Join(dir, "none")},
		{"file as directory", filepath.Join(plain, "conclave.db"), plain + " is not a directory"},
		{"directory not writable", filepath.Join(locked, "conclave.db"), locked + " is not writable"},
		{"file not writable", filepath.Join(others, "conclave.db"), "file is not writable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := openUnprivileged(t.Context(), tt.file)
			if err == nil || !strings.Contains(err.Error(), tt.file) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that names %s and says %q", err, tt.file, tt.want)
			}
		})
	}
}

// openUnprivileged opens and closes the file as a user who is not root, on a thread of its own that ends with it.
func openUnprivileged(ctx context.Context, file string) error {
	result := make(chan error)
	go func() {
		if os.Getuid() == 0 {
			runtime.LockOSThread() // never unlocked: the thread that gave its rights away is not used again
			const nobody = 65534
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
				result <- errno
				return
			}
		}
		db, err := store.Open(ctx, file)
		if err == nil {
			db.Close()
		}
		result <- err
	}()
	return <-result
}

func TestReadersDoNotWaitForAWriter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	first := open(t, file)
	if err := first.AddRoom(t.Context(), store.Room{Extension: "1", Name: "before"}); err != nil {
		t.Fatal(err)
	}
	err := first.SetRoom(t.Context(), "1", func(r *store.Room) error {
		r.Name = "after"
		second := open(t, file)
		seen, err := second.Room(t.Context(), "1")
		if seen.Name != "before" {
			t.Errorf("a reader sees name %q while it is being changed", seen.Name)
		}
		return errors.Join(err, second.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := open(t, file).Room(t.Context(), "1"); err != nil || r.Name != "after" {
		t.Errorf("room is %+v, %v", r, err)
	}
}

// Who looks at a file while its first pages are being written finds a database of ours, not a damaged one.
func TestFileIsOpenedWhileAnotherWritesIt(t *testing.T) {
	for i := range 20 {
		file := filepath.Join(t.TempDir(), fmt.Sprint(i, ".db"))
		opened := make(chan error)
		go func() {
			db, err := store.Open(t.Context(), file)
			if err == nil {
				err = db.Close()
			}
			opened <- err
		}()
		for done := false; !done; {
			if info, err := os.Stat(file); err == nil && info.Size() > 0 {
				if err := store.Inspect(t.Context(), file); err != nil {
					t.Error(err)
				}
			}
			select {
			case err := <-opened:
				if done = true; err != nil {
					t.Error(err)
				}
			default:
			}
		}
	}
}

// Several processes start on a file that does not exist yet, add rooms of their own and count up in one they share.
func TestProcessesShareTheFile(t *testing.T) {
	const processes = 4
	file := filepath.Join(t.TempDir(), "conclave.db")
	var running []*exec.Cmd
	for i := range processes {
		cmd := exec.Command(os.Args[0], file)
		cmd.Env = append(os.Environ(), writerEnv+"="+strconv.Itoa(i+1))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("writer: %v", err)
		}
	}
	rooms, err := open(t, file).Rooms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + processes*writes; len(rooms) != want {
		t.Errorf("%d rooms, want %d", len(rooms), want)
	}
	if got := rooms[0].Options["count"]; got != strconv.Itoa(processes*writes) {
		t.Errorf("shared counter is %s, want %d: an update was lost", got, processes*writes)
	}
}

const writes = 20

func writeRooms(writer, file string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, file)
	if err != nil {
		return err
	}
	defer db.Close()
	shared := store.Room{Extension: "1", Name: "shared", Options: map[string]string{"count": "0"}}
	if err := db.AddRoom(ctx, shared); err != nil && !errors.Is(err, store.ErrTaken) {
		return err
	}
	for i := range writes {
		if err := db.AddRoom(ctx, store.Room{Extension: fmt.Sprintf("%s%03d", writer, i), Name: "n"}); err != nil {
			return err
		}
		err := db.SetRoom(ctx, "1", func(r *store.Room) error {
			n, err := strconv.Atoi(r.Options["count"])
			r.Options["count"] = strconv.Itoa(n + 1)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Tables that another process makes and drops, as migrations do, are no damage to who opens the database meanwhile.
func TestDatabaseIsOpenedWhileItsTablesChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	open(t, file)
	other, err := sql.Open("sqlite3", file+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			case <-time.After(time.Millisecond): // SQLite itself gives up where nothing stays for longer
			}
			if _, err := other.Exec([]string{"CREATE TABLE passing (a)", "DROP TABLE passing"}[i%2]); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 100 {
		db, err := store.Open(t.Context(), file)
		if err != nil {
			t.Errorf("%v", err)
			break
		}
		db.Close()
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
