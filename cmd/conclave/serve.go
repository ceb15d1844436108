package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
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
	"conclave/store"
	"conclave/store/history"
)

// serveCmd is the configuration of the server: each field is a flag, an environment variable and a key of the
// configuration file.
type serveCmd struct {
	Config       configFile      `help:"Read settings from a TOML file; its keys are the names of these flags." placeholder:"FILE" env:"CONCLAVE_CONFIG"`
	SIP          []string        `name:"sip" help:"Listen for SIP here (${default}); may be repeated." placeholder:"URL" default:"udp://0.0.0.0:5060,tcp://0.0.0.0:5060" env:"CONCLAVE_SIP"`
	TLSCert      string          `name:"tls-cert" help:"Certificate for tls:// listeners, PEM, with those between it and its root; read again when it changes (DATA/tls/cert.pem)." placeholder:"FILE" env:"CONCLAVE_TLS_CERT"`
	TLSKey       string          `name:"tls-key" help:"Its key, PEM (DATA/tls/key.pem)." placeholder:"FILE" env:"CONCLAVE_TLS_KEY"`
	RTPPorts     portRange       `name:"rtp-ports" help:"UDP ports for audio, two for each call (${default})." placeholder:"FIRST-LAST" default:"10000-20000" env:"CONCLAVE_RTP_PORTS"`
	Advertise    publicAddr      `help:"Address that phones are told to send to, for a server behind NAT." placeholder:"ADDR" env:"CONCLAVE_ADVERTISE"`
	Guests       sip.GuestPolicy `help:"Whom callers may reach who have not proven who they are: none, pin (rooms with a PIN), all (${default})." placeholder:"POLICY" enum:"none,pin,all" default:"pin" env:"CONCLAVE_GUESTS"`
	Digests      []string        `help:"Digest algorithms that phones are offered, in this order (${default}); MD5 alone for phones that give up at another." placeholder:"NAME" enum:"SHA-256,MD5" default:"SHA-256,MD5" env:"CONCLAVE_DIGESTS"`
	SIPRate      int             `name:"sip-rate" help:"SIP messages of one method that are taken from one address in a second, after five times as many at once (${default}); 0: any number." placeholder:"N" default:"100" env:"CONCLAVE_SIP_RATE"`
	TransferCode string          `name:"transfer-code" help:"Keys that a phone dials in a call before the room that the other party is to be moved to (${default}); empty: none." placeholder:"KEYS" default:"**" env:"CONCLAVE_TRANSFER_CODE"`
	InsecureSDES bool            `name:"insecure-sdes" help:"Take keys for encrypted audio over UDP and TCP, too, where whoever reads along can decrypt it: for networks that are protected otherwise." env:"CONCLAVE_INSECURE_SDES"`
	Factory      extension       `help:"Number that makes a room for as long as somebody is in it, for phones that begin conferences so; without it there is none." placeholder:"EXT" env:"CONCLAVE_FACTORY"`
	RingTime     time.Duration   `name:"ring-time" help:"How long a callee rings who has no time of his own, until the call counts as not answered (${default}), at most 2m." placeholder:"TIME" default:"30s" env:"CONCLAVE_RING_TIME"`
	SessionTime  time.Duration   `name:"session-expires" help:"How long a call lasts whose far end has vanished while it is on hold: sessions are refreshed at half of it (${default}). 0: not at all." placeholder:"TIME" default:"30m" env:"CONCLAVE_SESSION_EXPIRES"`
	SessionLeast time.Duration   `name:"session-least" help:"Shortest session that others may ask for (${default}), at least 90s." placeholder:"TIME" default:"90s" env:"CONCLAVE_SESSION_LEAST"`
	Software     softwareName    `help:"How the server names itself to others, in User-Agent and Server: none (not at all), name, or version (${default})." placeholder:"HOW" enum:"none,name,version" default:"none" env:"CONCLAVE_SOFTWARE"`
	Log          string          `help:"Format of the log on standard error: text or json (${default})." placeholder:"FORMAT" enum:"text,json" default:"text" env:"CONCLAVE_LOG"`
	LogLevel     string          `help:"Least level that is logged: debug, info, warn, error (${default})." placeholder:"LEVEL" enum:"debug,info,warn,error" default:"info" env:"CONCLAVE_LOG_LEVEL"`
	Workers      int             `help:"Threads that mix; 0 is one for each core." placeholder:"N" default:"0" env:"CONCLAVE_WORKERS"`
	MaxLoad      int             `name:"max-load" help:"Refuse new calls (503) while a mixing thread is busy for more than this share of its time, so that those who are there lose nothing (${default})." placeholder:"PERCENT" default:"75" env:"CONCLAVE_MAX_LOAD"`
	History      int             `name:"history-days" help:"Days for which calls are kept for conclave calls; 0 keeps none (${default})." placeholder:"DAYS" default:"90" env:"CONCLAVE_HISTORY_DAYS"`
	AuditDays    int             `name:"audit-days" help:"Days for which conclave audit tells what operators have ordered; 0 is for ever (${default})." placeholder:"DAYS" default:"730" env:"CONCLAVE_AUDIT_DAYS"`
	KeepDays     int             `name:"recordings-days" help:"Days for which recordings are kept; 0 is for ever (${default})." placeholder:"DAYS" default:"0" env:"CONCLAVE_RECORDINGS_DAYS"`
	KeepBytes    byteSize        `name:"recordings-bytes" help:"What recordings may take on the disk, 20G for example: the oldest make way; 0 is no limit (${default})." placeholder:"SIZE" default:"0" env:"CONCLAVE_RECORDINGS_BYTES"`
	DrainTime    time.Duration   `name:"drain-time" help:"How long calls may go on when the server is told to end, until they are told so and hung up (${default}); new ones are refused meanwhile. 0: not at all." placeholder:"TIME" default:"30s" env:"CONCLAVE_DRAIN_TIME"`
	Takeover     bool            `help:"Go on in the place of the server that runs on this directory, with its calls, which notice nothing; it ends. Where this one does not work, that one goes on."`
	FirstRoom    bool            `help:"In an empty database add room 1000, and print how to dial." env:"CONCLAVE_FIRST_ROOM"`
}

