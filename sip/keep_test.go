package sip

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"conclave/media/fault"
	"conclave/sip/wire"
	"conclave/store"
)

// A fault in writing costs no registration: what was not written is written when it can be.
func TestRegistrationsAreKeptAfterAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "conclave.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.AddPhone(t.Context(), store.Phone{Extension: "200", Name: "n", MD5: string(make([]byte, 32)), SHA256: string(make([]byte, 64))}); err != nil {
			t.Fatal(err)
		}
		phones, err := db.Phones(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		faults, stop, ended := fault.NewLog(nil), make(chan struct{}), make(chan struct{})
		r := newRegistrar(slog.New(slog.DiscardHandler), &store.DB{}, time.Minute) // a database that is none
		s := &Server{registrar: r, subscriptions: newSubscriptions()}
		s.SetPhones(phones)
		go func() {
			defer close(ended)
			faults.Keep(stop, "keep registrations", func() { r.keep(stop) })
		}()
		uri, err := wire.ParseURI("sip:200@192.0.2.7")
		if err != nil {
			t.Fatal(err)
		}
		at := netip.MustParseAddrPort("192.0.2.7:5060")
		asked := registerRequest{contacts: []binding{{id: contactID(uri), contact: uri, peer: wire.Peer{Transport: "UDP", Local: at, Remote: at}, expires: time.Now().Add(time.Hour)}}}
		if _, err := r.register("200", asked); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if n := faults.Count(); n < 2 || n > 5 {
			t.Errorf("%d faults in 5 s: it is to be tried again, after pauses", n)
		}
		r.mu.Lock()
		r.db = db
		r.mu.Unlock()
		time.Sleep(10 * time.Second)
		if stored, err := db.Bindings(t.Context()); err != nil || len(stored) != 1 {
			t.Errorf("stored are %+v, %v", stored, err)
		}
		close(stop)
		<-ended
	})
}
