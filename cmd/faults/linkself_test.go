package faults

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// The network of these tests does what it is told to, and the same again with the same seed.
func TestTheLinkDoesWhatItIsToldTo(t *testing.T) {
	t.Parallel()
	sandboxed(t)
	const packets = 3000
	for _, tt := range []struct {
		name       string
		conditions conditions
		lost       float64 // share
		doubled    float64
		disordered float64 // at least
	}{
		{"nothing", conditions{}, 0, 0, 0},
		{"loss", conditions{Loss: 0.2}, 0.2, 0, 0},
		{"duplicates", conditions{Duplicate: 0.1}, 0, 0.1, 0},
		{"reordering", conditions{Reorder: 0.1}, 0, 0, 0.05},
		{"jitter", conditions{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond}, 0, 0, 0.3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var lost []int
			for range 2 {
				ns := newNamespace(t)
				l := newLink(t, nil, ns, 42)
				l.up.set(tt.conditions)
				got := pass(t, l, ns, packets)
				seen := make([]int, packets)
				disordered, doubled := 0, 0
				last := -1
				for _, n := range got {
					if seen[n]++; seen[n] > 1 {
						doubled++
						continue
					}
					if n < last {
						disordered++
					}
					last = max(last, n)
				}
				var missing []int
				for n, times := range seen {
					if times == 0 {
						missing = append(missing, n)
					}
				}
				near := func(got int, want float64) bool { return math.Abs(float64(got)/packets-want) < 0.02 }
				if !near(len(missing), tt.lost) || !near(doubled, tt.doubled) || float64(disordered)/packets < tt.disordered ||
					tt.disordered == 0 && disordered > 0 {
					t.Errorf("%d lost, %d doubled, %d out of order of %d", len(missing), doubled, disordered, packets)
				}
				if lost != nil && !slices.Equal(lost, missing) {
					t.Error("another run with the same seed loses other packets")
				}
				lost = missing
			}
		})
	}
}

// pass sends numbered packets over the link, and returns the numbers as they came.
func pass(t *testing.T, l *link, ns namespace, packets int) (numbers []int) {
	t.Helper()
	var receiver *net.UDPConn
	err := ns.do(func() (err error) {
		receiver, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.there, 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	if err := receiver.SetReadBuffer(8 << 20); err != nil {
		t.Fatal(err)
	}
	sender, err := net.DialUDP("udp4", nil, receiver.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	go func() {
		var b [172]byte
		for n := range packets {
			binary.BigEndian.PutUint32(b[:], uint32(n))
			_, _ = sender.Write(b[:])
			if n%10 == 9 {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	var b [2048]byte
	for {
		// What is held longest is there in time; what was lost never comes.
		_ = receiver.SetReadDeadline(time.Now().Add(time.Second))
		n, err := receiver.Read(b[:])
		if err != nil {
			return numbers
		}
		if n == 172 {
			numbers = append(numbers, int(binary.BigEndian.Uint32(b[:])))
		}
	}
}

// BenchmarkLink tells how many packets of audio a link copies in a second.
func BenchmarkLink(b *testing.B) {
	if outside != "" {
		b.Skip(outside)
	}
	frame := make([]byte, 214)
	frame[12], frame[13], frame[14], frame[23] = 8, 0, 0x45, 17
	a, err := openTAP("bencha")
	if err != nil {
		b.Skip(err)
	}
	defer a.Close()
	if err := ip("link set bencha up"); err != nil {
		b.Fatal(err)
	}
	d := &direction{to: a, random: rand.New(rand.NewPCG(1, 2)), now: conditions{Loss: 0.01}}
	for b.Loop() {
		d.take(frame, time.Now())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}