// Validate is called by kong once all settings are read.
func (c *serveCmd) Validate() error {
	switch {
	case len(c.SIP) == 0:
		return errors.New("--sip: it takes at least one listener, for example udp://0.0.0.0:5060")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key: it takes both or neither")
	case c.RingTime <= 0 || c.RingTime > sip.MaxRingTime:
		return fmt.Errorf("--ring-time %v: it takes a time of up to %v, for example 30s", c.RingTime, sip.MaxRingTime)
	case c.SessionLeast < sip.LeastSessionExpires || c.SessionLeast > sip.MaxSessionExpires:
		return fmt.Errorf("--session-least %v: it takes a time from %v to %v (RFC 4028)", c.SessionLeast, sip.LeastSessionExpires, sip.MaxSessionExpires)
	case c.SessionTime != 0 && (c.SessionTime < c.SessionLeast || c.SessionTime > sip.MaxSessionExpires):
		return fmt.Errorf("--session-expires %v: it takes a time from --session-least (%v) to %v, for example 30m, or 0 for no session timers",
			c.SessionTime, c.SessionLeast, sip.MaxSessionExpires)
	case c.DrainTime < 0 || c.DrainTime > maxDrainTime:
		return fmt.Errorf("--drain-time %v: it takes a time of up to %v, for example 30s, or 0", c.DrainTime, maxDrainTime)
	case c.SIPRate < 0:
		return fmt.Errorf("--sip-rate %d: it takes the number of messages in a second, or 0 for any number", c.SIPRate)
	case c.Workers < 0:
		return fmt.Errorf("--workers %d: it takes the number of threads, or 0 for one for each core", c.Workers)
	case c.MaxLoad < 1 || c.MaxLoad > 100:
		return fmt.Errorf("--max-load %d: it takes the percent of its time that a mixing thread may be busy, 1 to 100", c.MaxLoad)
	case c.KeepDays < 0 || c.KeepDays > history.MaxDays:
		return fmt.Errorf("--recordings-days %d: it takes the days for which recordings are kept, up to %d, or 0 to keep them for ever", c.KeepDays, history.MaxDays)
	case c.AuditDays < 0 || c.AuditDays > history.MaxDays:
		return fmt.Errorf("--audit-days %d: it takes the days for which the audit is kept, up to %d, or 0 to keep it for ever", c.AuditDays, history.MaxDays)
	case c.History < 0 || c.History > history.MaxDays:
		return fmt.Errorf("--history-days %d: it takes the days for which calls are kept, up to %d, or 0 to keep none", c.History, history.MaxDays)
	}
	if err := rooms.CheckTransferCode(c.TransferCode); err != nil {
		return fmt.Errorf("--transfer-code: %w", err)
	}
	return nil
}

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

