package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"conclave/media/fault"
	"conclave/mixer"
	"conclave/rooms"
	"conclave/sip"
	"conclave/store/history"
)

// control answers operators on the Unix socket of the data directory: HTTP with JSON bodies.
//
//	GET    /v1/live[?room=EXT]           conferences and members now: []rooms.Conference
//	GET    /v1/events[?room=EXT]         what happens from now on: a rooms.Event in each line, until one side ends it
//	GET    /v1/stats                     the clockwork's counters: mixer.EngineStats
//	DELETE /v1/stats                     start to count anew
//	GET    /v1/status                    how the server is: serverStatus
//	POST   /v1/drain, DELETE             take no new calls, or take them again: {"calls": 3}, those there are
//	POST   /v1/rooms/reload              read the rooms and trunks from the database again
//	GET    /v1/phones                    where phones have registered now: []sip.Registration
//	POST   /v1/phones/reload             read the phones from the database again
//	GET    /v1/bans, DELETE[?who=WHO]    who has failed too often: []rooms.Ban; forget that: {"changed": 1}
//	GET    /v1/trunks                    what is known of each trunk: []sip.TrunkState
//	GET    /v1/takeover                  whether this process may take over; POST: it does (takeover.go)
//	GET    /v1/subscriptions             who has subscribed to what: []sip.Subscription
//	POST   /v1/rooms/EXT/lock, unlock    the whole conference
//	POST   /v1/rooms/EXT/say             prompts to everybody in it, one after another: {"prompts": ["conf-lockednow"]}
//	POST   /v1/rooms/EXT/play            a WAV file to everybody in it: {"duration_s": 2.5}
//	POST   /v1/rooms/EXT/record/start, stop
//	                                     a recording of the conference: {"file": "confbridge-1000-1893456000.wav"}
//	POST   /v1/rooms/EXT/invite          call somebody in: {"callee": "+4930123456", "moderator": false, "no_pin_needed": false};
//	                                     an invitationLine in each line, until he is in or it comes to nothing; who goes cancels
//	POST   /v1/rooms/EXT/members/WHO/mute, unmute, kick
//	                                     WHO is a member's number, all, last or participants: {"changed": 1}
//
// What is refused is answered with a status of 4xx and {"error": "…"}.
type control struct {
	house  *rooms.House
	engine *mixer.Engine
	sip    *sip.Server
	reload func(context.Context) error
	log    *slog.Logger
	faults *fault.Log

	reloadPhones func(context.Context) error
	pins         *rooms.PINGuard
	trail        *history.Trail

	orders orderGate
	heirs  chan *heir // that want to take over

	mux     *http.ServeMux
	server  http.Server
	serving sync.WaitGroup
	handing sync.WaitGroup // takeovers, until they are in the audit
	path    string         // of the socket
	ending  chan struct{}  // closed when the server is about to close: answers without an end come to one
	started time.Time
}

// start listens on the socket and serves until close.
func (c *control) start(data dataDir) error {
	listener, err := listenUnix(data.socket())
	if err != nil {
		return fmt.Errorf("open the control socket: %w", err)
	}
	c.mux = c.routes()
	c.server = http.Server{
		Handler:           c.guard(c.mux),
		ConnContext:       withPeer,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		MaxHeaderBytes:    1 << 14,
		ErrorLog:          slog.NewLogLogger(c.log.Handler(), slog.LevelWarn),
	}
	c.path = data.socket()
	c.started = time.Now()
	c.ending, c.heirs = make(chan struct{}), make(chan *heir)
	c.server.RegisterOnShutdown(func() { close(c.ending) })
	c.serving.Go(func() {
		defer c.faults.Survive("serve the control socket")
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.log.Error("the control socket is closed; calls go on", "error", err)
		}
	})
	return nil
}

// close removes the socket; requests under way have a second to come to their end.
func (c *control) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if c.server.Shutdown(ctx) != nil {
		c.server.Close()
	}
	c.serving.Wait()
	c.handing.Wait()
	if !c.orders.gone.Load() {
		_ = os.Remove(c.path)
	}
}

