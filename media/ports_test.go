package media

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var loopback = netip.MustParseAddr("127.0.0.1")

func TestPortRangeIsChecked(t *testing.T) {
	tests := []struct {
		first, last uint16
		want        string // in the error; empty: none
		pairs       int
	}{
		{10000, 10001, "", 1},
		{10001, 10004, "", 1},
		{10000, 20000, "", 5000},
		{65534, 65535, "", 1},
		{10001, 10002, "too small", 0},
		{10000, 10000, "too small", 0},
		{20000, 10000, "too small", 0},
		{80, 2000, "below 1024", 0},
	}
	for _, tt := range tests {
		p, err := NewPorts(tt.first, tt.last)
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d-%d: error %v, want one that says %q", tt.first, tt.last, err, tt.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%d-%d: %v", tt.first, tt.last, err)
		} else if p.Pairs() != tt.pairs {
			t.Errorf("%d-%d holds %d pairs, want %d", tt.first, tt.last, p.Pairs(), tt.pairs)
		}
	}
}

func TestLegPortsRestAfterTheCallAndComeBack(t *testing.T) {
	p, err := NewPorts(64100, 64103)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	p.now = func() time.Time { return now }
	a, err := p.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	if a.Port() == b.Port() || a.Port()%2 != 0 || b.Port()%2 != 0 {
		t.Errorf("ports %d and %d: want two even ones", a.Port(), b.Port())
	}
	if _, err := p.Open(loopback); !errors.Is(err, ErrPortsExhausted) {
		t.Errorf("a third leg: %v, want ErrPortsExhausted", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	now = now.Add(portRest - time.Second)
	if _, err := p.Open(loopback); !errors.Is(err, ErrPortsExhausted) {
		t.Errorf("before the rest is over: %v, want ErrPortsExhausted", err)
	}
	now = now.Add(2 * time.Second)
	c, err := p.Open(loopback)
	if err != nil {
		t.Fatalf("after the rest: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPortOfAnotherProgramIsPassedOver(t *testing.T) {
	other, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	taken := uint16(other.LocalAddr().(*net.UDPAddr).Port) &^ 1
	p, err := NewPorts(taken, taken+41)
	if err != nil {
		t.Skip("the system chose a port at the end of the range")
	}
	leg, err := p.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	defer leg.Close()
	if leg.Port() == taken {
		t.Errorf("port %d was given out while %s holds the pair", taken, other.LocalAddr())
	}
}
