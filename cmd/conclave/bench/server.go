package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"conclave/mixer"
	"conclave/store"
)

// serverProcess is the server under test, with a data directory of its own.
type serverProcess struct {
	program string
	cpus    []int
	command *exec.Cmd // nil: it does not run
	data    string
	log     *os.File
	sip     string // its UDP listener, host:port
	keys    bool   // for encryption are taken over UDP
	rate    int    // of SIP messages from one address that it takes; 0: any
	control http.Client
}

// firstExtension is the number of the first room; the others follow it.
const firstExtension = 1000

func extension(room int) string { return strconv.Itoa(firstExtension + room) }

// startServer starts the server with so many open rooms, the phones, and this limit to the rate of SIP messages.
func (b *bench) startServer(ctx context.Context, rooms, rate int) (_ *serverProcess, err error) {
	s := &serverProcess{program: b.Program, cpus: b.server, sip: "127.0.0.1:0", rate: rate, keys: b.SRTP != ""}
	if s.data, err = os.MkdirTemp("", "conclave-bench-"); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := addRooms(ctx, filepath.Join(s.data, "conclave.db"), rooms, b.Options); err != nil {
		return s, err
	}
	if err := addPhones(ctx, filepath.Join(s.data, "conclave.db"), b.Phones); err != nil {
		return s, err
	}
	if s.log, err = os.Create(filepath.Join(s.data, "log")); err != nil {
		return s, fmt.Errorf("start the server: %w", err)
	}
	s.control.Timeout = 10 * time.Second
	s.control.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(s.data, "run", "conclave.sock"))
	}}
	return s, s.start()
}

// start starts the process, and after end starts it again where it was.
func (s *serverProcess) start(more ...string) error {
	files, err := fileLimit()
	if err != nil {
		return err
	}
	// As many ports as the server may open, for some are taken by others and some rest; below
	// those that the system gives to the callers.
	const firstPort, lastPort, otherFiles = 10000, 32767, 300
	ports := fmt.Sprintf("%d-%d", firstPort, min(lastPort, firstPort+files-otherFiles))
	args := []string{"serve", "--data", s.data, "--sip", "udp://" + s.sip, "--guests", "all",
		"--rtp-ports", ports, "--workers", strconv.Itoa(len(s.cpus)), "--log-level", "warn", "--drain-time", "0s",
		"--sip-rate", strconv.Itoa(s.rate), fmt.Sprintf("--insecure-sdes=%v", s.keys)}
	s.command = exec.Command(s.program, append(args, more...)...)
	s.command.Stderr = s.log
	out, err := s.command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if err := startOn(s.cpus, s.command); err != nil {
		s.command = nil
		return err
	}
	// The line is written once all listeners are open.
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("wait for the server to be ready: %w; its log:\n%s", err, s.logged())
	}
	listener := regexp.MustCompile(`ready.*udp://([^\s,]+)`).FindStringSubmatch(line)
	if listener == nil {
		return fmt.Errorf("wait for the server to be ready: no listener in %q", line)
	}
	s.sip = listener[1]
	return nil
}

// addRooms fills a new database. The rooms are quiet, unless options say otherwise: no tone or prompt comes between.
func addRooms(ctx context.Context, file string, rooms int, options map[string]string) error {
	all := map[string]string{"quiet": "yes", "record_notice": "no"}
	maps.Copy(all, options)
	db, err := store.Open(ctx, file)
	if err != nil {
		return err
	}
	for i := range rooms {
		room := store.Room{Extension: extension(i), Name: "bench", Options: all}
		if err := db.AddRoom(ctx, room); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

// ask sends a request to the control socket and decodes the answer into v, if that is not nil.
func (s *serverProcess) ask(ctx context.Context, method, path string, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://conclave"+path, nil)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	res, err := s.control.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the server for %s: %s", path, res.Status)
	}
	if v != nil {
		if err := json.NewDecoder(res.Body).Decode(v); err != nil {
			return fmt.Errorf("ask the server for %s: %w", path, err)
		}
	}
	return nil
}

// stats returns the clockwork's counters since resetStats.
func (s *serverProcess) stats(ctx context.Context) (mixer.EngineStats, error) {
	var stats mixer.EngineStats
	return stats, s.ask(ctx, http.MethodGet, "/v1/stats", &stats)
}

func (s *serverProcess) resetStats(ctx context.Context) error {
	return s.ask(ctx, http.MethodDelete, "/v1/stats", nil)
}

// logged returns what the server has logged: warnings and errors only.
func (s *serverProcess) logged() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	const most = 4000
	return string(text[:min(most, len(text))])
}

// end ends the server in order.
func (s *serverProcess) end() error {
	if s.command == nil {
		return nil
	}
	err := s.command.Process.Signal(syscall.SIGTERM)
	if err == nil {
		stuck := time.AfterFunc(30*time.Second, func() { s.command.Process.Kill() })
		err = s.command.Wait()
		stuck.Stop()
	}
	s.command = nil
	if err != nil {
		return fmt.Errorf("server: %w; its log:\n%s", err, s.logged())
	}
	return nil
}

// close ends the server and removes its data.
func (s *serverProcess) close() error {
	err := s.end()
	if s.log != nil {
		s.log.Close()
	}
	return errors.Join(err, os.RemoveAll(s.data))
}
