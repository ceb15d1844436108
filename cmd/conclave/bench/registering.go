package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

const (
	// firstPhone is the extension of the first phone; the others follow it.
	firstPhone = 100000
	// phonePassword is that of all phones.
	phonePassword = "of-the-bench"
)

// Registering is what became of phones that registered while the members were measured, each time with a challenge.
type Registering struct {
	Phones   int           `json:"phones"`
	Placed   int           `json:"placed"` // registrations, each of two REGISTERs
	Failed   int           `json:"failed"`
	Failure  string        `json:"failure,omitempty"` // the first
	Took     quantiles     `json:"took_ns"`           // from the first REGISTER to the 200
	Rate     float64       `json:"per_second"`        // that were done
	Kept     int           `json:"kept"`              // phones that are registered after a restart of the server
	Restart  time.Duration `json:"restart_ns"`        // from the order to end until the server was ready again
	measured []time.Duration
}

// addPhones adds so many phones to a database.
func addPhones(ctx context.Context, file string, phones int) error {
	if phones == 0 {
		return nil
	}
	db, err := store.Open(ctx, file)
	if err != nil {
		return err
	}
	for i := range phones {
		number := strconv.Itoa(firstPhone + i)
		digests := sip.DigestsOf(number, phonePassword)
		err := db.AddPhone(ctx, store.Phone{Extension: number, Name: "bench", MD5: digests.MD5, SHA256: digests.SHA256})
		if err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

// registering has the phones register again and again, RegistersPerSecond times a second, for Length.
func (b *bench) registering(ctx context.Context, ph *phone.Phone, server *serverProcess) (Registering, error) {
	r := Registering{Phones: b.Phones, Placed: b.RegistersPerSecond * int(b.Length/time.Second)}
	if r.Placed == 0 {
		return r, nil
	}
	var work sync.WaitGroup
	var mu sync.Mutex // over r
	var err error
	start := time.Now()
	for n := range r.Placed {
		at := start.Add(time.Duration(n) * time.Second / time.Duration(b.RegistersPerSecond))
		if err = pause(ctx, time.Until(at)); err != nil {
			break
		}
		work.Go(func() {
			number := strconv.Itoa(firstPhone + n%b.Phones)
			began := time.Now()
			_, err := ph.Register(ctx, server.sip, phone.Registration{User: number, Password: phonePassword,
				CallID: "bench-" + number, Number: uint32(2*(n/b.Phones) + 1)})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				r.measured = append(r.measured, time.Since(began))
			case r.Failure == "":
				r.Failure = fmt.Sprintf("phone %s: %v", number, err)
				fallthrough
			default:
				r.Failed++
			}
		})
	}
	work.Wait()
	r.Rate = float64(len(r.measured)) / time.Since(start).Seconds()
	r.Took = quantilesOf(r.measured)
	return r, err
}

// restart ends the server in order, starts it again on its data, and counts who is registered then.
func (b *bench) restart(ctx context.Context, server *serverProcess, r *Registering) error {
	began := time.Now()
	if err := server.end(); err != nil {
		return err
	}
	if err := server.start(); err != nil {
		return err
	}
	r.Restart = time.Since(began)
	var places []sip.Registration
	if err := server.ask(ctx, http.MethodGet, "/v1/phones", &places); err != nil {
		return err
	}
	phones := make(map[string]bool)
	for _, place := range places {
		phones[place.Extension] = true
	}
	r.Kept = len(phones)
	return nil
}

// checkPhones tells what of the settings of phones cannot be measured.
func (c Config) checkPhones() error {
	switch {
	case c.Phones < 0 || c.RegistersPerSecond < 0:
		return errors.New("the number of phones and of their registrations may not be negative")
	case (c.Phones > 0) != (c.RegistersPerSecond > 0):
		return errors.New("phones and registrations per second belong together: --phones 2000 --registers-per-second 500, for example")
	}
	return nil
}
