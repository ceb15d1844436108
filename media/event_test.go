package media_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"conclave/media"
)

// eventPacket is a telephone-event packet and its header.
type eventPacket struct {
	ssrc    uint32
	seq     uint16
	ts      uint32
	marker  bool
	payload []byte
}

// event makes a payload.
func event(code byte, end bool, duration int) []byte {
	flags := byte(10) // the volume
	if end {
		flags |= 0x80
	}
	return []byte{code, flags, byte(duration >> 8), byte(duration)}
}

// press is what a phone sends for a key that is held for so many ms, from timestamp ts on: a
// packet each 20 ms, the last one three times.
func press(key byte, seq uint16, ts uint32, held int) (packets []eventPacket) {
	code := byte(strings.IndexByte("0123456789*#ABCD", key))
	for at := 20; ; at += 20 {
		p := eventPacket{1, seq, ts, at == 20, event(code, false, at*8)}
		seq++
		if at < held {
			packets = append(packets, p)
			continue
		}
		for i := range 3 {
			p.payload, p.marker = event(code, true, held*8), p.marker && i == 0
			packets = append(packets, p)
			p.seq++
		}
		return packets
	}
}

// digits is what r makes of the packets.
func digits(r *media.EventReceiver, packets []eventPacket) string {
	var s []byte
	for _, p := range packets {
		if d, ok := r.Packet(p.ssrc, p.seq, p.ts, p.marker, p.payload); ok {
			s = append(s, d)
		}
	}
	return string(s)
}

// typed is a sequence of keys, each held for `held` ms and followed by a pause of as long.
func typed(keys string, held int) (packets []eventPacket) {
	seq, ts := uint16(65530), uint32(0xFFFFF000)
	for i := range len(keys) {
		packets = append(packets, press(keys[i], seq, ts, held)...)
		seq = packets[len(packets)-1].seq + 3 // audio in between
		ts += uint32(2 * held * 8)
	}
	return packets
}

