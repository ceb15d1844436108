package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"conclave/mixer"
	"conclave/sip"
)

// predecessor is the server in whose place this process goes on.
type predecessor struct {
	conn   takeoverConn
	estate sip.Estate
	lock   *os.File
	gone   chan struct{} // closed when its process has ended
}

// awaitEstate is how long the old server has until its calls stand still: as long as somebody is rung, up to its own limit.
const awaitEstate = 10 * time.Second

// checkTakeover tells why there can be no takeover of the server on the data directory, before anything is done for it.
func checkTakeover(ctx context.Context, data dataDir) error {
	var check takeoverCheck
	err := newClient(data).call(ctx, http.MethodGet, "/v1/takeover", &check)
	switch {
	case errors.Is(err, errNoServer):
		return fmt.Errorf("%w on %s, so there is none to take over; start one with `conclave serve`", errNoServer, string(data))
	case err != nil && strings.Contains(err.Error(), "404"):
		return errors.New("the server that runs is of a version that cannot be taken over: end it, and start this one without --takeover")
	case err != nil:
		return fmt.Errorf("take over: %w", err)
	case check.Protocol != takeoverProtocol:
		return fmt.Errorf("the server that runs speaks %s, this one %s: end it, and start this one without --takeover", check.Protocol, takeoverProtocol)
	}
	return nil
}

// succeed asks the server on the data directory for all that it has. From now on it waits for this process, for some seconds.
// released is closed when its process is gone.
func succeed(ctx context.Context, data dataDir, released chan struct{}) (*predecessor, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", data.socket())
	if err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	p := &predecessor{conn: takeoverConn{UnixConn: conn.(*net.UnixConn)}, gone: released}
	if err := p.receive(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("take over: %w", err), conn.Close())
	}
	return p, nil
}

func (p *predecessor) receive(ctx context.Context) error {
	if err := p.conn.SetDeadline(time.Now().Add(awaitEstate)); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://conclave/v1/takeover", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", takeoverProtocol)
	if err := request.Write(p.conn); err != nil {
		return err
	}
	// One octet at a time: what comes behind the answer is not HTTP, and descriptors come with it.
	response, err := http.ReadResponse(bufio.NewReaderSize(byteByByte{p.conn}, 16), request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return refusedBy(response)
	}
	state, err := p.conn.receive(messageEstate)
	if err != nil {
		return err
	}
	if len(p.conn.files) == 0 {
		return errors.New("the server has sent no descriptors")
	}
	p.lock = os.NewFile(uintptr(p.conn.files[0]), "conclave.lock")
	p.estate = sip.Estate{State: state, Files: p.conn.files[1:]}
	return nil
}

// byteByByte reads no more than it is asked for at least.
type byteByByte struct{ io.Reader }

func (r byteByByte) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(1, len(b))]) }

// goOn has this process be the server: audio at once, all else when the old one has come to its end. Where it returns an error nothing was
// done that both could have done.
func (p *predecessor) goOn(engine *mixer.Engine, server *sip.Server) error {
	clear(p.estate.State)
	p.estate.Close()
	if err := p.conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("take over: %w", err)
	}
	if err := rehearse(); err != nil {
		return p.giveUp(err)
	}
	if err := p.conn.send(messagePrepared, nil); err != nil {
		return err
	}
	err := errFault
	engine.Urgently(func() { err = p.goOnWithAudio(engine) })
	if err != nil {
		return p.giveUp(err)
	}
	if err := engine.Await(silenceTime / 2); err != nil {
		return p.giveUp(err)
	}
	if err := p.conn.send(messageHealthy, nil); err == nil {
		// The old one says that it ends, or kills this process. That it is gone means that it has ended in between.
		_, _ = p.conn.receive(messageDone)
	}
	server.Begin()
	go p.watch()
	return nil
}

// goOnWithAudio waits for the old mixer to stand still, and has this one go on.
func (p *predecessor) goOnWithAudio(engine *mixer.Engine) error {
	progress, err := p.conn.receive(messageYours)
	if err != nil {
		return fmt.Errorf("the old server goes on by itself: %w", err)
	}
	standstill, err := readStandstill(progress)
	if err != nil {
		return err
	}
	engine.Continue(standstill)
	return nil
}

// giveUp tells the old server that it is to go on.
func (p *predecessor) giveUp(err error) error {
	_ = p.conn.send(messageRefusal, []byte(err.Error())) // it finds out anyway
	return fmt.Errorf("take over: %w", err)
}

// watch waits until the old process has ended.
func (p *predecessor) watch() {
	defer close(p.gone)
	_, _ = io.Copy(io.Discard, p.conn.UnixConn)
	_ = p.conn.Close()
}
