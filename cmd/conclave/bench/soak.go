package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Soak is what the server held while calls came and went beside its members. What it holds at the end must be what it
// held when it had warmed up, however many calls there were.
type Soak struct {
	Samples []Resources `json:"samples"`
	// Warm and End are the medians of the second tenth and of the last tenth of the samples.
	Warm Resources `json:"warm"`
	End  Resources `json:"end"`
	// Left is what there was once the last visitor had hung up.
	Left Resources `json:"left"`
}

// Resources are those of the server at one time, as /v1/status tells them.
type Resources struct {
	Heap        int64 `json:"heap_bytes"` // that was live at the latest collection
	Memory      int64 `json:"memory_bytes"`
	Descriptors int   `json:"descriptors"`
	Goroutines  int   `json:"goroutines"`
	Calls       int   `json:"calls"`
	Members     int   `json:"members"`
	Faults      int   `json:"faults"`
}

const (
	soakSamples = 120 // in all
	// What may be more at the end than when it was warm: how many visitors are just there differs a little, and
	// the history of calls is read in pages that stay in memory.
	heapSlack  = 4 << 20
	countSlack = 20
	// leaveTime is how long the last calls may need to be gone: 64*T1 if a BYE was lost.
	leaveTime = 35 * time.Second
)

// soak asks the server again and again what it holds, for Length.
func (b *bench) soak(ctx context.Context, server *serverProcess) (*Soak, error) {
	if !b.Soak {
		return nil, nil
	}
	s := new(Soak)
	every := max(time.Second, b.Length/soakSamples)
	for end := time.Now().Add(b.Length); time.Until(end) >= every; {
		if err := pause(ctx, every); err != nil {
			return s, err
		}
		r, err := server.resources(ctx)
		if err != nil {
			return s, err
		}
		s.Samples = append(s.Samples, r)
	}
	n := len(s.Samples)
	s.Warm, s.End = medians(s.Samples[n/10:max(n/10+1, n/5)]), medians(s.Samples[n-max(1, n/10):])
	return s, nil
}

// leave waits until the visitors are gone.
func (b *bench) leave(ctx context.Context, server *serverProcess, s *Soak) (err error) {
	for end := time.Now().Add(leaveTime); ; {
		if s.Left, err = server.resources(ctx); err != nil || s.Left.Calls <= b.Members || time.Now().After(end) {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (s *serverProcess) resources(ctx context.Context) (r Resources, err error) {
	return r, s.ask(ctx, http.MethodGet, "/v1/status", &r)
}

// medians takes each figure by itself.
func medians(all []Resources) Resources {
	of := func(figure func(Resources) int64) int64 {
		values := make([]int64, len(all))
		for i, r := range all {
			values[i] = figure(r)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return Resources{
		Heap:        of(func(r Resources) int64 { return r.Heap }),
		Memory:      of(func(r Resources) int64 { return r.Memory }),
		Descriptors: int(of(func(r Resources) int64 { return int64(r.Descriptors) })),
		Goroutines:  int(of(func(r Resources) int64 { return int64(r.Goroutines) })),
		Calls:       int(of(func(r Resources) int64 { return int64(r.Calls) })),
		Members:     int(of(func(r Resources) int64 { return int64(r.Members) })),
		Faults:      int(of(func(r Resources) int64 { return int64(r.Faults) })),
	}
}

// Flat is an error that names all that grew, was lost or was left behind in the run; nil where nothing did.
func (r *Report) Flat() error {
	s := r.Soak
	var wrong []error
	check := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	check(s.End.Heap > s.Warm.Heap+s.Warm.Heap/20+heapSlack, "the heap grew from %.1f to %.1f MB", float64(s.Warm.Heap)/1e6, float64(s.End.Heap)/1e6)
	check(s.End.Descriptors > s.Warm.Descriptors+countSlack, "descriptors grew from %d to %d", s.Warm.Descriptors, s.End.Descriptors)
	check(s.End.Goroutines > s.Warm.Goroutines+countSlack, "goroutines grew from %d to %d", s.Warm.Goroutines, s.End.Goroutines)
	check(s.Left.Calls != r.Members || s.Left.Members != r.Members, "%d calls and %d members were left, of %d members",
		s.Left.Calls, s.Left.Members, r.Members)
	check(s.Left.Faults > 0, "%d faults", s.Left.Faults)
	check(r.Visits.Failed > 0, "%d of %d calls failed, first: %s", r.Visits.Failed, r.Visits.Placed, r.Visits.Failure)
	check(r.Lost > 0, "%d packets to members were lost", r.Lost)
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("not as it was: %w", errors.Join(wrong...))
}

// write prints it, a line for each figure.
func (s *Soak) write(line func(name, format string, args ...any)) {
	line("heap", "%.1f MB when warm, %.1f MB at the end, %.1f MB when the last had left (live objects)",
		float64(s.Warm.Heap)/1e6, float64(s.End.Heap)/1e6, float64(s.Left.Heap)/1e6)
	line("descriptors", "%d when warm, %d at the end, %d when the last had left", s.Warm.Descriptors, s.End.Descriptors, s.Left.Descriptors)
	line("goroutines", "%d when warm, %d at the end, %d when the last had left", s.Warm.Goroutines, s.End.Goroutines, s.Left.Goroutines)
	line("left behind", "%d calls, %d members, %d faults", s.Left.Calls, s.Left.Members, s.Left.Faults)
}
