package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"conclave/media"
	"conclave/media/fault"
	"conclave/mixer"
	"conclave/rooms"
	"conclave/rooms/recordings"
	"conclave/sip"
	"conclave/sip/wire"
	"conclave/store/history"
)

const (
	// shutdownTime bounds the end of all calls once they are hung up.
	shutdownTime = 10 * time.Second
	maxDrainTime = 24 * time.Hour
)

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, data dataDir) error {
	log := c.logger()
	if err := tuneRuntime(c.Workers); err != nil {
		return err
	}
	ports, err := media.NewPorts(c.RTPPorts.first, c.RTPPorts.last)
	if err != nil {
		return fmt.Errorf("--rtp-ports: %w", err)
	}
	if err := checkFileLimit(log, ports.Pairs()); err != nil {
		return err
	}
	if err := data.create(); err != nil {
		return err
	}
	var before *predecessor // in whose place this process goes on; nil: nobody's
	var lock *os.File
	if c.Takeover {
		err = checkTakeover(ctx, data)
	} else {
		lock, err = data.lock()
	}
	if err != nil {
		return err
	}
	defer func() { lock.Close() }()
	db, err := data.openOrCreate(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	faults := fault.NewLog(log)
	calls := history.Open(history.Config{DB: db, Log: log, Faults: faults, Days: c.History})
	defer closeHistory(calls)
	trail := history.OpenTrail(history.TrailConfig{DB: db, Log: log, Faults: faults, Days: c.AuditDays})
	defer closeTrail(trail)

	workers := c.Workers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	// Each worker keeps a P of the scheduler while it ticks and sleeps; the rest of the program has one for each CPU.
	runtime.GOMAXPROCS(runtime.NumCPU() + workers)
	engine, err := mixer.New(mixer.Config{Workers: workers, MaxLoad: float64(c.MaxLoad) / 100, Halted: c.Takeover, Log: log})
	if err != nil {
		return err
	}
	defer engine.Close()
	var released chan struct{} // closed when the old server has let go of its recordings
	if c.Takeover {
		released = make(chan struct{})
	}
	shelf := recordings.Open(recordings.Config{Dir: data.recordings(), Days: c.KeepDays, Bytes: int64(c.KeepBytes), Await: released, Log: log,
		Faults: faults})
	defer shelf.Close()
	pins, err := rooms.NewPINGuard(ctx, db, log, faults)
	if err != nil {
		return err
	}
	defer pins.Close()
	house, err := rooms.New(rooms.Config{PINs: pins, Engine: engine, Log: log, Faults: faults, Recordings: shelf, TransferCode: c.TransferCode})
	if err != nil {
		return err
	}
	var server *sip.Server // nil while the rooms are read that it begins with
	var loading sync.Mutex // what was read earlier must not replace what was read later
	reload := func(ctx context.Context) error {
		loading.Lock()
		defer loading.Unlock()
		err := loadRooms(ctx, data, db, house, c.Factory, log)
		if server != nil {
			err = errors.Join(err, loadTrunks(ctx, db, server, log))
		}
		return err
	}
	if err := reload(ctx); err != nil {
		return err
	}
	certify, err := c.certify(data, log)
	if err != nil {
		return err
	}
	phones, err := db.Phones(ctx)
	if err != nil {
		return err
	}
	var estate *sip.Estate
	if c.Takeover {
		if before, err = succeed(ctx, data, released); err != nil {
			return err
		}
		lock, estate = before.lock, &before.estate
		if err := pins.Read(ctx); err != nil {
			return before.giveUp(err)
		}
	}
	server, err = sip.New(sip.Config{
		Estate:      estate,
		Log:         log,
		House:       house,
		Record:      calls.Add,
		Full:        engine.Full,
		Ports:       ports,
		Listen:      c.SIP,
		Certify:     certify,
		Advertise:   c.Advertise.Addr,
		Guests:      c.Guests,
		Phones:      phones,
		Digests:     c.Digests,
		MessageRate: c.SIPRate,
		Store:       db,
		RingTime:    c.RingTime,
		Software:    c.Software.product(),

		SessionExpires:    cmp.Or(c.SessionTime, -1),
		MinSessionExpires: c.SessionLeast,

		InsecureKeys: c.InsecureSDES,
	})
	switch {
	case err != nil && before != nil:
		return before.giveUp(err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; end the program that has it (`ss -lntup` tells which), or give another port with --sip", err)
	case err != nil:
		return err
	}
	if before != nil {
		if err := before.goOn(engine, server); err != nil {
			return err
		}
		log.Info("the calls of the server before go on here", "calls", server.Stats().Calls)
	}
	if err := loadTrunks(ctx, db, server, log); err != nil {
		return errors.Join(err, shutDown(server, house))
	}
	house.SetCallOut(server.CallOut)
	reloadPhones := func(ctx context.Context) error {
		loading.Lock()
		defer loading.Unlock()
		return loadPhones(ctx, db, server, log)
	}
	operators := &control{house: house, engine: engine, reload: reload, log: log, sip: server, reloadPhones: reloadPhones, pins: pins, trail: trail, faults: faults}
	if err := operators.start(data); err != nil {
		return errors.Join(err, shutDown(server, house))
	}
	defer operators.close()

	fmt.Printf("conclave ready: %s, rtp %s, data %s\n", strings.Join(listenerURLs(server.Listeners()), " "), c.RTPPorts, string(data))
	if c.FirstRoom {
		if err := c.welcome(ctx, data, db, reload, server.Listeners()[0]); err != nil {
			log.Error("add the first room", "error", err)
		}
	}
	if err := notify("READY=1"); err != nil {
		log.Warn("ready, but systemd does not know", "error", err)
	}
	left := &testator{orders: &operators.orders, engine: engine, server: server, pins: pins, lock: lock, log: log}
	if left.serve(ctx, operators.heirs) {
		return nil
	}
	if err := notify("STOPPING=1"); err != nil {
		log.Warn("stopping, but systemd does not know", "error", err)
	}
	c.drain(server, house, log)
	return shutDown(server, house)
}

// drain lets the calls that there are go on for the drain time, while no new ones are taken, and then tells conferences
// that they end.
func (c *serveCmd) drain(server *sip.Server, house *rooms.House, log *slog.Logger) {
	idle := server.Refuse(true)
	log.Info("stopping", "calls", server.Stats().Calls, "they_may_go_on_for", c.DrainTime)
	if c.DrainTime == 0 {
		return
	}
	deadline := time.NewTimer(c.DrainTime)
	defer deadline.Stop()
	select {
	case <-idle:
	case <-deadline.C:
		house.Farewell()
	}
}

// certify is how TLS connections are certified; nil where none are listened for.
func (c *serveCmd) certify(data dataDir, log *slog.Logger) (wire.Certify, error) {
	if !slices.ContainsFunc(c.SIP, func(url string) bool { return strings.HasPrefix(url, "tls://") }) {
		return nil, nil
	}
	pair, err := loadCertificate(cmp.Or(c.TLSCert, data.certificate()), cmp.Or(c.TLSKey, data.certificateKey()), log)
	if err != nil {
		return nil, err
	}
	return pair.Certify, nil
}

// shutDown ends all calls with BYE and waits until they are gone.
func shutDown(server *sip.Server, house *rooms.House) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("end all calls: %w", err)
	}
	house.Drain()
	return nil
}

// historyTime bounds the wait for a disk that is slow when the last calls are to be written.
const historyTime = 5 * time.Second

// closeHistory writes the calls that have just ended.
func closeHistory(calls *history.Book) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTime)
	defer cancel()
	calls.Close(ctx)
}

// closeTrail writes what operators have just ordered.
func closeTrail(trail *history.Trail) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTime)
	defer cancel()
	trail.Close(ctx)
}

func listenerURLs(listeners []wire.Listener) []string {
	var urls []string
	for _, l := range listeners {
		urls = append(urls, fmt.Sprintf("%s://%s", strings.ToLower(l.Transport()), l.Addr()))
	}
	return urls
}
