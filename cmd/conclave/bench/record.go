package bench

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"
)

const (
	recordPairs = 10 // at most, and no more than seconds are measured
	// recordWindow is some of the seconds after which a recording is brought to the disk.
	recordWindow = 2 * time.Second
	recordWarm   = 300 * time.Millisecond // not counted: files are opened or closed
)

// record has the server record all rooms in every other window. Each start goes on with the files.
func (b *bench) record(ctx context.Context, server *serverProcess) (c comparison, err error) {
	windows := 2*min(recordPairs, int(b.Length/time.Second)) + 1
	fmt.Fprintf(b.Progress, "server: with and without recording by turns, for %v\n", time.Duration(windows)*(recordWindow+recordWarm))
	for i := range windows {
		on := i%2 == 1
		if i > 0 {
			if err := b.orderRecording(ctx, server, on); err != nil {
				return c, err
			}
		}
		if err := pause(ctx, recordWarm); err != nil {
			return c, err
		}
		spent, err := spend(ctx, server.command.Process.Pid, recordWindow)
		if err != nil {
			return c, err
		}
		if took := spent.perParticipantSecond(b.Members); on {
			c.servers = append(c.servers, took)
		} else {
			c.floors = append(c.floors, took)
		}
	}
	return c, nil
}

func (b *bench) orderRecording(ctx context.Context, server *serverProcess, on bool) error {
	order := "stop"
	if on {
		order = "start"
	}
	for room := range b.Rooms {
		if err := server.ask(ctx, http.MethodPost, "/v1/rooms/"+extension(room)+"/record/"+order, nil); err != nil {
			return err
		}
	}
	return nil
}

// record takes what the windows with and without recording took.
func (r *Report) record(c comparison) {
	for _, without := range c.floors {
		r.Unrecorded = append(r.Unrecorded, microseconds(without))
	}
	for _, with := range c.servers {
		r.Recorded = append(r.Recorded, microseconds(with))
	}
	ratios := c.ratios()
	at := func(share float64) float64 { return math.Round(1000*quantile(ratios, share)) / 1000 }
	r.RecordRatio, r.RecordRatioLow, r.RecordRatioHigh = at(0.5), at(0.25), at(0.75)
}
