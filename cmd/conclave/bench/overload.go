package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conclave/sip/phone"
)

const (
	// fillRate is how many members call per second where the server is to find out that it is full: it looks back a second.
	fillRate = 10
	// fillRefused is how many calls are refused before it counts as full.
	fillRefused = 20
)

// Overload is what came of calling until the server took no more.
type Overload struct {
	Taken   int     `json:"taken"`
	Refused int     `json:"refused"` // with 503
	Load    float64 `json:"load"`    // of the busiest mixing thread when the last calls were refused, 0 to 1
	// What the clockwork did while the members came.
	Ticks  uint64 `json:"ticks"`
	Missed uint64 `json:"ticks_missed"`
}

// fill has member after member call until so many are refused that the server is full, and tells how long the calls that were
// taken took to be answered.
func (b *bench) fill(ctx context.Context, ph *phone.Phone, server *serverProcess, callers []*caller) (o *Overload, setup []time.Duration, err error) {
	o = new(Overload)
	if err := server.resetStats(ctx); err != nil {
		return o, nil, err
	}
	for i := 0; i < len(callers) && o.Refused < fillRefused; i++ {
		if err := pause(ctx, time.Second/fillRate); err != nil {
			return o, setup, err
		}
		took, err := b.call(ctx, ph, server.sip, extension(i%b.Rooms), callers[i])
		var refused *phone.Refused
		switch {
		case err == nil:
			o.Taken++
			setup = append(setup, took)
		case errors.As(err, &refused) && refused.Status() == 503:
			o.Refused++
		default:
			return o, setup, fmt.Errorf("call %d: %w", i+1, err)
		}
	}
	stats, err := server.stats(ctx)
	if err != nil {
		return o, setup, err
	}
	o.Load, o.Ticks, o.Missed = stats.Load, stats.Ticks, stats.Missed
	if o.Refused < fillRefused {
		err = fmt.Errorf("the members are not enough to fill the server: %d were refused, and its busiest mixing thread is at %.0f %%; "+
			"more --members, or --codec opus with all of them --talkers", o.Refused, 100*o.Load)
	}
	return o, setup, err
}
