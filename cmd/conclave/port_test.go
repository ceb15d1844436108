package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// The ports that tests listen at lie below those that the system gives to whoever connects, so that none is taken
// between its choice and its use.
const firstPort, testPorts = 5100, 4900

var lastPort = func() *atomic.Int32 {
	last := new(atomic.Int32)
	last.Store(rand.Int32N(testPorts))
	return last
}()

// freeAddress is host and a port at which nobody listens, over UDP and TCP; no other call returns it.
func freeAddress(t *testing.T, host string) string {
	t.Helper()
	for range testPorts {
		address := net.JoinHostPort(host, fmt.Sprint(firstPort+lastPort.Add(1)%testPorts))
		packets, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		packets.Close()
		if stream, err := net.Listen("tcp", address); err == nil {
			stream.Close()
			return address
		}
	}
	t.Fatalf("no port of %s from %d on is free", host, firstPort)
	return ""
}

// freePort is the port of freeAddress alone.
func freePort(t *testing.T, host string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t, host))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
