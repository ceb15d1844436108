package store_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"conclave/store"
)

func TestTrunksSurviveReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	if trunks, err := db.Trunks(t.Context()); err != nil || len(trunks) != 0 {
		t.Fatalf("new database: trunks %v, %v", trunks, err)
	}
	carrier := store.Trunk{Name: "carrier", Peer: "sip.example.com", Transport: "udp", User: "u", Password: "p:ä", Register: true, NoFocus: true,
		Allow: []string{"203.0.113.0/24", "192.0.2.0/24", "192.0.2.0/24"}, DIDs: []string{"+49301234", "7"},
		Outside: store.Outside{Allow: []string{"+49*", "!0900*"}, AtOnce: 3, PerDay: 0}, CallerID: "+49301234"}
	for _, trunk := range []store.Trunk{carrier, {Name: "anna", Peer: "192.0.2.1:5070", Transport: "tcp", OpenRooms: true}} {
		if err := db.AddTrunk(t.Context(), trunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, file)
	trunks, err := db.Trunks(t.Context())
	if err != nil || len(trunks) != 2 || trunks[0].Name != "anna" || trunks[1].Name != "carrier" {
		t.Fatalf("trunks are %+v, %v; want anna and carrier", trunks, err)
	}
	anna, got := trunks[0], trunks[1]
	if anna.Peer != "192.0.2.1:5070" || anna.Transport != "tcp" || anna.Register || !anna.OpenRooms || len(anna.Allow)+len(anna.DIDs) != 0 {
		t.Errorf("trunk anna is %+v", anna)
	}
	if got.Peer != carrier.Peer || got.User != "u" || got.Password != "p:ä" || !got.Register || got.OpenRooms ||
		!slices.Equal(got.Allow, []string{"192.0.2.0/24", "203.0.113.0/24"}) || !slices.Equal(got.DIDs, carrier.DIDs) || !reflect.DeepEqual(got.Outside, carrier.Outside) || got.CallerID != carrier.CallerID {
		t.Errorf("trunk carrier is %+v", got)
	}
	if got.Created.IsZero() || !got.Created.Equal(got.Changed) {
		t.Errorf("times are not set: %+v", got)
	}
	if one, err := db.Trunk(t.Context(), "anna"); err != nil || one.Peer != anna.Peer {
		t.Errorf("trunk anna alone is %+v, %v", one, err)
	}
}

func TestAddTrunkRefusesATakenName(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddTrunk(t.Context(), store.Trunk{Name: "a", Peer: "h", Transport: "udp", DIDs: []string{"1"}}); err != nil {
		t.Fatal(err)
	}
	err := db.AddTrunk(t.Context(), store.Trunk{Name: "a", Peer: "other", Transport: "tcp"})
	if !errors.Is(err, store.ErrTrunkTaken) || !strings.Contains(err.Error(), "trunk a") {
		t.Errorf("error %v, want ErrTrunkTaken that names it", err)
	}
	if got, err := db.Trunk(t.Context(), "a"); err != nil || got.Peer != "h" || len(got.DIDs) != 1 {
		t.Errorf("the first trunk is now %+v, %v", got, err)
	}
}

func TestSetTrunkReplacesWhatChangedOrNothing(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	if err := db.AddTrunk(t.Context(), store.Trunk{Name: "a", Peer: "h", Transport: "udp", Allow: []string{"192.0.2.0/24"}}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*store.Trunk) error{
		"error of the caller": func(trunk *store.Trunk) error { trunk.Peer = "x"; return errors.New("refused") },
		"unknown transport":   func(trunk *store.Trunk) error { trunk.Peer, trunk.Transport = "x", "sctp"; return nil },
		"no peer":             func(trunk *store.Trunk) error { trunk.Peer, trunk.Allow = "", nil; return nil },
		"empty network":       func(trunk *store.Trunk) error { trunk.Peer, trunk.Allow = "x", []string{""}; return nil },
	} {
		if err := db.SetTrunk(t.Context(), "a", change); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got, err := db.Trunk(t.Context(), "a"); err != nil || got.Peer != "h" || !slices.Equal(got.Allow, []string{"192.0.2.0/24"}) {
			t.Errorf("%s: trunk is now %+v, %v", name, got, err)
		}
	}
	err := db.SetTrunk(t.Context(), "a", func(trunk *store.Trunk) error {
		trunk.Peer, trunk.Allow, trunk.DIDs, trunk.Register = "new", nil, []string{"+49"}, true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := db.Trunk(t.Context(), "a"); err != nil || got.Peer != "new" || len(got.Allow) != 0 || len(got.DIDs) != 1 || !got.Register {
		t.Errorf("trunk is now %+v, %v", got, err)
	}
}

func TestMissingTrunkIsNamed(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	_, readErr := db.Trunk(t.Context(), "gone")
	for what, err := range map[string]error{
		"read":   readErr,
		"set":    db.SetTrunk(t.Context(), "gone", func(*store.Trunk) error { return nil }),
		"remove": db.RemoveTrunk(t.Context(), "gone"),
	} {
		if !errors.Is(err, store.ErrNoTrunk) || !strings.Contains(err.Error(), "gone") {
			t.Errorf("%s: %v, want ErrNoTrunk that names it", what, err)
		}
	}
}

func TestRemovedTrunkLeavesNothing(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	trunk := store.Trunk{Name: "a", Peer: "h", Transport: "udp", Allow: []string{"192.0.2.0/24"}, DIDs: []string{"1"}}
	if err := errors.Join(db.AddTrunk(t.Context(), trunk), db.RemoveTrunk(t.Context(), "a")); err != nil {
		t.Fatal(err)
	}
	trunk.Allow, trunk.DIDs = nil, nil
	if err := db.AddTrunk(t.Context(), trunk); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Trunk(t.Context(), "a"); err != nil || len(got.Allow)+len(got.DIDs) != 0 {
		t.Errorf("new trunk is %+v, %v", got, err)
	}
}

func TestTLSOfATrunkIsStoredAndForgotten(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "conclave.db"))
	files := store.TrunkTLS{CA: "/etc/ca.pem", Certificate: "/etc/cert.pem", Key: "/etc/key.pem"}
	if err := db.AddTrunk(t.Context(), store.Trunk{Name: "a", Peer: "h", Transport: "tls", TLS: files}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Trunk(t.Context(), "a"); err != nil || got.Transport != "tls" || got.TLS != files {
		t.Errorf("trunk a is %+v, %v", got, err)
	}
	for transport, want := range map[string]store.TrunkTLS{"tls": {CA: "/other.pem"}, "tcp": {}} {
		err := db.SetTrunk(t.Context(), "a", func(trunk *store.Trunk) error {
			trunk.Transport, trunk.TLS = transport, want
			return nil
		})
		if got, readErr := db.Trunk(t.Context(), "a"); err != nil || readErr != nil || got.Transport != transport || got.TLS != want {
			t.Errorf("over %s trunk a is %+v, %v, %v", transport, got, err, readErr)
		}
	}
}