func TestEachPressIsOneDigit(t *testing.T) {
	long := func(first byte) (packets []eventPacket) { // 20 s, in segments
		seq, ts := uint16(1), uint32(1000)
		for range 3 {
			for d := 160; d < 0xFFFF; d += 1600 {
				packets = append(packets, eventPacket{1, seq, ts, seq == 1, event(first, false, d)})
				seq++
			}
			packets = append(packets, eventPacket{1, seq, ts, false, event(first, false, 0xFFFF)})
			seq++
			ts += 0xFFFF
		}
		return append(packets, eventPacket{1, seq, ts, false, event(first, true, 400)})
	}
	without := func(packets []eventPacket, drop func(i int, p eventPacket) bool) []eventPacket {
		i := -1
		return slices.DeleteFunc(packets, func(p eventPacket) bool { i++; return drop(i, p) })
	}
	for name, c := range map[string]struct {
		packets []eventPacket
		want    string
	}{
		"all keys":                {typed("0123456789*#ABCD", 100), "0123456789*#ABCD"},
		"40 ms":                   {typed("1234567890*#", 40), "1234567890*#"},
		"the same key thrice":     {typed("111", 60), "111"},
		"no marker":               {without(typed("1122", 80), func(i int, p eventPacket) bool { return p.marker }), "1122"},
		"no end":                  {without(typed("1122", 80), func(i int, p eventPacket) bool { return p.payload[1]&0x80 != 0 }), "1122"},
		"the last packet only":    {without(typed("1122", 80), func(i int, p eventPacket) bool { return i%6 != 5 }), "1122"},
		"the first packet only":   {without(typed("1122", 80), func(i int, p eventPacket) bool { return i%6 != 0 }), "1122"},
		"every packet twice":      {slices.Concat(typed("12", 60)[:2], typed("12", 60)[:2], typed("12", 60)), "12"},
		"a long press":            {long(5), "5"},
		"a segment's end is lost": {without(long(5), func(i int, p eventPacket) bool { return p.payload[2] == 0xFF || p.payload[2] > 0xF0 }), "5"},
		"old packets come late":   {append(typed("123456", 40), typed("123456", 40)...), "123456"},
		"flash":                   {[]eventPacket{{1, 1, 1, true, event(16, false, 160)}, {1, 2, 1000, true, event(1, false, 160)}}, "1"},
		"other events":            {[]eventPacket{{1, 1, 1, true, event(66, false, 160)}, {1, 2, 2, true, event(255, true, 160)}}, ""},
		"too short":               {[]eventPacket{{1, 1, 1, true, nil}, {1, 2, 2, true, event(1, false, 160)[:3]}}, ""},
		"the reserved bit":        {[]eventPacket{{1, 1, 1, true, []byte{3, 0x7F, 0, 160}}}, "3"},
		"no duration":             {[]eventPacket{{1, 1, 1, true, []byte{3, 0, 0, 0}}, {1, 2, 1, true, []byte{3, 0x80, 0, 0}}}, "3"},
		"two events in a packet":  {[]eventPacket{{1, 1, 1, true, append(event(1, true, 160), event(2, false, 160)...)}}, "1"},
		"octets left over":        {[]eventPacket{{1, 1, 1, true, append(event(1, true, 160), 9)}}, "1"},
		"another stream with the same timestamp": {[]eventPacket{{1, 1, 77, true, event(1, true, 160)}, {1, 2, 77, false, event(1, true, 160)},
			{2, 9, 77, true, event(1, true, 160)}}, "11"},
		"timestamp 0 first":            {[]eventPacket{{0, 0, 0, false, event(7, false, 0)}, {0, 1, 0, false, event(7, true, 160)}}, "7"},
		"timestamps that begin anew":   {[]eventPacket{{1, 1, 1 << 30, true, event(1, true, 160)}, {1, 2, 5, true, event(2, true, 160)}, {1, 3, 5, false, event(2, true, 160)}}, "12"},
		"timestamps that grow with it": {[]eventPacket{{1, 1, 1000, true, event(1, false, 160)}, {1, 2, 1160, false, event(1, false, 320)}, {1, 3, 1320, false, event(1, true, 480)}}, "1"},
		"a press overtaken by the next": {[]eventPacket{{1, 5, 2000, true, event(2, false, 160)}, {1, 1, 1000, true, event(1, false, 160)},
			{1, 2, 1000, false, event(1, true, 320)}, {1, 6, 2000, false, event(2, true, 320)}}, "21"},
	} {
		t.Run(name, func(t *testing.T) {
			var r media.EventReceiver
			if got := digits(&r, c.packets); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDigitsSurviveLossAndReordering(t *testing.T) {
	const keys, entries = "1234567890*#", 1000
	for loss, want := range map[int]float64{0: 1, 1: 1, 5: 1, 20: 0.97} {
		t.Run(fmt.Sprintf("%d %%", loss), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(loss), 4))
			right, pressed, wrong := 0, 0, 0
			for range entries {
				packets := slices.DeleteFunc(typed(keys, 40), func(eventPacket) bool { return random.IntN(100) < loss })
				for i := range packets { // some are repeated and some swapped with their neighbour
					switch j := random.IntN(10); {
					case j == 0 && i > 0:
						packets[i-1], packets[i] = packets[i], packets[i-1]
					case j == 1:
						packets = slices.Insert(packets, i, packets[i])
					}
				}
				var r media.EventReceiver
				// Digits come in the order of arrival; the order of pressing is that of the timestamps.
				var got []eventPacket
				for _, p := range packets {
					if digit, ok := r.Packet(p.ssrc, p.seq, p.ts, p.marker, p.payload); ok {
						got = append(got, eventPacket{ts: p.ts, payload: []byte{digit}})
					}
				}
				slices.SortFunc(got, func(a, b eventPacket) int { return int(int32(a.ts - b.ts)) })
				var entry strings.Builder
				for _, p := range got {
					entry.Write(p.payload)
				}
				if entry.String() == keys {
					right++
				}
				pressed += min(len(got), len(keys))
				wrong += max(0, len(got)-len(keys))
			}
			t.Logf("%d of %d entries right, %d of %d digits", right, entries, pressed, entries*len(keys))
			if wrong > 0 {
				t.Errorf("%d digits too many", wrong)
			}
			if float64(right) < want*entries {
				t.Errorf("%d of %d entries right", right, entries)
			}
		})
	}
}

func FuzzEvent(f *testing.F) {
	f.Add(uint32(1), uint16(1), uint32(1), true, []byte{1, 0x8a, 0, 160})
	f.Add(uint32(1), uint16(2), uint32(0), false, []byte{16, 0, 0})
	f.Fuzz(func(t *testing.T, ssrc uint32, seq uint16, ts uint32, marker bool, payload []byte) {
		var r media.EventReceiver
		for i := range 3 {
			digit, ok := r.Packet(ssrc, seq+uint16(i), ts, marker, payload)
			if ok && (i > 0 || strings.IndexByte("0123456789*#ABCD", digit) < 0) {
				t.Fatalf("packet %d reports %q", i, digit)
			}
			r.Packet(ssrc, seq-uint16(ts), seqTime(seq, ts), !marker, payload)
		}
	})
}

// seqTime is another time that depends on both.
func seqTime(seq uint16, ts uint32) uint32 { return ts + uint32(seq)*997 }
