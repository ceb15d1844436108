package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestReportsAreReadByAnotherImplementation(t *testing.T) {
	far := &reception{rate: 8000}
	for i := range 100 {
		if i%10 != 3 {
			far.packet(7, uint16(i), uint32(i*160), int64(i)*20e6, false)
		}
	}
	wall := time.Date(2030, 1, 2, 3, 4, 5, 500e6, time.UTC).UnixNano()
	tests := []struct {
		name string
		r    report
	}{
		{"sender report", report{ssrc: 99, wall: wall, timestamp: 1234, packets: 50, octets: 8000, sent: true, far: far, cname: "x"}},
		{"receiver report with goodbye", report{ssrc: 99, far: far, lastSR: 5, delaySR: 6, cname: "longer-name", bye: true}},
		{"nothing received yet", report{ssrc: 99, far: &reception{rate: 8000}, cname: "abc"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			far.priorExpected, far.priorReceived = 0, 0
			packets, err := rtcp.Unmarshal(tt.r.appendTo(nil))
			if err != nil {
				t.Fatal(err)
			}
			if err := rtcp.CompoundPacket(packets).Validate(); err != nil {
				t.Fatal(err)
			}
			var blocks []rtcp.ReceptionReport
			switch p := packets[0].(type) {
			case *rtcp.SenderReport:
				if !tt.r.sent || p.SSRC != 99 || p.PacketCount != 50 || p.OctetCount != 8000 || p.RTPTime != 1234 {
					t.Errorf("sender report %+v", p)
				}
				if got := p.NTPTime >> 32; got != uint64(wall/1e9)+ntpEpoch {
					t.Errorf("NTP seconds %d", got)
				}
				blocks = p.Reports
			case *rtcp.ReceiverReport:
				blocks = p.Reports
			}
			if !tt.r.far.started {
				if len(blocks) != 0 {
					t.Errorf("a block on nobody: %+v", blocks)
				}
				return
			}
			if b := blocks[0]; b.SSRC != 7 || b.TotalLost != 10 || b.FractionLost != 25 || b.LastSequenceNumber != 1<<16+99 || b.LastSenderReport != tt.r.lastSR || b.Delay != tt.r.delaySR {
				t.Errorf("report block %+v", b)
			}
		})
	}
}

func TestFeedbackOfAnotherImplementationIsRead(t *testing.T) {
	sr := &rtcp.SenderReport{SSRC: 7, NTPTime: 0x11112222_33334444, Reports: []rtcp.ReceptionReport{
		{SSRC: 1}, {SSRC: 99, FractionLost: 12, TotalLost: 34, LastSenderReport: 0xabcd, Delay: 77}}}
	b, err := rtcp.Marshal([]rtcp.Packet{sr, rtcp.NewCNAMESourceDescription(7, "x"), &rtcp.Goodbye{Sources: []uint32{7}}})
	if err != nil {
		t.Fatal(err)
	}
	f, valid := parseFeedback(b, 99)
	if want := (feedback{senderReport: 0x22223333, about: true, fractionLost: 12, lost: 34, lastSR: 0xabcd, delay: 77}); !valid || f != want {
		t.Errorf("got %+v %v, want %+v", f, valid, want)
	}
	for n := range len(b) {
		if _, valid := parseFeedback(b[:n], 99); valid && n%4 != 0 {
			t.Errorf("cut to %d octets it still counts as valid", n)
		}
	}
}

func TestMoreReceivedThanSentIsNoLoss(t *testing.T) {
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 99, TotalLost: 0xffffff}}}})
	if err != nil {
		t.Fatal(err)
	}
	if f, valid := parseFeedback(b, 99); !valid || !f.about || f.lost != 0 {
		t.Errorf("a loss of -1 is read as %+v %v", f, valid)
	}
}

func TestJitterFollowsRFC3550(t *testing.T) {
	r := reception{rate: 8000}
	for i := range 2000 {
		arrived := int64(i) * 20e6
		if i%2 == 1 {
			arrived += 8e6
		}
		r.packet(1, uint16(2*i), uint32(i*160), arrived, false)
		r.packet(1, uint16(2*i+1), 7, arrived, true) // a key is held all the while
	}
	if got := time.Duration(r.jitter >> 4); got < 7*time.Millisecond || got > 9*time.Millisecond {
		t.Errorf("packets that alternate by 8 ms have a jitter of %v", got)
	}
}

func FuzzFeedback(f *testing.F) {
	far := &reception{rate: 8000}
	far.packet(7, 1, 160, 0, false)
	r := report{ssrc: 9, sent: true, far: far, cname: "seed", bye: true}
	f.Add(r.appendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) { parseFeedback(b, 9) })
}
