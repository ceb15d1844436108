package bench

import (
	"encoding/binary"
	"testing"
)

func rtpPacket(sequence uint16, timestamp uint32) []byte {
	p := make([]byte, datagram)
	p[0] = 2 << 6
	binary.BigEndian.PutUint16(p[2:], sequence)
	binary.BigEndian.PutUint32(p[4:], timestamp)
	return p
}

func TestCallerCountsWhatIsMissing(t *testing.T) {
	type packet struct {
		sequence uint16
		frame    uint32
	}
	for _, tt := range []struct {
		name                    string
		packets                 []packet
		received, lost, skipped int64
	}{
		{"all", []packet{{5, 5}, {6, 6}, {7, 7}}, 2, 0, 0},
		{"two lost", []packet{{5, 5}, {8, 8}}, 1, 2, 0},
		{"overtaken", []packet{{5, 5}, {7, 7}, {6, 6}, {8, 8}}, 3, 0, 0},
		{"around zero", []packet{{65535, 1 << 28}, {0, 1<<28 + 1}}, 1, 0, 0},
		{"three left out", []packet{{5, 5}, {6, 9}}, 1, 0, 3},
		{"one lost and one left out", []packet{{5, 5}, {7, 8}}, 1, 1, 1},
	} {
		c := &caller{step: rtpTick}
		for _, p := range tt.packets {
			c.take(rtpPacket(p.sequence, p.frame*rtpTick), 0, true)
		}
		if got := c.counts; got.received != tt.received || got.lost != tt.lost || got.skipped != tt.skipped {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestCallerTakesTheLossFromReports(t *testing.T) {
	receiver := make([]byte, 32)
	receiver[0], receiver[1] = 2<<6|1, 201
	binary.BigEndian.PutUint32(receiver[12:], 0x40000007) // a quarter lost lately, 7 in all
	sender := make([]byte, 52)
	sender[0], sender[1] = 2<<6|1, 200
	binary.BigEndian.PutUint32(sender[32:], 0x00fffffe) // two more came than were sent
	for _, tt := range []struct {
		name   string
		packet []byte
		want   int64
	}{
		{"receiver report", receiver, 7},
		{"sender report", sender, -2},
		{"no block", append([]byte{2 << 6}, receiver[1:]...), -1},
		{"cut short", receiver[:20], -1},
		{"another report", append([]byte{2<<6 | 1, 202}, receiver[2:]...), -1},
	} {
		c := new(caller)
		c.loss.Store(-1)
		c.take(tt.packet, 0, true)
		if got := c.loss.Load(); got != tt.want || c.counts.received != 0 {
			t.Errorf("%s: loss %d, want %d; %d taken for RTP", tt.name, got, tt.want, c.counts.received)
		}
	}
}
