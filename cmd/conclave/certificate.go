package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// expiresSoon is how long before its end a certificate is warned of.
const expiresSoon = 14 * 24 * time.Hour

// certificate is the one of a pair of files as it is now: it is read again when a file has changed, at the next handshake. One that
// cannot be read leaves the one before it in use.
type certificate struct {
	cert, key string // paths
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	tried   fileState // of both files, when they were read last
}

// fileState tells whether files have changed.
type fileState struct {
	cert, key         time.Time
	certSize, keySize int64
}

// loadCertificate reads a certificate and its key.
func loadCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	err := c.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--sip tls://: %w; name the files by --tls-cert and --tls-key, or have one made by `conclave cert self-signed`", err)
	case err != nil:
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return c, nil
}

// Certify is for wire.Config.
func (c *certificate) Certify(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state, err := c.state(); err == nil && state != c.tried {
		if err := c.read(); err != nil {
			c.log.Error("certificate not replaced", "error", err)
		} else {
			c.log.Info("certificate replaced", "file", c.cert)
		}
	}
	return c.current, nil
}

// read reads the files. A pair of which one is still to be written is an error, and tried again when it has been.
func (c *certificate) read() error {
	state, err := c.state()
	if err != nil {
		return err
	}
	c.tried = state
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("read certificate %s and key %s: %w", c.cert, c.key, err)
	}
	c.current = &pair
	switch left := time.Until(pair.Leaf.NotAfter); {
	case left < 0:
		c.log.Error("the certificate has expired", "file", c.cert, "at", pair.Leaf.NotAfter)
	case left < expiresSoon:
		c.log.Warn("the certificate expires soon", "file", c.cert, "at", pair.Leaf.NotAfter)
	}
	return nil
}

func (c *certificate) state() (fileState, error) {
	cert, err := os.Stat(c.cert)
	if err != nil {
		return fileState{}, fmt.Errorf("read certificate: %w", err)
	}
	key, err := os.Stat(c.key)
	if err != nil {
		return fileState{}, fmt.Errorf("read key of certificate: %w", err)
	}
	return fileState{cert.ModTime(), key.ModTime(), cert.Size(), key.Size()}, nil
}
