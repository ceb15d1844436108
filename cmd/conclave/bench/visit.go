package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"conclave/sip/phone"
)

// Visits are calls that come and go while the members are measured.
type Visits struct {
	Placed   int       `json:"placed"`
	Failed   int       `json:"failed"`
	Failure  string    `json:"failure,omitempty"` // the first
	Setup    quantiles `json:"setup_ns"`          // from INVITE to 200
	measured []time.Duration
}

// visits places CallsPerSecond calls for Length, to a room of their own. Each
// hangs up after a while. What is sent to them nobody reads.
func (b *bench) visits(ctx context.Context, ph *phone.Phone, server *serverProcess) (Visits, error) {
	v := Visits{Placed: b.CallsPerSecond * int(b.Length/time.Second)}
	if v.Placed == 0 {
		return v, nil
	}
	sink, err := openSocket()
	if err != nil {
		return v, err
	}
	defer sink.close()
	media, err := sink.address()
	if err != nil {
		return v, err
	}
	var calls sync.WaitGroup
	var mu sync.Mutex // over v
	start := time.Now()
	for n := range v.Placed {
		at := start.Add(time.Duration(n) * time.Second / time.Duration(b.CallsPerSecond))
		if err = pause(ctx, time.Until(at)); err != nil {
			break
		}
		calls.Go(func() {
			call, err := ph.Dial(ctx, server.sip, extension(b.Rooms), phone.Options{Media: media})
			if err == nil {
				mu.Lock()
				v.measured = append(v.measured, call.SetupTime())
				mu.Unlock()
				if err = pause(ctx, visit); err == nil {
					err = call.Hangup()
				}
			}
			if err != nil {
				mu.Lock()
				v.Failed++
				if v.Failure == "" {
					v.Failure = fmt.Sprintf("call %d: %v", n+1, err)
				}
				mu.Unlock()
			}
		})
	}
	calls.Wait()
	v.Setup = quantilesOf(v.measured)
	return v, err
}
