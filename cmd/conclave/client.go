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
	"net/url"
	"os"
	"syscall"
	"time"
)

// errNoServer tells that no server runs on the data directory.
var errNoServer = errors.New("no server is running")

// How long the server is waited for.
const (
	handoverPause = 20 * time.Millisecond
	callTime      = 10 * time.Second
	uploadTime    = time.Minute
)

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
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true, ExpectContinueTimeout: callTime}
	return &client{data: data, http: http.Client{Transport: transport}}
}

// call asks the server and decodes its answer into v, unless that is nil. The error is the server's own words, or
// errNoServer.
func (c *client) call(ctx context.Context, method, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return c.exchange(ctx, method, path, nil, v)
}

// send is call with a body to POST.
func (c *client) send(ctx context.Context, path string, body io.Reader, v any) error {
	ctx, cancel := context.WithTimeout(ctx, uploadTime)
	defer cancel()
	return c.exchange(ctx, http.MethodPost, path, body, v)
}

func (c *client) exchange(ctx context.Context, method, path string, body io.Reader, v any) error {
	response, err := c.ask(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Close()
	text, err := io.ReadAll(response)
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return nil
}

// ask returns the server's answer as it comes; the caller closes it. The error is as that of call.
func (c *client) ask(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://conclave"+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if body != nil {
		request.Header.Set("Expect", "100-continue") // the server may refuse before it has read all
	}
	if sudo := os.Getenv("SUDO_USER"); sudo != "" {
		request.Header.Set(sudoUserHeader, url.QueryEscape(sudo))
	}
	response, err := c.http.Do(request)
	for err == nil && response.StatusCode == http.StatusServiceUnavailable && body == nil && ctx.Err() == nil {
		// Another process is the server now, or will be in a moment.
		_ = response.Body.Close()
		time.Sleep(handoverPause)
		response, err = c.http.Do(request)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w on %s; start one with `conclave serve`, or say where it is with --data", errNoServer, string(c.data))
	case err != nil:
		return nil, fmt.Errorf("ask the server on %s: %w", string(c.data), err)
	}
	if audits(request) {
		toldServer(ctx)
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	return nil, refusedBy(response)
}

// refusedBy is why the server has not answered with 200, in its own words.
func refusedBy(response *http.Response) error {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	var refused failure
	if json.Unmarshal(text, &refused) != nil || refused.Error == "" {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	return errors.New(refused.Error)
}
