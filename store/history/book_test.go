package history

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conclave/store"
)

// logBook is a log that can be read while it is written.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), words)
}

const (
	alarm    = "call history cannot be written"
	mended   = "call history is written again"
	lossy    = "call history is not complete"
	breakIt  = "ALTER TABLE calls RENAME TO broken"
	repairIt = "ALTER TABLE broken RENAME TO calls"
)

// desk is a book on a real database, and what a test does to it.
type desk struct {
	*Book
	t    *testing.T
	file string
	db   *store.DB
	log  *logBook
}

// in runs a test in virtual time: only the database takes real time. The book is not open yet.
func in(t *testing.T, test func(*desk)) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, file: filepath.Join(t.TempDir(), "conclave.db"), log: &logBook{}}
		var err error
		if d.db, err = store.Open(t.Context(), d.file); err != nil {
			t.Fatal(err)
		}
		defer d.db.Close()
		test(d)
		if d.Book != nil {
			d.finish()
		}
	})
}

// open opens the book, which looks for old calls at once.
func (d *desk) open(days int) {
	defer synctest.Wait()
	d.Book = Open(Config{DB: d.db, Log: slog.New(slog.NewTextHandler(d.log, nil)), Days: days})
}

func (d *desk) finish() {
	if d.Book != nil {
		d.Close(context.Background())
		d.Book = nil
	}
}

// raw runs a statement without the package under test.
func (d *desk) raw(statement string) {
	d.t.Helper()
	db, err := sql.Open("sqlite3", d.file)
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
}

// call is one of a phone, which ended just now.
func call(id string) store.Call {
	now := time.Now()
	return store.Call{ID: id, Direction: store.CallIn, Phone: "200", Started: now.Add(-time.Second), Ended: now, Result: "HANGUP"}
}

func (d *desk) add(n int) {
	for i := range n {
		d.Add(call(fmt.Sprint(i)))
	}
}

// stored counts the calls in the database.
func (d *desk) stored() int {
	d.t.Helper()
	n, err := d.db.CountCalls(d.t.Context(), store.CallQuery{})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func (d *desk) want(stats Stats) {
	d.t.Helper()
	if got := d.Stats(); got != stats {
		d.t.Errorf("stats are %+v, want %+v", got, stats)
	}
}

func TestCallsAreWrittenSoon(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		for _, n := range []int{1, batchMost - 1, batchMost, 3*batchMost + 7} {
			before := d.stored()
			d.add(n)
			time.Sleep(2 * gatherTime)
			if got := d.stored() - before; got != n {
				t.Errorf("of %d calls %d are stored", n, got)
			}
		}
		if d.log.count("level=") > 0 {
			t.Errorf("log: %s", d.log.text.String())
		}
	})
}

func TestCloseWritesWhatWaits(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		d.add(2*batchMost + 1)
		d.finish()
		if n := d.stored(); n != 2*batchMost+1 {
			t.Errorf("%d calls are stored, want %d", n, 2*batchMost+1)
		}
	})
}

func TestTroubleIsToldOnceAndCostsNothingIfItIsShort(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		d.raw(breakIt)
		d.add(batchMost + 10)
		time.Sleep(10 * time.Second)
		d.add(10)
		time.Sleep(10 * time.Second)
		if d.log.count(alarm) != 1 || d.log.count("no such table") != 1 {
			t.Errorf("log: %s", d.log.text.String())
		}
		d.raw(repairIt)
		time.Sleep(time.Minute)
		d.want(Stats{Written: batchMost + 20})
		if n := d.stored(); n != batchMost+20 || d.log.count(mended) != 1 {
			t.Errorf("%d calls are stored, log: %s", n, d.log.text.String())
		}
		// The next trouble is told again.
		d.raw(breakIt)
		d.add(1)
		time.Sleep(2 * time.Second)
		if d.log.count(alarm) != 2 {
			t.Errorf("log: %s", d.log.text.String())
		}
		d.raw(repairIt)
	})
}

