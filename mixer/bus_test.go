package mixer

import (
	"math/rand/v2"
	"testing"
)

func TestBusMinusOneIsExactAtAnyLevel(t *testing.T) {
	const frame = 160
	random := rand.New(rand.NewPCG(1, 2))
	for _, members := range []int{1, 2, 3, 50, 2000} {
		frames := make([][]int16, members)
		bus := NewBus(frame)
		for i := range frames {
			frames[i] = make([]int16, frame)
			for j := range frames[i] {
				frames[i][j] = int16(32767 - 65535*random.IntN(2)) // full scale, both signs
			}
			bus.Add(frames[i])
		}
		if bus.Contributors() != members {
			t.Fatalf("%d contributors, want %d", bus.Contributors(), members)
		}
		got := make([]int32, frame)
		for _, own := range []int{0, members / 2, members - 1} {
			bus.Minus(got, frames[own])
			for j := range got {
				want := int32(0)
				for i := range frames {
					if i != own {
						want += int32(frames[i][j])
					}
				}
				if got[j] != want {
					t.Fatalf("%d members: member %d hears %d at sample %d, want %d", members, own, got[j], j, want)
				}
			}
		}
	}
}

func TestBusOfPartsIsTheBusOfTheWhole(t *testing.T) {
	whole, left, right := NewBus(4), NewBus(4), NewBus(4)
	for i, f := range [][]int16{{1, 2, 3, 4}, {-5, 6, 7, 8}, {30000, -30000, 9, 10}} {
		whole.Add(f)
		if i == 0 {
			left.Add(f)
		} else {
			right.Add(f)
		}
	}
	left.Merge(right)
	a, b := make([]int32, 4), make([]int32, 4)
	whole.Full(a)
	left.Full(b)
	for i := range a {
		if a[i] != b[i] || left.Contributors() != 3 {
			t.Fatalf("parts give %v of %d, the whole %v", b, left.Contributors(), a)
		}
	}
}