// listenUnix takes the place of a socket that a killed server has left, or one that was taken over; the caller holds the lock of the data
// directory, so no other living server has it. Whoever asks at this moment finds the one or the other.
func listenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("its path %s has %d octets, %d are the most; choose a shorter --data", path, len(path), maxSocketPath)
	}
	fresh := path + freshSuffix
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	// Before this line only the directory's mode keeps others out; it does.
	if err := errors.Join(os.Chmod(fresh, 0o660), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// freshSuffix is that of the socket until it is in its place.
const freshSuffix = ".new"

// maxSocketPath is what fits into sockaddr_un with its closing zero (unix(7)).
const maxSocketPath = 107 - len(freshSuffix)

// guard refuses peers who are no operators, and writes a line for each change: who asked for what.
func (c *control) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, known := r.Context().Value(peerKey{}).(peer)
		if !known || !who.operates() {
			c.log.Warn("operator refused", "uid", who.uid, "pid", who.pid, "known", known, "method", r.Method, "path", r.URL.Path)
			answer(w, http.StatusForbidden, failure{"this user may not operate the server: it takes its own user, root, and members of its group"})
			return
		}
		if r.Method == http.MethodGet {
			c.attempt(next, w, r)
			return
		}
		c.log.Info("operator", "user", who.name(), "uid", who.uid, "pid", who.pid, "method", r.Method, "path", r.URL.Path)
		if r.URL.Path == takeoverPath {
			c.handing.Add(1)
			defer c.handing.Done()
		}
		if !lastsLong(r.URL.Path) {
			if !c.orders.begin() {
				answer(w, http.StatusServiceUnavailable, failure{"another process is the server now; ask again"})
				return
			}
			defer c.orders.end()
		}
		ended := c.audit(who, r)
		answered := &outcome{ResponseWriter: w}
		c.attempt(next, answered, r)
		// Here the answer has not gone out yet: what it acknowledges is written first, should the server be killed.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), syncTime)
		defer cancel()
		c.sip.Sync(ctx)
		ended(ctx, answered)
	})
}

// attempt answers a request; a fault costs that one.
func (c *control) attempt(next http.Handler, w http.ResponseWriter, r *http.Request) {
	defer func() {
		if fault := recover(); fault != nil {
			c.faults.Add(nil, "an order of an operator was given up", fault)
			answer(w, http.StatusInternalServerError, failure{"the server has failed at this; its log tells where"})
		}
	}()
	next.ServeHTTP(w, r)
}

// lastsLong tells orders apart for which no takeover waits.
func lastsLong(path string) bool { return strings.HasSuffix(path, "/invite") || path == takeoverPath }

const takeoverPath = "/v1/takeover"

// syncTime bounds how long an order waits until it is written: a slow disk keeps no operator from his conference.
const syncTime = 2 * time.Second

func (c *control) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/live", func(w http.ResponseWriter, r *http.Request) {
		live, err := c.live(r.URL.Query().Get("room"))
		reply(w, live, err)
	})
	mux.HandleFunc("GET /v1/stats", func(w http.ResponseWriter, r *http.Request) {
		reply(w, c.engine.Stats(), nil)
	})
	mux.HandleFunc("GET /v1/trunks", func(w http.ResponseWriter, r *http.Request) {
		reply(w, c.sip.Trunks(), nil)
	})
	mux.HandleFunc("GET /v1/subscriptions", func(w http.ResponseWriter, r *http.Request) {
		reply(w, c.sip.Subscriptions(), nil)
	})
	mux.HandleFunc("DELETE /v1/stats", func(w http.ResponseWriter, r *http.Request) {
		c.engine.ResetStats()
		reply(w, struct{}{}, nil)
	})
	mux.HandleFunc("POST /v1/rooms/reload", func(w http.ResponseWriter, r *http.Request) {
		reply(w, struct{}{}, c.reload(r.Context()))
	})
	mux.HandleFunc("GET /v1/events", c.tellEvents)
	c.routeStatus(mux)
	c.routeOrders(mux)
	c.routePhones(mux)
	c.routeBans(mux)
	c.routeTakeover(mux)
	mux.HandleFunc("POST /v1/rooms/{ext}/invite", c.invite)
	return mux
}

// live is what goes on in all rooms, or in the one with the extension.
func (c *control) live(ext string) ([]rooms.Conference, error) {
	live := c.house.Live()
	if ext == "" {
		return live, nil
	}
	for _, conference := range live {
		if conference.Extension == ext {
			return []rooms.Conference{conference}, nil
		}
	}
	if _, known := c.house.Room(ext); !known {
		return nil, fmt.Errorf("there is no room %s", ext)
	}
	return []rooms.Conference{}, nil
}

// failure is the body of every answer that is not 200.
type failure struct {
	Error string `json:"error"`
}

// reply answers with v, or says why not: orders fail where the conference is not as the operator believes.
func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		answer(w, http.StatusConflict, failure{err.Error()})
		return
	}
	answer(w, http.StatusOK, v)
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text) // an operator who is gone needs no answer
}
