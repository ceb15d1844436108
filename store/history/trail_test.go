package history

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"conclave/store"
)

const (
	breakAudit  = "CREATE TRIGGER full BEFORE INSERT ON audit_ends BEGIN SELECT RAISE(ABORT, 'no space is left'); END"
	repairAudit = "DROP TRIGGER full"
)

// openTrail opens a trail on the desk's database.
func (d *desk) openTrail(days int) *Trail {
	return OpenTrail(TrailConfig{DB: d.db, Log: slog.New(slog.NewTextHandler(d.log, nil)), Days: days})
}

func kick() *store.Order {
	return store.NewOrder(store.AuditLine{User: "anna", Door: store.DoorSocket, Command: "kick 1000 2", Kind: "room", Subject: "1000"})
}

// lines counts those of the audit with a result.
func (d *desk) lines(result store.AuditResult) (n int) {
	d.t.Helper()
	for l, err := range d.db.Audit(d.t.Context(), store.AuditQuery{}) {
		if err != nil {
			d.t.Fatal(err)
		}
		if l.Result == result {
			n++
		}
	}
	return n
}

func TestOrdersAreInTheAuditBeforeTheyAreAcknowledged(t *testing.T) {
	in(t, func(d *desk) {
		trail := d.openTrail(0)
		defer trail.Close(d.t.Context())
		o := kick()
		trail.Begin(d.t.Context(), o)
		if d.lines("") != 1 {
			t.Error("the line is not there when the order begins")
		}
		trail.End(d.t.Context(), o, store.AuditDone, "")
		if d.lines(store.AuditDone) != 1 {
			t.Error("the result is not there when the order ends")
		}
	})
}

// A disk that is full keeps no operator from his conference; the lines come when there is space.
func TestLinesThatCannotBeWrittenWait(t *testing.T) {
	in(t, func(d *desk) {
		trail := d.openTrail(0)
		defer trail.Close(d.t.Context())
		d.raw(breakAudit)
		ctx, cancel := context.WithTimeout(d.t.Context(), time.Second)
		defer cancel()
		trail.End(ctx, kick(), store.AuditDone, "")
		began := time.Now()
		for range 100 {
			trail.End(d.t.Context(), kick(), store.AuditDone, "") // does not wait any more
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("100 orders waited for %v", took)
		}
		time.Sleep(time.Minute)
		if d.log.count("audit cannot be written") != 1 || d.lines(store.AuditDone) != 0 {
			t.Errorf("log: %s", d.log.text.String())
		}
		d.raw(repairAudit)
		time.Sleep(2 * trailPause)
		if n := d.lines(store.AuditDone); n != 101 || d.log.count("audit is written again") != 1 {
			t.Errorf("%d lines, log: %s", n, d.log.text.String())
		}
	})
}

func TestLinesThatAreNeverWrittenAreInTheLog(t *testing.T) {
	in(t, func(d *desk) {
		trail := d.openTrail(0)
		d.raw(breakAudit)
		done, cancel := context.WithCancel(d.t.Context())
		cancel()
		for range trailQueued + 10 {
			trail.End(done, kick(), store.AuditDone, "")
		}
		trail.Close(d.t.Context())
		if n := d.log.count(`command="kick 1000 2" result=done`); n != trailQueued+10 {
			t.Errorf("%d of %d lines are in the log", n, trailQueued+10)
		}
	})
}

func TestOldLinesAreRemoved(t *testing.T) {
	for days, left := range map[int]int{0: 2*removeMost + 7, 30: 0} {
		in(t, func(d *desk) {
			d.raw(fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
				INSERT INTO audit SELECT i, i, %d, 0, 'root', '', 'socket', 'drain', '', '' FROM n`, 2*removeMost+7, time.Now().UnixMilli()))
			trail := d.openTrail(days)
			defer trail.Close(d.t.Context())
			time.Sleep(30*day - time.Hour)
			if n := d.lines(""); n != 2*removeMost+7 {
				t.Errorf("%d lines before their time", n)
			}
			time.Sleep(3 * time.Hour)
			if n := d.lines(""); n != left {
				t.Errorf("%d days: %d lines are left, want %d", days, n, left)
			}
		})
	}
}