// loadRooms makes the house know the rooms of the database. A room that cannot be served as it was configured is left
// out: what an option kept away must not happen for want of it. For want of a sound, a voice or a menu it is not.
func loadRooms(ctx context.Context, data dataDir, db *store.DB, house *rooms.House, factory extension, log *slog.Logger) error {
	stored, err := db.Rooms(ctx)
	if err != nil {
		return err
	}
	menus, err := db.Menus(ctx)
	if err != nil {
		return err
	}
	voices, err := rooms.LoadVoices(data.voices())
	if err != nil {
		return err
	}
	playlists, err := loadMusic(ctx, data, db)
	if err != nil {
		return err
	}
	names := make([]string, len(playlists))
	for i, p := range playlists {
		names[i] = p.Name
	}
	library := rooms.NewLibrary(menus, voices, names)
	directory := make([]rooms.Room, 0, len(stored))
	for _, s := range stored {
		room, warnings, err := rooms.NewRoom(s, library)
		if err != nil {
			log.Error("room is not served", "error", err)
			continue
		}
		for _, warning := range warnings {
			log.Warn("room is served with something missing", "error", warning)
		}
		directory = append(directory, room)
	}
	if factory != "" {
		// It has no options that could be wrong.
		template, _, err := rooms.NewRoom(store.Room{Extension: string(factory), Name: "Conference"}, library)
		if err != nil {
			return err
		}
		for _, room := range directory {
			if room.Extension == template.Extension {
				log.Error("no rooms are made: a room has the number of --factory", "room", room.Extension)
			}
		}
		house.SetFactory(template)
	}
	house.SetVoices(voices)
	house.SetMusic(playlists)
	house.SetRooms(directory)
	log.Info("rooms loaded", "count", len(directory))
	return nil
}

func (c *serveCmd) logger() *slog.Logger {
	var level slog.Level
	// The flag's enum holds names of levels only.
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Log == "json" {
		return slog.New(slog.NewJSONHandler(jsonLog{os.Stderr}, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

func listenerURLs(listeners []wire.Listener) []string {
	var urls []string
	for _, l := range listeners {
		urls = append(urls, fmt.Sprintf("%s://%s", strings.ToLower(l.Transport()), l.Addr()))
	}
	return urls
}

// portRange is a range of UDP ports, both ends included.
type portRange struct{ first, last uint16 }

// UnmarshalText takes FIRST-LAST.
func (r *portRange) UnmarshalText(text []byte) error {
	var rest string
	n, _ := fmt.Sscanf(string(text)+" end", "%d-%d %s", &r.first, &r.last, &rest)
	if n != 3 || rest != "end" || r.first > r.last {
		return fmt.Errorf("RTP port range %q: it takes FIRST-LAST, for example 10000-20000", text)
	}
	return nil
}

// String is the form that UnmarshalText takes.
func (r portRange) String() string { return fmt.Sprintf("%d-%d", r.first, r.last) }

// publicAddr is the IP address under which phones reach this server.
type publicAddr struct{ netip.Addr }

// UnmarshalText takes an address of one machine; names are not looked up.
func (a *publicAddr) UnmarshalText(text []byte) error {
	var err error
	if a.Addr, err = netip.ParseAddr(string(text)); err != nil || a.IsUnspecified() || a.IsMulticast() {
		return fmt.Errorf("%q: it takes the one IP address under which phones reach this server, for example 203.0.113.5", text)
	}
	return nil
}
