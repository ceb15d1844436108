package store_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"conclave/store"
)

func TestCallsOutsideAreCountedByDay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	db := open(t, file)
	save := func(day string, calls map[string]int) {
		t.Helper()
		if err := db.SaveOutsideCalls(t.Context(), day, calls); err != nil {
			t.Fatal(err)
		}
	}
	want := func(day string, calls map[string]int) {
		t.Helper()
		if got, err := db.OutsideCalls(t.Context(), day); err != nil || !reflect.DeepEqual(got, calls) {
			t.Errorf("%s: %v, %v; want %v", day, got, err, calls)
		}
	}
	want("2030-01-01", map[string]int{})
	save("2030-01-01", map[string]int{"phone 200": 1, "trunk carrier": 1})
	save("2030-01-01", map[string]int{"phone 200": 2})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, file)
	want("2030-01-01", map[string]int{"phone 200": 2, "trunk carrier": 1})
	save("2030-01-02", map[string]int{"phone 200": 1})
	want("2030-01-01", map[string]int{})
	want("2030-01-02", map[string]int{"phone 200": 1})
}

// A phone that was to call outside may do so still, within the caps that are usual.
func TestMigrationKeepsTheRightToCallOutside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conclave.db")
	var statements []string
	names, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names[:6] {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		statements = append(statements, string(text))
	}
	statements = append(statements,
		"INSERT INTO phones VALUES ('200', 'Anna', '"+md5Digest+"', '"+sha256Digest+"', 1, 12, 1, 2), ('201', 'Bert', '"+md5Digest+"', '"+sha256Digest+"', 0, 30, 1, 2)",
		"INSERT INTO trunks VALUES ('carrier', 'h', 'udp', '', '', 0, 1, 1, 2)",
		"PRAGMA application_id = 0x436f6e63", "PRAGMA user_version = 6")
	raw(t, file, statements...)
	db := open(t, file)
	phones, err := db.Phones(t.Context())
	if err != nil || len(phones) != 2 {
		t.Fatalf("phones are %+v, %v", phones, err)
	}
	if got := phones[0]; !reflect.DeepEqual(got.Outside, store.Outside{Allow: []string{"*"}, AtOnce: 2, PerDay: 100}) || got.Name != "Anna" {
		t.Errorf("phone 200 has become %+v", got)
	}
	if got := phones[1]; len(got.Outside.Allow) != 0 {
		t.Errorf("phone 201 has become %+v", got)
	}
	if got, err := db.Trunk(t.Context(), "carrier"); err != nil || len(got.Outside.Allow) != 0 || got.Outside.AtOnce != 30 || got.Outside.PerDay != 1000 {
		t.Errorf("the trunk has become %+v, %v", got, err)
	}
}
