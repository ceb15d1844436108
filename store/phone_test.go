package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"conclave/store"
)

var (
	md5Digest    = strings.Repeat("0a", 16)
	sha256Digest = strings.Repeat("1b", 32)
)

func phoneOf(ext, name string) store.Phone {
	return store.Phone{Extension: ext, Name: name, MD5: md5Digest, SHA256: sha256Digest, RingTime: 30 * time.Second}
}

func TestPhoneSurvivesReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	want := phoneOf("0200", "Früh")
	want.Outside, want.RingTime = store.Outside{Allow: []string{"+49*", "!0900*"}, AtOnce: 3, PerDay: 40}, 12*time.Second
	other := phoneOf("21", "a")
	other.RingTime = 0
	for _, p := range []store.Phone{want, other} {
		if err := db.AddPhone(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	phones, err := open(t, file).Phones(t.Context())
	if err != nil || len(phones) != 2 || phones[0].Extension != "21" || len(phones[0].Outside.Allow) != 0 || phones[0].RingTime != 0 {
		t.Fatalf("phones are %+v, %v", phones, err)
	}
	got := phones[1]
	if got.Created.IsZero() || !got.Created.Equal(got.Changed) {
		t.Errorf("times are not set: %+v", got)
	}
	got.Created, got.Changed = want.Created, want.Changed
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back %+v, stored %+v", got, want)
	}
}

func TestPhonesAndRoomsShareOneNumberSpace(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddRoom(t.Context(), store.Room{Extension: "1000", Name: "Weekly"}); err != nil {
		t.Fatal(err)
	}
	if err := db.AddPhone(t.Context(), phoneOf("200", "Anna")); err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		err  error
		word string
	}{
		"phone on a room":  {db.AddPhone(t.Context(), phoneOf("1000", "Bert")), `room "Weekly"`},
		"phone on a phone": {db.AddPhone(t.Context(), phoneOf("200", "Bert")), `phone "Anna"`},
		"room on a phone":  {db.AddRoom(t.Context(), store.Room{Extension: "200", Name: "Other"}), `phone "Anna"`},
	} {
		if !errors.Is(tt.err, store.ErrTaken) || !strings.Contains(tt.err.Error(), tt.word) {
			t.Errorf("%s: %v, want ErrTaken by %s", what, tt.err, tt.word)
		}
	}
	if p, err := db.Phone(t.Context(), "200"); err != nil || p.Name != "Anna" {
		t.Errorf("the phone is now %+v, %v", p, err)
	}
}

// Of a room and a phone that come at once with the same number, one is refused.
func TestOneNumberIsGivenOnce(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	for i := range 10 {
		ext := fmt.Sprint(100 + i)
		var errs [2]error
		var both sync.WaitGroup
		both.Go(func() { errs[0] = db.AddRoom(t.Context(), store.Room{Extension: ext, Name: "r"}) })
		both.Go(func() { errs[1] = db.AddPhone(t.Context(), phoneOf(ext, "p")) })
		both.Wait()
		if taken := errors.Is(errs[0], store.ErrTaken) || errors.Is(errs[1], store.ErrTaken); !taken || errs[0] != nil && errs[1] != nil {
			t.Errorf("room: %v, phone: %v; want that one is taken", errs[0], errs[1])
		}
	}
}

func TestBadPhonesAreNotStored(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddPhone(t.Context(), phoneOf("200", "Anna")); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*store.Phone){
		"no name":    func(p *store.Phone) { p.Name = "" },
		"no MD5":     func(p *store.Phone) { p.MD5 = "" },
		"no SHA-256": func(p *store.Phone) { p.SHA256 = "secret" },
	} {
		phone := phoneOf("201", "Bert")
		change(&phone)
		if err := db.AddPhone(t.Context(), phone); err == nil {
			t.Errorf("%s: added", what)
		}
		if err := db.SetPhone(t.Context(), "200", func(p *store.Phone) error { change(p); return nil }); err == nil {
			t.Errorf("%s: set", what)
		}
	}
	if phones, err := db.Phones(t.Context()); err != nil || len(phones) != 1 || phones[0].Name != "Anna" {
		t.Errorf("phones are %+v, %v", phones, err)
	}
}

func TestMissingPhoneIsNamed(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	_, readErr := db.Phone(t.Context(), "42")
	for what, err := range map[string]error{
		"read":   readErr,
		"set":    db.SetPhone(t.Context(), "42", func(*store.Phone) error { return nil }),
		"remove": db.RemovePhone(t.Context(), "42"),
	} {
		if !errors.Is(err, store.ErrNoPhone) || !strings.Contains(err.Error(), "42") {
			t.Errorf("%s: %v, want ErrNoPhone that names 42", what, err)
		}
	}
}

func bindingOf(phone, id string) store.Binding {
	return store.Binding{
		Phone: phone, ID: id, Contact: "sip:" + phone + "@192.0.2.7:5060", Paths: []string{"sip:p1;lr", "sip:p2;lr"},
		CallID: "abc", CSeq: 1<<31 - 1, Agent: "Desk 1.0", Domain: "pbx.example", Expires: time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC(),
		Transport: "UDP", Local: netip.MustParseAddrPort("127.0.0.1:5060"), Remote: netip.MustParseAddrPort("[2001:db8::1]:5062"),
	}
}

func TestBindingsAreSavedReplacedAndRemoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	for _, ext := range []string{"200", "201"} {
		if err := db.AddPhone(t.Context(), phoneOf(ext, "n")); err != nil {
			t.Fatal(err)
		}
	}
	save := func(changes ...store.BindingChange) {
		t.Helper()
		if err := db.SaveBindings(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
	}
	a, b, stranger := bindingOf("200", "a"), bindingOf("200", "b"), bindingOf("999", "a")
	expired := bindingOf("201", "old")
	expired.Expires = time.Now().Add(-time.Second)
	save(store.BindingChange{Binding: a}, store.BindingChange{Binding: b}, store.BindingChange{Binding: stranger}, store.BindingChange{Binding: expired})
	a.CSeq, a.Paths, a.Agent = 7, nil, ""
	save(store.BindingChange{Binding: a}, store.BindingChange{Binding: store.Binding{Phone: "200", ID: "b"}, Gone: true})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, file)
	if got, err := db.Bindings(t.Context()); err != nil || !reflect.DeepEqual(got, []store.Binding{a}) {
		t.Errorf("bindings are %+v, %v; want %+v", got, err, a)
	}
	if err := db.RemovePhone(t.Context(), "200"); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Bindings(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("a phone that is gone has bindings %+v, %v", got, err)
	}
}

func TestNewPasswordEndsRegistrations(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddPhone(t.Context(), phoneOf("200", "n")); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveBindings(t.Context(), []store.BindingChange{{Binding: bindingOf("200", "a")}}); err != nil {
		t.Fatal(err)
	}
	set := func(change func(*store.Phone)) int {
		t.Helper()
		if err := db.SetPhone(t.Context(), "200", func(p *store.Phone) error { change(p); return nil }); err != nil {
			t.Fatal(err)
		}
		bindings, err := db.Bindings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(bindings)
	}
	if n := set(func(p *store.Phone) { p.Name, p.Outside.Allow = "m", []string{"1*"} }); n != 1 {
		t.Errorf("%d bindings after a new name, want 1", n)
	}
	if n := set(func(p *store.Phone) { p.SHA256, p.MD5 = strings.Repeat("2", 64), strings.Repeat("3", 32) }); n != 0 {
		t.Errorf("%d bindings after a new password, want 0", n)
	}
}
