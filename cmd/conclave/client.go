package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"
)

// errNoServer tells that no server runs on the data directory.
var errNoServer = errors.New("no server is running")

// client is an operator's side of the control socket.
type client struct {
	data dataDir
	http http.Client
}

func newClient(data dataDir) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", data.socket())
	}
	return &client{data: data, http: http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}}
}

// call asks the server and decodes its answer into v, unless that is nil. The error is the server's own words, or
// errNoServer.
func (c *client) call(ctx context.Context, method, path string, v any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://conclave"+path, nil)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	response, err := c.http.Do(request)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w on %s; start one with `conclave serve`, or say where it is with --data", errNoServer, string(c.data))
	case err != nil:
		return fmt.Errorf("ask the server on %s: %w", string(c.data), err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		var refused failure
		if json.Unmarshal(body, &refused) != nil || refused.Error == "" {
			return fmt.Errorf("the server answered %s", response.Status)
		}
		return errors.New(refused.Error)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return nil
}
