package bench

import (
	"strings"
	"testing"
)

func TestSoakNamesWhatGrewOrWasLeft(t *testing.T) {
	steady := func() *Report {
		r := &Report{Members: 200, Soak: &Soak{
			Warm: Resources{Heap: 40e6, Descriptors: 450, Goroutines: 250, Calls: 210, Members: 210},
			End:  Resources{Heap: 41e6, Descriptors: 455, Goroutines: 251, Calls: 211, Members: 210},
			Left: Resources{Heap: 41e6, Descriptors: 430, Goroutines: 240, Calls: 200, Members: 200},
		}}
		r.Visits.Placed = 36000
		return r
	}
	for _, tt := range []struct {
		change func(*Report)
		want   string // empty: nothing
	}{
		{func(r *Report) {}, ""},
		{func(r *Report) { r.Soak.End.Heap = 50e6 }, "heap grew from 40.0 to 50.0 MB"},
		{func(r *Report) { r.Soak.End.Descriptors = 500 }, "descriptors grew from 450 to 500"},
		{func(r *Report) { r.Soak.End.Goroutines = 300 }, "goroutines grew from 250 to 300"},
		{func(r *Report) { r.Soak.Left.Calls = 201 }, "201 calls and 200 members were left"},
		{func(r *Report) { r.Soak.Left.Members, r.Soak.Left.Calls = 199, 199 }, "199 calls and 199 members"},
		{func(r *Report) { r.Soak.Left.Faults = 1 }, "1 faults"},
		{func(r *Report) { r.Visits.Failed, r.Visits.Failure = 2, "call 7: no" }, "2 of 36000 calls failed, first: call 7: no"},
		{func(r *Report) { r.Lost = 3 }, "3 packets"},
	} {
		r := steady()
		tt.change(r)
		err := r.Flat()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

func TestSoakComparesMedians(t *testing.T) {
	all := []Resources{{Heap: 9, Goroutines: 5}, {Heap: 1, Goroutines: 100}, {Heap: 3, Goroutines: 6}}
	if m := medians(all); m.Heap != 3 || m.Goroutines != 6 {
		t.Errorf("medians %+v", m)
	}
}
