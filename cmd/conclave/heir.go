package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"conclave/mixer"
	"conclave/rooms"
	"conclave/sip"
)

// heir is the process that wants to go on in this one's place.
type heir struct {
	conn takeoverConn
	pid  int32
	// process is its pidfd: whatever comes of it, no other process is meant.
	process int
	result  chan error // what comes of it, once
}

// takeoverCheck is the answer to who asks whether there may be a takeover.
type takeoverCheck struct {
	Protocol string `json:"protocol"`
}

// routeTakeover adds what a process needs that is to go on in this one's place.
func (c *control) routeTakeover(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/takeover", func(w http.ResponseWriter, r *http.Request) {
		reply(w, takeoverCheck{takeoverProtocol}, mayTakeOver(r))
	})
	mux.HandleFunc("POST /v1/takeover", c.takeOver)
}

// mayTakeOver tells who must not take the server over: keys of calls are for its own user alone, who has to own the files that the next
// server writes, too.
func mayTakeOver(r *http.Request) error {
	if who, ok := r.Context().Value(peerKey{}).(peer); !ok || who.uid != uint32(os.Geteuid()) {
		return fmt.Errorf("user %s may not take this server over: run the new one as the user of the old one, %s", who.name(), peer{uid: uint32(os.Geteuid())}.name())
	}
	return nil
}

// takeOver hands the connection of a process that wants to take over to whoever runs the server.
func (c *control) takeOver(w http.ResponseWriter, r *http.Request) {
	if err := mayTakeOver(r); err != nil {
		reply(w, nil, err)
		return
	}
	if asked := r.Header.Get("Upgrade"); asked != takeoverProtocol {
		reply(w, nil, fmt.Errorf("this server speaks %s, the new one %q: end this one with `systemctl stop` or SIGTERM, and start the new one", takeoverProtocol, asked))
		return
	}
	who := r.Context().Value(peerKey{}).(peer)
	process, err := unix.PidfdOpen(int(who.pid), 0)
	if err != nil {
		reply(w, nil, fmt.Errorf("watch the new server, process %d: %w", who.pid, err))
		return
	}
	h, err := hijack(w, who.pid, process)
	if err != nil {
		_ = unix.Close(process)
		reply(w, nil, err)
		return
	}
	select {
	case c.heirs <- h:
		if err := <-h.result; err != nil {
			w.(*outcome).refuse(err)
		}
	case <-c.ending:
		h.close()
		w.(*outcome).refuse(errors.New("the server is ending"))
	}
}

// hijack takes the connection of a request out of HTTP's hands.
func hijack(w http.ResponseWriter, pid int32, process int) (*heir, error) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("a takeover takes a Unix socket"), conn.Close())
	}
	_, err = fmt.Fprintf(buffer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", takeoverProtocol)
	if err := errors.Join(err, buffer.Flush(), conn.SetDeadline(time.Time{})); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &heir{conn: takeoverConn{UnixConn: unixConn}, pid: pid, process: process, result: make(chan error, 1)}, nil
}

func (h *heir) close() {
	_ = h.conn.Close()
	_ = unix.Close(h.process)
}

// testator is what a server has that it can leave to an heir.
type testator struct {
	orders *orderGate
	engine *mixer.Engine
	server *sip.Server
	pins   *rooms.PINGuard
	lock   *os.File
	log    *slog.Logger
}

// serve waits for the end of the server, and is true where another process is the server then.
func (t *testator) serve(ctx context.Context, heirs <-chan *heir) (taken bool) {
	for {
		select {
		case <-ctx.Done():
			return false
		case h := <-heirs:
			if !t.bequeath(h) {
				continue
			}
			if err := notify(fmt.Sprintf("MAINPID=%d", h.pid)); err != nil {
				t.log.Warn("taken over, but systemd does not know", "error", err)
			}
			return true
		}
	}
}

