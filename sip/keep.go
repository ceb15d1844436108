package sip

import (
	"context"
	"time"

	"conclave/store"
)

// How bindings are written: no REGISTER waits for the database, and what a killed process loses is what came in the
// last half second. Of that, refreshes lose nothing: the binding is there with its earlier time.
const (
	saveEvery  = 500 * time.Millisecond
	saveWithin = 10 * time.Second
)

// keep writes what has changed, all of it in one transaction, until stop is closed; then once more.
func (r *registrar) keep(stop <-chan struct{}) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	failed := false
	for {
		ended := false
		select {
		case <-tick.C:
		case <-stop:
			ended = true
		}
		err := r.save()
		switch {
		case err != nil && (ended || !failed):
			r.log.Error("registrations are not stored; they are tried again and would be lost with this process", "error", err)
		case err == nil && failed:
			r.log.Info("registrations are stored again")
		}
		failed = err != nil
		if ended {
			return
		}
	}
}

// save writes what has changed since the last time. What could not be written counts as changed still.
func (r *registrar) save() error {
	changes := r.takeUnsaved()
	if len(changes) == 0 || r.db == nil {
		return nil
	}
	stored := false
	defer func() {
		if !stored {
			r.unsave(changes)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), saveWithin)
	defer cancel()
	err := r.db.SaveBindings(ctx, changes)
	stored = err == nil
	return err
}

// takeUnsaved is what has changed since the last time.
func (r *registrar) takeUnsaved() (changes []store.BindingChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.unsaved {
		change := store.BindingChange{Binding: store.Binding{Phone: key.extension, ID: key.id}, Gone: true}
		for _, b := range r.bindings[key.extension] {
			// What came over TCP ends with its connection, and so with this process.
			if b.id == key.id && b.lasts() {
				change = store.BindingChange{Binding: b.stored(key.extension)}
			}
		}
		changes = append(changes, change)
	}
	clear(r.unsaved)
	return changes
}

// unsave has changes count as such again.
func (r *registrar) unsave(changes []store.BindingChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		r.unsaved[bindingKey{c.Phone, c.ID}] = true
	}
}
