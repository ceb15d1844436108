package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"conclave/store"
)

// auditCmd lists what operators have ordered, from the database, whether or not a server runs.
type auditCmd struct {
	User string     `placeholder:"USER" help:"Only what this user has ordered: a login name, before sudo or after it, or a user id."`
	Room *extension `placeholder:"EXT" help:"Only what is about this room."`
	selection
}

func (c *auditCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	query := c.query(time.Now())
	total, err := db.CountAudit(ctx, query)
	if err != nil {
		return err
	}
	views := func(yield func(auditView, error) bool) {
		for line, err := range db.Audit(ctx, query) {
			if !yield(auditView(line), err) {
				return
			}
		}
	}
	return printSelection(c.selection, auditFields, views, writeAudit, total, "lines")
}

func (c *auditCmd) query(now time.Time) store.AuditQuery {
	query := store.AuditQuery{User: c.User, Limit: c.Limit}
	if c.Room != nil {
		query.Room = string(*c.Room)
	}
	query.Since, query.Until = c.span(now)
	return query
}

// auditView is a line of the audit as it is printed.
type auditView struct {
	ID       string            `json:"id"`
	At       time.Time         `json:"time"`
	UID      uint32            `json:"uid"`
	User     string            `json:"user"` // empty: the uid has none
	SudoUser string            `json:"sudo_user,omitempty"`
	Door     store.AuditDoor   `json:"door"` // command or socket
	Command  string            `json:"command"`
	Kind     string            `json:"kind,omitempty"` // room, phone, trunk …; nothing: the server
	Subject  string            `json:"subject,omitempty"`
	Result   store.AuditResult `json:"result"` // empty: it was cut off, or goes on
	Reason   string            `json:"reason,omitempty"`
}

// who is the user, with the one who has become him.
func (v auditView) who() string {
	name := cmp.Or(v.User, strconv.FormatUint(uint64(v.UID), 10))
	if v.SudoUser != "" && v.SudoUser != name {
		name += " (" + v.SudoUser + ")"
	}
	return name
}

// ended is the result in words.
func (v auditView) ended() string {
	switch {
	case v.Result == "":
		return "not known to have ended"
	case v.Reason != "":
		return string(v.Result) + ": " + v.Reason
	}
	return string(v.Result)
}

// auditFields are the columns of CSV.
var auditFields = []string{"time", "user", "uid", "sudo_user", "door", "command", "kind", "subject", "result", "reason", "id"}

// fields are the cells of auditFields.
func (v auditView) fields() []string {
	return []string{v.At.Format(time.RFC3339Nano), v.User, strconv.FormatUint(uint64(v.UID), 10), v.SudoUser, string(v.Door), v.Command, v.Kind, v.Subject,
		string(v.Result), v.Reason, v.ID}
}

// writeAudit writes a table.
func writeAudit(out *bufio.Writer, views iter.Seq2[auditView, error]) error {
	table := newTable(out, "TIME", "USER", "DOOR", "COMMAND", "RESULT")
	for v, err := range views {
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", v.At.Local().Format(time.DateTime), printable(v.who()), v.Door, escape(v.Command, longestLine),
			escape(v.ended(), longestLine))
	}
	return table.Flush()
}
