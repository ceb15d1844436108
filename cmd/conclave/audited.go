package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"conclave/store"
)

// run runs a command and sees to its line in the audit.
func (o *ordering) run(ctx context.Context, data dataDir, command func() error) error {
	if o.auditing == auditNo {
		return command()
	}
	if o.auditing == auditBefore || o.auditing == auditRescue {
		if err := o.begin(ctx, data); err != nil {
			if o.auditing == auditBefore {
				return fmt.Errorf("nothing is done or shown, for it cannot be written to the audit: %w", err)
			}
			warnf("not in the audit yet: %v", err)
		}
	}
	err := command()
	if ended := o.end(context.WithoutCancel(ctx), data, err); ended != nil {
		ended = fmt.Errorf("the audit does not tell of it: %w", ended)
		if err == nil {
			ended = fmt.Errorf("it is done, but %w", ended)
		}
		return errors.Join(err, ended)
	}
	return err
}

// begin writes the line. Where there is no database yet it waits for what the command makes of that.
func (o *ordering) begin(ctx context.Context, data dataDir) error {
	if !data.hasDatabase() {
		return nil
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(db.BeginOrder(ctx, o.order), db.Close())
}

// end writes how the command has ended, unless that is written already.
func (o *ordering) end(ctx context.Context, data dataDir, failed error) error {
	result, reason := store.AuditDone, ""
	switch {
	case failed == nil && (o.order.Done() || o.auditing == auditChange):
		return nil // in the transaction of the change; or nothing has changed
	case failed != nil && o.answered.Load():
		return nil // the server has it in the audit
	case failed != nil && !data.hasDatabase():
		return nil
	case failed != nil:
		result, reason = store.AuditFailed, o.reason(failed)
		if !o.order.Written() {
			result = store.AuditRefused
		}
	}
	db, err := data.openOrCreate(ctx)
	if err != nil && failed != nil {
		return nil // most likely it is why the command has failed, and is told
	}
	if err != nil {
		return err
	}
	return errors.Join(db.EndOrder(ctx, o.order, result, reason), db.Close())
}

// reason is why a command has failed, without the secrets that were given to it.
func (o *ordering) reason(failed error) string {
	text := failed.Error()
	if errors.Is(failed, context.Canceled) {
		text = "interrupted"
	}
	for _, secret := range o.secrets {
		if secret != "-" { // from standard input
			text = strings.ReplaceAll(text, secret, hiddenWord)
		}
	}
	return text
}
