package media

import (
	"net/netip"
	"testing"
	"time"
)

// TestSourceIsLearnt plays packets against the rules: each step says when one came, from where,
// with which SSRC and sequence number, and whether it must count as the leg's audio.
func TestSourceIsLearnt(t *testing.T) {
	addr := netip.MustParseAddrPort
	type step struct {
		at   time.Duration
		from string
		ssrc uint32
		seq  uint16
		want bool
	}
	tests := []struct {
		name       string
		described  string
		signalling string
		networks   string
		steps      []step
	}{
		{"the address of the session description counts at once", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:4000", 1, 10, true},
		}},
		{"another port of that host counts from the third packet in sequence", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:5000", 1, 10, false}, {20, "192.0.2.1:5000", 1, 11, false}, {40, "192.0.2.1:5000", 1, 12, true},
		}},
		{"a gap in the sequence begins the count anew", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:5000", 1, 10, false}, {20, "192.0.2.1:5000", 1, 12, false}, {40, "192.0.2.1:5000", 1, 13, false}, {60, "192.0.2.1:5000", 1, 14, true},
		}},
		{"packets further apart than 250 ms do not qualify", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:5000", 1, 10, false}, {150, "192.0.2.1:5000", 1, 11, false}, {300, "192.0.2.1:5000", 1, 12, false},
		}},
		{"a rival resets the count", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:5000", 1, 10, false}, {10, "192.0.2.1:6000", 2, 70, false}, {20, "192.0.2.1:5000", 1, 11, false},
			{30, "192.0.2.1:6000", 2, 71, false}, {40, "192.0.2.1:5000", 1, 12, false},
		}},
		{"the described address wins over a rival that counts", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:5000", 1, 10, false}, {20, "192.0.2.1:4000", 2, 5, true}, {40, "192.0.2.1:5000", 1, 11, false},
		}},
		{"a stranger never counts", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "198.51.100.9:4000", 1, 10, false}, {20, "198.51.100.9:4000", 1, 11, false}, {40, "198.51.100.9:4000", 1, 12, false}, {60, "198.51.100.9:4000", 1, 13, false},
		}},
		{"behind NAT the signalling address counts", "10.0.0.7:4000", "203.0.113.5", "", []step{
			{0, "203.0.113.5:40001", 1, 10, false}, {20, "203.0.113.5:40001", 1, 11, false}, {40, "203.0.113.5:40001", 1, 12, true},
		}},
		{"a trunk's network counts from the third packet in sequence", "192.0.2.1:4000", "192.0.2.1", "198.51.100.0/24", []step{
			{0, "198.51.100.9:4000", 1, 10, false}, {20, "198.51.100.9:4000", 1, 11, false}, {40, "198.51.100.9:4000", 1, 12, true},
		}},
		{"beside a trunk's network a stranger never counts", "192.0.2.1:4000", "192.0.2.1", "198.51.100.0/25", []step{
			{0, "198.51.100.200:4000", 1, 10, false}, {20, "198.51.100.200:4000", 1, 11, false}, {40, "198.51.100.200:4000", 1, 12, false},
		}},
		{"the described address wins over a trunk's network", "192.0.2.1:4000", "192.0.2.1", "198.51.100.0/24", []step{
			{0, "198.51.100.9:4000", 1, 10, false}, {20, "192.0.2.1:4000", 2, 5, true}, {40, "198.51.100.9:4000", 1, 11, false}, {60, "198.51.100.9:4000", 1, 12, false},
		}},
		{"once locked, others are dropped", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:4000", 1, 10, true}, {20, "192.0.2.1:5000", 1, 11, false}, {40, "192.0.2.1:5000", 1, 12, false}, {60, "192.0.2.1:5000", 1, 13, false}, {80, "192.0.2.1:4000", 1, 11, true},
		}},
		{"who forges the locked address is not heard beside its stream", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:4000", 1, 10, true}, {5, "192.0.2.1:4000", 2, 70, false}, {10, "192.0.2.1:4000", 2, 71, false}, {15, "192.0.2.1:4000", 2, 72, false},
			{60, "192.0.2.1:4000", 1, 11, true}, {155, "192.0.2.1:4000", 2, 73, false},
		}},
		{"another stream from the locked address follows one that has ended", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:4000", 1, 10, true}, {20, "192.0.2.1:4000", 2, 70, false}, {90, "192.0.2.1:4000", 2, 73, false}, {110, "192.0.2.1:4000", 2, 74, true},
			{130, "192.0.2.1:4000", 1, 11, false},
		}},
		{"a burst from the locked address is no stream, also where the one that is heard pauses", "192.0.2.1:4000", "192.0.2.1", "", []step{
			{0, "192.0.2.1:4000", 1, 10, true}, {200, "192.0.2.1:4000", 2, 70, false}, {220, "192.0.2.1:4000", 2, 71, false}, {240, "192.0.2.1:4000", 2, 72, false},
			{245, "192.0.2.1:4000", 1, 11, true}, {265, "192.0.2.1:4000", 2, 73, false}, {340, "192.0.2.1:4000", 2, 74, false}, {405, "192.0.2.1:4000", 2, 75, true},
		}},
		{"a NAT that rebinds is followed after 1.5 s of silence", "10.0.0.7:4000", "203.0.113.5", "", []step{
			{0, "203.0.113.5:40001", 1, 10, false}, {20, "203.0.113.5:40001", 1, 11, false}, {40, "203.0.113.5:40001", 1, 12, true},
			{1600, "203.0.113.5:50001", 1, 90, false}, {1620, "203.0.113.5:50001", 1, 91, false}, {1640, "203.0.113.5:50001", 1, 92, true}, {1660, "203.0.113.5:50001", 1, 93, true},
		}},
		{"another SSRC does not take a silent leg over", "10.0.0.7:4000", "203.0.113.5", "", []step{
			{0, "203.0.113.5:40001", 1, 10, false}, {20, "203.0.113.5:40001", 1, 11, false}, {40, "203.0.113.5:40001", 1, 12, true},
			{1600, "203.0.113.5:50001", 2, 90, false}, {1620, "203.0.113.5:50001", 2, 91, false}, {1640, "203.0.113.5:50001", 2, 92, false},
		}},
		{"the right SSRC with a sequence from elsewhere does not either", "10.0.0.7:4000", "203.0.113.5", "", []step{
			{0, "203.0.113.5:40001", 1, 10, false}, {20, "203.0.113.5:40001", 1, 11, false}, {40, "203.0.113.5:40001", 1, 12, true},
			{1600, "203.0.113.5:50001", 1, 9000, false}, {1620, "203.0.113.5:50001", 1, 9001, false}, {1640, "203.0.113.5:50001", 1, 9002, false},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s source
			var networks []netip.Prefix
			if tt.networks != "" {
				networks = append(networks, netip.MustParsePrefix(tt.networks))
			}
			s.describe(addr(tt.described), netip.MustParseAddr(tt.signalling), networks)
			for i, p := range tt.steps {
				if got := s.admit(addr(p.from), p.ssrc, p.seq, int64(p.at*time.Millisecond)); got != p.want {
					t.Fatalf("packet %d (%+v): counts %v, want %v", i+1, p, got, p.want)
				}
			}
		})
	}
}

func TestSourceIsKeptOverHoldAndForgottenForANewAddress(t *testing.T) {
	phone := netip.MustParseAddrPort("192.0.2.1:4000")
	host := netip.MustParseAddr("192.0.2.1")
	tests := []struct {
		name string
		now  string
		kept bool
	}{
		{"the same address", "192.0.2.1:4000", true},
		{"hold by c=0.0.0.0", "0.0.0.0:4000", true},
		{"a new port", "192.0.2.1:4002", false},
		{"a new host", "192.0.2.9:4000", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s source
			s.describe(phone, host, nil)
			s.admit(phone, 1, 1, 0)
			s.describe(netip.MustParseAddrPort(tt.now), host, nil)
			if kept := s.locked == phone; kept != tt.kept {
				t.Errorf("source kept %v, want %v", kept, tt.kept)
			}
		})
	}
}
