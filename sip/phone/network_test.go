package phone

import (
	"math"
	"slices"
	"testing"
	"time"
)

// through sends packets 20 ms apart and returns their numbers and delays in order of arrival.
func through(i Impairment, packets int) (numbers []int, delays []time.Duration) {
	n := newNetwork(i)
	start := time.Unix(0, 0)
	at := func(k int) time.Time { return start.Add(time.Duration(k) * 20 * time.Millisecond) }
	for k := range packets {
		n.send(at(k), inTransit{bytes: []byte{byte(k >> 8), byte(k)}})
	}
	for _, p := range n.arrivals(at(packets + 1000)) {
		k := int(p.bytes[0])<<8 | int(p.bytes[1])
		numbers = append(numbers, k)
		delays = append(delays, p.arrive.Sub(at(k)))
	}
	return numbers, delays
}

func TestNetworkWithoutImpairmentChangesNothing(t *testing.T) {
	numbers, delays := through(Impairment{}, 100)
	if len(numbers) != 100 || !slices.IsSorted(numbers) || slices.Max(delays) != 0 {
		t.Errorf("%d packets arrived, delayed by up to %v", len(numbers), slices.Max(delays))
	}
}

func TestNetworkRepeatsWithItsSeed(t *testing.T) {
	i := Impairment{Seed: 5, Loss: 0.2, Jitter: 50 * time.Millisecond, Duplicate: 0.1, Reorder: 0.1}
	a, _ := through(i, 500)
	b, _ := through(i, 500)
	i.Seed = 6
	c, _ := through(i, 500)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("the seed does not decide what happens")
	}
}

func TestNetworkLosesAndDuplicates(t *testing.T) {
	lossy, _ := through(Impairment{Seed: 1, Loss: 0.2}, 5000)
	if n := len(lossy); n < 3850 || n > 4150 {
		t.Errorf("%d of 5000 arrived at 20 %% loss", n)
	}
	double, _ := through(Impairment{Seed: 1, Duplicate: 0.1}, 5000)
	if n := len(double); n < 5400 || n > 5600 {
		t.Errorf("%d arrived of 5000 with 10 %% duplicates", n)
	}
}

func TestNetworkReordersNeighbours(t *testing.T) {
	numbers, _ := through(Impairment{Seed: 1, Reorder: 0.1}, 1000)
	swapped := 0
	for i, k := range numbers[:len(numbers)-1] {
		switch numbers[i+1] - k {
		case -1:
			swapped++
		case 1, 2, 3:
		default:
			t.Fatalf("packet %d arrived after %d", numbers[i+1], k)
		}
	}
	if swapped < 60 || swapped > 130 {
		t.Errorf("%d of 1000 were overtaken at 10 %%", swapped)
	}
}

func TestNetworkJitter(t *testing.T) {
	numbers, delays := through(Impairment{Seed: 1, Jitter: 100 * time.Millisecond}, 2000)
	if slices.IsSorted(numbers) || slices.Max(delays) < 95*time.Millisecond || slices.Max(delays) > 100*time.Millisecond {
		t.Errorf("in order: %v, delayed by up to %v", slices.IsSorted(numbers), slices.Max(delays))
	}
	numbers, _ = through(Impairment{Seed: 1, Jitter: 100 * time.Millisecond, InOrder: true}, 2000)
	if !slices.IsSorted(numbers) {
		t.Error("packets overtook each other with InOrder")
	}
}

func TestFastClockSendsSooner(t *testing.T) {
	n := newNetwork(Impairment{PPM: 200})
	if got := float64(n.interval(20 * time.Millisecond)); math.Abs(got-19_996_000) > 2 {
		t.Errorf("20 ms take %v ns", got)
	}
}