// bequeath leaves all to the heir. It is true where that one has it: this process must not do anything any more then but end. Else all goes
// on here, and the heir is dead.
func (t *testator) bequeath(h *heir) (done bool) {
	defer h.close()
	began := time.Now()
	t.log.Info("taken over", "by_process", h.pid)
	if !t.orders.stop(restTime) {
		t.refuse(h, errors.New("an order of an operator is being carried out"))
		return false
	}
	frozen, err := t.server.Freeze()
	if err != nil {
		t.orders.resume()
		t.refuse(h, err)
		return false
	}
	t.engine.Hush()
	halted, given := false, false
	calls, err := t.give(h, frozen, &halted, &given)
	if err == nil {
		t.log.Info("taken over, this process ends", "by_process", h.pid, "calls", calls, "after", time.Since(began).Round(time.Millisecond))
		t.orders.leave()
		h.result <- nil
		frozen.Leave()
		return true
	}
	// From here on the other one must not send: it is dead before this one goes on.
	patience := time.Duration(0)
	if refused := (*refusedError)(nil); errors.As(err, &refused) && !halted {
		patience = silenceTime // it has given up, and may say so to whoever has started it
	}
	h.kill(patience, t.log)
	if halted {
		t.engine.GoOn(given)
	}
	frozen.Thaw()
	t.engine.Tell()
	t.orders.resume()
	h.result <- err
	t.log.Error("the new server does not go on with the calls, so this one does", "of_process", h.pid, "error", err)
	return false
}

// give is the way from the estate to the end. halted tells whether the mixer stands still, given whether the heir may have sent anything.
func (t *testator) give(h *heir, frozen *sip.Frozen, halted, given *bool) (calls int, err error) {
	if err := t.pins.Write(); err != nil {
		return 0, err
	}
	estate, calls, err := frozen.Bequeath()
	if err != nil {
		return 0, err
	}
	if err := h.conn.SetDeadline(time.Now().Add(takeoverTime)); err != nil {
		return 0, err
	}
	if err := h.conn.sendFiles(append([]int{int(t.lock.Fd())}, estate.Files...)); err != nil {
		return 0, err
	}
	if err := h.conn.send(messageEstate, estate.State); err != nil {
		return 0, err
	}
	clear(estate.State)
	if err := rehearse(); err != nil { // while the other one reads
		return 0, err
	}
	if _, err := h.conn.receive(messagePrepared); err != nil {
		return 0, err
	}
	err = errFault
	t.engine.Urgently(func() { err = t.giveAudio(h, halted, given) })
	if err != nil {
		return 0, err
	}
	return calls, h.conn.send(messageDone, nil)
}

// giveAudio is the part of it without audio.
func (t *testator) giveAudio(h *heir, halted, given *bool) error {
	standstill := t.engine.Halt()
	*halted = true
	progress, err := writeStandstill(standstill)
	if err != nil {
		return err
	}
	*given = true
	if err := h.conn.SetDeadline(time.Now().Add(silenceTime)); err != nil {
		return err
	}
	if err := h.conn.send(messageYours, progress); err != nil {
		return err
	}
	_, err = h.conn.receive(messageHealthy)
	return err
}

// refuse tells the heir why nothing comes of it.
func (t *testator) refuse(h *heir, err error) {
	h.result <- err
	t.log.Error("not taken over", "by_process", h.pid, "error", err)
	_ = h.conn.SetDeadline(time.Now().Add(silenceTime))
	_ = h.conn.send(messageRefusal, []byte(err.Error())) // who is gone needs no answer
}

// kill ends the heir, unless it does so by itself within the time that it is left, and returns when it is dead.
func (h *heir) kill(patience time.Duration, log *slog.Logger) {
	dead, err := h.await(patience)
	if dead {
		return
	}
	if killErr := unix.PidfdSendSignal(h.process, unix.SIGKILL, nil, 0); !errors.Is(killErr, unix.ESRCH) {
		_, waitErr := h.await(-1)
		err = errors.Join(err, killErr, waitErr)
	}
	if err != nil {
		log.Error("end the server that was to take over", "of_process", h.pid, "error", err)
	}
}

// await waits until the heir is dead, for so long at most; below 0 as long as it takes.
func (h *heir) await(most time.Duration) (dead bool, err error) {
	poll := []unix.PollFd{{Fd: int32(h.process), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, milliseconds(most))
		if !errors.Is(err, unix.EINTR) {
			return n > 0, err
		}
	}
}

func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int(d.Milliseconds())
}
