package sip

import (
	"errors"
	"testing"
)

func TestMailboxKeepsTheOrderAndItsBounds(t *testing.T) {
	m := newMailbox()
	for i := range mailboxSize {
		if err := m.offer(i); err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	if err := m.offer("too much"); !errors.Is(err, errBusy) {
		t.Errorf("full mailbox: error %v", err)
	}
	m.post("our own") // is never refused
	<-m.ready
	events := m.take()
	if len(events) != mailboxSize+1 || events[mailboxSize] != "our own" {
		t.Errorf("took %v", events)
	}
	for i, event := range events[:mailboxSize] {
		if event != i {
			t.Errorf("event %d is %v", i, event)
		}
	}
	if err := m.offer("more"); err != nil {
		t.Errorf("emptied mailbox: %v", err)
	}
	if left := m.close(); len(left) != 1 || left[0] != "more" {
		t.Errorf("left %v", left)
	}
	m.post("late")
	if err := m.offer("late"); !errors.Is(err, errNoDialog) || len(m.take()) != 0 {
		t.Errorf("closed mailbox: error %v", err)
	}
}
