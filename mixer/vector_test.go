package mixer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// One sample at a time no vector is used: what a frame gives in one piece it must give in pieces.
func TestFramesInOnePieceGiveWhatTheirSamplesGive(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 50 {
		frame, sum, other := make([]int16, n), make([]int32, n), make([]int32, n)
		for i := range frame {
			frame[i] = int16(random.Uint32())
			sum[i] = int32(random.Uint32()) >> 8
			other[i] = int32(random.Uint32()) >> 8
		}
		if n > 3 {
			frame[0], frame[1], frame[2] = -32768, 32767, -32768
		}
		each := func(f func(i int)) {
			for i := range n {
				f(i)
			}
		}
		same := func(what string, whole, pieces []int32) {
			t.Helper()
			if !slices.Equal(whole, pieces) {
				t.Errorf("%s of %d samples: %v, want %v", what, n, whole, pieces)
			}
		}

		whole, pieces := slices.Clone(sum), slices.Clone(sum)
		sumUp(whole, frame)
		each(func(i int) { sumUp(pieces[i:i+1], frame[i:i+1]) })
		same("sum", whole, pieces)

		merge(whole, other)
		each(func(i int) { merge(pieces[i:i+1], other[i:i+1]) })
		same("merged sum", whole, pieces)

		minus(whole, sum, frame)
		each(func(i int) { minus(pieces[i:i+1], sum[i:i+1], frame[i:i+1]) })
		same("difference", whole, pieces)

		most, squares := int32(0), int64(0)
		each(func(i int) {
			most = max(most, peak(sum[i:i+1]))
			squares += power(frame[i : i+1])
		})
		if got := peak(sum); got != most {
			t.Errorf("peak of %d samples: %d, want %d", n, got, most)
		}
		if got := power(frame); got != squares {
			t.Errorf("power of %d samples: %d, want %d", n, got, squares)
		}

		for i := range sum {
			sum[i] >>= 9 // so that it fits
		}
		a, b := make([]int16, n), make([]int16, n)
		narrow(a, sum)
		each(func(i int) { narrow(b[i:i+1], sum[i:i+1]) })
		if !slices.Equal(a, b) {
			t.Errorf("%d samples narrowed: %v, want %v", n, a, b)
		}
		const gain, step = 1.5, -0.01
		amplify(whole, frame, gain, step)
		each(func(i int) { amplify(pieces[i:i+1], frame[i:i+1], gain+step*float32(i), step) })
		for i := range whole {
			if d := whole[i] - pieces[i]; d < -1 || d > 1 {
				t.Errorf("sample %d of %d amplified: %d, want %d", i, n, whole[i], pieces[i])
			}
		}
		scale(a, sum, gain, step)
		each(func(i int) { scale(b[i:i+1], sum[i:i+1], gain+step*float32(i), step) })
		for i := range a {
			if d := int(a[i]) - int(b[i]); d < -1 || d > 1 {
				t.Errorf("sample %d of %d scaled: %d, want %d", i, n, a[i], b[i])
			}
		}
	}
}

func TestScaleStaysWithinTheLimit(t *testing.T) {
	sum := make([]int32, 17)
	for i := range sum {
		sum[i] = int32(1-2*(i%2)) << 24
	}
	dst := make([]int16, len(sum))
	scale(dst, sum, 1, 0)
	for i, s := range dst {
		if want := int16(limit * (1 - 2*(i%2))); s != want {
			t.Errorf("sample %d is %d, want %d", i, s, want)
		}
	}
}

func BenchmarkLimitedMinusOne(b *testing.B) {
	bus, own, sum, dst := NewBus(160), make([]int16, 160), make([]int32, 160), make([]int16, 160)
	for i := range own {
		own[i] = int16(i * 100)
	}
	for range 10 {
		bus.Add(own)
	}
	l := open
	for b.Loop() {
		bus.Minus(sum, own)
		l.apply(dst, sum)
	}
}
