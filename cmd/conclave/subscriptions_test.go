package main

import (
	"strings"
	"testing"
	"time"

	"conclave/sip"
	"conclave/sip/phone"
)

func TestSubscriptionsAreListed(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.run("room", "add", "1000", "--name", "Weekly", "--no-pin")
	password := generatedPassword(t, s.run("phone", "add", "200", "--name", "Anna"))
	p, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w, _, err := p.Subscribe(t.Context(), s.sip, "1000", phone.Interest{User: "200", Password: password, Event: "conference"})
	if err != nil {
		t.Fatal(err)
	}
	s.wait("the subscription", patience, func() bool { return len(w.Notices()) == 1 })
	list := s.run("subscriptions")
	for _, want := range []string{"1000    conference  phone 200   udp:" + p.Address().String(), "59:", "NOTIFIES"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list is without %s:\n%s", want, list)
		}
	}
	if json := s.run("subscriptions", "--json"); !strings.Contains(json, `"subscriber": "phone 200"`) || !strings.Contains(json, `"notified": 1`) {
		t.Errorf("as JSON:\n%s", json)
	}
	if status := s.run("status"); !strings.Contains(strings.Join(strings.Fields(status), " "), "subscriptions 1 ") {
		t.Errorf("the status is without it:\n%s", status)
	}
	s.run("room", "rm", "1000")
	s.wait("the end of the subscription", patience, func() bool { return strings.Count(s.run("subscriptions"), "\n") == 1 })
	if got := w.Notices()[1].GetHeader("Subscription-State").Value(); got != "terminated;reason=noresource" {
		t.Errorf("it is over by %s", got)
	}
}

// What a phone says of itself is harmless to a terminal.
func TestSubscriptionTable(t *testing.T) {
	var out strings.Builder
	now := time.Now()
	err := writeSubscriptions(&out, []sip.Subscription{{Subscriber: "phone 200", Event: "dialog", Number: "20\x1b[2J", Transport: "tcp",
		Address: "[::1]:5060", Since: now, Expires: now.Add(-time.Second), Notified: 3}}, now)
	if err != nil || strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "tcp:[::1]:5060") || !strings.Contains(out.String(), "0:00") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
