package sip_test

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// openStore opens a database that knows the phones of the tests.
func openStore(t testing.TB, file string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if phones, err := db.Phones(context.Background()); err != nil || len(phones) > 0 {
		return db
	}
	for _, ext := range []string{"200", "201", "202"} {
		if err := db.AddPhone(context.Background(), account(ext)); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func TestRestartKeepsRegistrations(t *testing.T) {
	for name, listen := range map[string]string{"one address": "udp://127.0.0.1:0", "all addresses": "udp://0.0.0.0:0"} {
		t.Run(name, func(t *testing.T) {
			db := openStore(t, filepath.Join(t.TempDir(), "conclave.db"))
			config := func(c *sip.Config) {
				withPhones(c)
				c.Listen, c.Store, c.ProbeEvery = []string{listen}, db, 100*time.Millisecond
			}
			first := startServer(t, config)
			at := first.at["udp"]
			if at.Addr().IsUnspecified() {
				at = localAt(at)
			}
			p := newPhone(t, "udp", "127.0.0.1")
			registers(t, p, at, phone.Registration{User: "200"})
			registers(t, p, at, phone.Registration{User: "201", Contacts: []string{"<sip:201@192.0.2.1>", "<sip:201@192.0.2.2>"}})
			registers(t, p, at, phone.Registration{User: "202"})
			registers(t, p, at, phone.Registration{User: "202", Expires: -1})
			before := contactsOf(first)
			if len(before) != 3 {
				t.Fatalf("registered as %v", before)
			}
			if err := first.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			listen = "udp://" + first.at["udp"].String()
			second := startServer(t, config)
			if after := contactsOf(second); !reflect.DeepEqual(after, before) {
				t.Errorf("registered as %v, before the restart as %v", after, before)
			}
			eventually(t, "the phone is reached again", func() bool {
				for _, r := range second.Registrations() {
					if r.Seen == nil || r.RoundTrip == 0 {
						return false
					}
				}
				return true
			})
			// Its last REGISTER is remembered.
			registers(t, p, at, phone.Registration{User: "201", Contacts: []string{"*"}, Expires: -1})
			if err := second.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left, err := db.Bindings(t.Context()); err != nil || len(left) != 1 || left[0].Phone != "200" {
				t.Errorf("stored is %+v, %v", left, err)
			}
		})
	}
}

// The name that a phone knows the server by outlives a restart: the phone names it in its transfers.
func TestRestartKeepsTheNameOfTheServer(t *testing.T) {
	const name = "pbx.example"
	db := openStore(t, filepath.Join(t.TempDir(), "conclave.db"))
	config := func(c *sip.Config) { withPhones(c); c.Store = db }
	first := startServer(t, config)
	a, b := newPhone(t, "udp", "127.0.0.1"), newPhone(t, "udp", "127.0.0.1")
	registers(t, a, first.at["udp"], phone.Registration{User: "200", Domain: name})
	registers(t, b, first.at["udp"], phone.Registration{User: "201"})
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := startServer(t, func(c *sip.Config) { config(c); c.Listen = []string{"udp://" + first.at["udp"].String()} })
	x := &exchange{server: second}
	anna, bert := calling(&handset{a, t, x, "udp", "200"}, &handset{b, t, x, "udp", "201"})
	if res := refers(t, bert, to("<sip:2000@"+name+">")); res.StatusCode != 403 {
		t.Errorf("by a phone that knows the server by another name:\n%s\nwant 403", res)
	}
	accepted(t, anna, to("<sip:2000@PBX.example>"))
	byeReceived(t, anna)
	second.member(t, 1)
	hangsUp(t, bert)
	second.empty(t)
}

// A process that is killed has written what is older than a second.
func TestRegistrationsAreStoredSoon(t *testing.T) {
	db := openStore(t, filepath.Join(t.TempDir(), "conclave.db"))
	s := startServer(t, func(c *sip.Config) { withPhones(c); c.Store = db })
	stored := func() int {
		list, err := db.Bindings(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	p, tcp := newPhone(t, "udp", "127.0.0.1"), newPhone(t, "tcp", "127.0.0.1")
	registers(t, tcp, s.at["tcp"], phone.Registration{User: "201"}) // goes with its connection, and so is not stored
	registers(t, p, s.at["udp"], phone.Registration{User: "200"})
	eventually(t, "it is stored", func() bool { return stored() > 0 })
	if n := stored(); n != 1 {
		t.Errorf("%d bindings are stored, want 1", n)
	}
	registers(t, p, s.at["udp"], phone.Registration{User: "200", Expires: -1})
	eventually(t, "it is gone", func() bool { return stored() == 0 })
}

// A database that cannot be written to keeps no phone from registering.
func TestRegistrationWithoutItsDatabase(t *testing.T) {
	db := openStore(t, filepath.Join(t.TempDir(), "conclave.db"))
	s := startServer(t, func(c *sip.Config) { withPhones(c); c.Store = db })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	p := newPhone(t, "udp", "127.0.0.1")
	registers(t, p, s.at["udp"], phone.Registration{User: "200"})
	eventually(t, "the log tells", func() bool { return contains(s.log.text(), "registrations are not stored") })
	if len(s.Registrations()) != 1 {
		t.Error("it is not registered")
	}
}

func TestPhonesThatAreChanged(t *testing.T) {
	s := startServer(t, withPhones)
	p := newPhone(t, "udp", "127.0.0.1")
	for _, ext := range []string{"200", "201", "202"} {
		registers(t, p, s.at["udp"], phone.Registration{User: ext})
	}
	renamed, other := account("200"), account("201")
	renamed.Name = "New name"
	other.SHA256, other.MD5 = sip.DigestsOf("201", "another").SHA256, sip.DigestsOf("201", "another").MD5
	s.SetPhones([]store.Phone{renamed, other})
	if list := s.Registrations(); len(list) != 1 || list[0].Extension != "200" {
		t.Errorf("registered are %+v, want 200 alone", list)
	}
	registersWith(t, p, s.at["udp"], phone.Registration{User: "201"}, 401)
	registersWith(t, p, s.at["udp"], phone.Registration{User: "202"}, 401)
	registers(t, p, s.at["udp"], phone.Registration{User: "201", Password: "another"})
	s.SetPhones(nil)
	res := registersWith(t, p, s.at["udp"], phone.Registration{User: "201"}, 403)
	if res.Reason != "No registrations here" {
		t.Errorf("without any phones:\n%s", res)
	}
}

func contactsOf(s *server) (all [][3]string) {
	for _, r := range s.Registrations() {
		all = append(all, [3]string{r.Extension, r.Contact, r.Address})
	}
	slices.SortFunc(all, func(a, b [3]string) int { return slices.Compare(a[:], b[:]) })
	return all
}