func TestTroubleThatLastsCostsCallsAndTheyAreCounted(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		d.raw(breakIt)
		d.add(batchMost)
		time.Sleep(2 * gatherTime) // one batch is being tried
		d.add(queued + 10)
		d.want(Stats{Lost: 10})
		time.Sleep(2 * time.Minute) // it is given up, and another one tried
		d.raw(repairIt)
		time.Sleep(time.Hour)
		s := d.Stats()
		if s.Lost < 10+batchMost || s.Lost > 10+3*batchMost || s.Written+s.Lost != batchMost+queued+10 {
			t.Errorf("stats are %+v", s)
		}
		if n := d.stored(); uint64(n) != s.Written || d.log.count(alarm) != 1 || d.log.count(fmt.Sprint("lost=", s.Lost)) != 1 {
			t.Errorf("%d calls are stored, log: %s", n, d.log.text.String())
		}
		d.finish()
		if d.log.count(lossy) != 1 {
			t.Errorf("log: %s", d.log.text.String())
		}
	})
}

// A call that the database refuses for what it is does not keep the others out.
func TestOneBadCallDoesNotKeepOthersOut(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		bad := call("bad")
		bad.Result = ""
		d.Add(bad)
		time.Sleep(2 * gatherTime)
		d.add(5)
		time.Sleep(5 * time.Minute)
		d.want(Stats{Written: 5, Lost: 1})
	})
}

func TestAddDoesNotWaitForTheDatabase(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		writer, err := sql.Open("sqlite3", d.file)
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		other, err := writer.Conn(d.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if _, err := other.ExecContext(d.t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		d.add(2 * batchMost) // a full batch is tried at once
		d.want(Stats{})
		if _, err := other.ExecContext(d.t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		d.want(Stats{Written: 2 * batchMost})
	})
}

func TestCloseOfAFailingDatabaseReturns(t *testing.T) {
	for name, fail := range map[string]func(*desk){
		"broken": func(d *desk) { d.raw(breakIt) },
		"closed": func(d *desk) { d.db.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(d *desk) {
				d.open(90)
				fail(d)
				d.add(2*batchMost + 1)
				time.Sleep(2 * gatherTime)
				book, began := d.Book, time.Now()
				d.finish()
				if since := time.Since(began); since > time.Second {
					t.Errorf("closed after %v", since)
				}
				if s := book.Stats(); s != (Stats{Lost: 2*batchMost + 1}) || d.log.count(lossy) != 1 || d.log.count(alarm) != 1 {
					t.Errorf("stats %+v, log: %s", s, d.log.text.String())
				}
			})
		})
	}
}

func TestCloseThatHasNoTimeReturns(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		d.add(batchMost + 1)
		done, cancel := context.WithCancel(d.t.Context())
		cancel()
		d.Close(done)
		if s := d.Stats(); s.Written+s.Lost != batchMost+1 {
			t.Errorf("stats %+v", s)
		}
		d.Book = nil
	})
}

func TestStrangersDoNotFillTheHistory(t *testing.T) {
	in(t, func(d *desk) {
		d.open(90)
		refused := call("x")
		refused.Phone, refused.Result = "", "REFUSED"
		entered := refused
		entered.Entered = time.Now()
		trunk := refused
		trunk.Trunk = "carrier"
		outgoing := refused
		outgoing.Direction = store.CallOut
		for range strangersAtOnce + 500 {
			d.Add(refused)
		}
		for _, welcome := range []store.Call{entered, trunk, outgoing, call("phone")} {
			d.Add(welcome)
		}
		d.Add(refused)
		time.Sleep(10*strangerEvery + time.Second)
		for range 100 {
			d.Add(refused)
		}
		time.Sleep(time.Minute)
		d.want(Stats{Written: strangersAtOnce + 4 + 10, LeftOut: 501 + 90})
		time.Sleep(2 * sweepEvery)
		if d.log.count("left out of the history: there were too many\" calls=591") != 1 {
			t.Errorf("log: %s", d.log.text.String())
		}
		// After a quiet day all is as at the begin.
		time.Sleep(24 * time.Hour)
		for range strangersAtOnce + 1 {
			d.Add(refused)
		}
		time.Sleep(time.Minute)
		d.want(Stats{Written: 2*strangersAtOnce + 4 + 10, LeftOut: 501 + 90 + 1})
	})
}
