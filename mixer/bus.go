package mixer

// Bus is the arithmetic of a mix: the sum of what the contributors of one tick gave, and what
// each of them hears of it. It is pure: no clock, no goroutine, no lock, no allocation after
// NewBus, so that a tick can be run by a test.
//
// Sums are 32 bits wide: 65 536 contributors at full scale do not overflow them. Nothing is
// clipped here, so that a contribution that is subtracted again leaves no trace at any level.
type Bus struct {
	sum          []int32
	contributors int
	dirty        bool // something was summed in since Reset
}

// NewBus returns a bus for frames of so many samples.
func NewBus(frame int) *Bus { return &Bus{sum: make([]int32, frame)} }

// Reset empties the bus for the next tick. Where nothing was summed in it leaves the sum alone: of those who are alone
// with their music nobody touches it.
func (b *Bus) Reset() {
	b.contributors = 0
	if b.dirty {
		clear(b.sum)
		b.dirty = false
	}
}

// Add sums a contribution in.
func (b *Bus) Add(frame []int16) {
	sumUp(b.sum, frame)
	b.contributors++
	b.dirty = true
}

// Merge sums another part of the same mix in.
func (b *Bus) Merge(other *Bus) {
	b.cross(other.sum)
	b.contributors += other.contributors
}

// cross sums in what others gave, who are counted elsewhere.
func (b *Bus) cross(sum []int32) {
	merge(b.sum, sum)
	b.dirty = true
}

// Contributors is the number of frames added since Reset.
func (b *Bus) Contributors() int { return b.contributors }

// Full writes what those hear who gave nothing.
func (b *Bus) Full(dst []int32) { copy(dst, b.sum) }

// Minus writes what a contributor hears: everything but own, the frame as it was added.
func (b *Bus) Minus(dst []int32, own []int16) { minus(dst, b.sum, own) }
