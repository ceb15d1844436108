package phone

import (
	"fmt"
	"testing"
)

func packet(ssrc, timestamp uint32, value int16) Packet {
	return Packet{SSRC: ssrc, Timestamp: timestamp, PCM: []int16{value, value}, Rate: 8000}
}

func TestRecordingIsOrderedByTimestamp(t *testing.T) {
	event := Packet{SSRC: 1, Timestamp: 4, PayloadType: 101}
	for _, tt := range []struct {
		name    string
		packets []Packet
		want    string
	}{
		{"nothing", nil, "[]"},
		{"in order", []Packet{packet(1, 0, 1), packet(1, 2, 2), packet(1, 4, 3)}, "[1 1 2 2 3 3]"},
		{"overtaken", []Packet{packet(1, 2, 2), packet(1, 0, 1), packet(1, 4, 3)}, "[1 1 2 2 3 3]"},
		{"twice", []Packet{packet(1, 0, 1), packet(1, 0, 1), packet(1, 2, 2)}, "[1 1 2 2]"},
		{"one missing", []Packet{packet(1, 0, 1), packet(1, 4, 3)}, "[1 1 0 0 3 3]"},
		{"an event between", []Packet{packet(1, 0, 1), packet(1, 2, 2), event, packet(1, 6, 4)}, "[1 1 2 2 0 0 4 4]"},
		{"around zero", []Packet{packet(1, 1<<32-2, 1), packet(1, 0, 2)}, "[1 1 2 2]"},
		{"another source", []Packet{packet(1, 0, 1), packet(2, 1<<31, 2)}, "[1 1 2 2]"},
		{"a jump", []Packet{packet(1, 0, 1), packet(1, 1<<30, 2)}, "[1 1 2 2]"},
	} {
		if got := fmt.Sprint(Assemble(tt.packets)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestStatsCountLossBySequence(t *testing.T) {
	for _, tt := range []struct {
		name      string
		sequences []uint16
		lost      uint64
	}{
		{"none", []uint16{7, 8, 9}, 0},
		{"two", []uint16{7, 9, 11}, 2},
		{"overtaken", []uint16{7, 9, 8, 10}, 0},
		{"twice", []uint16{7, 7, 8}, 0},
		{"around zero", []uint16{65534, 0, 1}, 1},
	} {
		c := &Call{stream: &stream{}}
		for _, n := range tt.sequences {
			c.stream.packets = append(c.stream.packets, Packet{Sequence: n})
		}
		if got := c.Stats(); got.Lost != tt.lost || got.Received != uint64(len(tt.sequences)) {
			t.Errorf("%s: %+v, want %d lost", tt.name, got, tt.lost)
		}
	}
}
