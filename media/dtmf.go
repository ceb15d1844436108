package media

import (
	"math"
	"math/cmplx"
)

// Keys of a telephone as tones (ITU-T Q.23): a key is one tone of its row and one of its column.
const dtmfKeys = "123A456B789C*0#D"

var (
	dtmfRows    = [4]float64{697, 770, 852, 941}     // Hz
	dtmfColumns = [4]float64{1209, 1336, 1477, 1633} // Hz
)

// What is taken for a key. Q.24 lets an administration choose; these hold for the networks of its
// table 1 but for levels, which are let through from further down.
const (
	dtmfRate      = 8000 // Hz: tones are looked for at this rate
	dtmfFrame     = dtmfRate / FramesPerSecond
	dtmfHalf      = dtmfFrame / 2
	dtmfTolerance = 0.025 // of a frequency: 1.5 % must do, 3.5 % must not
	dtmfTwist     = 9.0   // dB by which one of the two tones may be stronger
	// dtmfRest is the share of the power that may be anything but the two tones: 13 dB below. It is
	// what keeps speech out: a vowel has harmonics everywhere, the second ones of the tones included.
	dtmfRest = 0.05
	// dtmfRestHalf is the same for 10 ms at the begin and the end of a press.
	dtmfRestHalf = 0.15
	// dtmfGone is the share of a tone's power that is not the tone any more: a frame that an
	// interruption of 10 ms falls into has a quarter of it.
	dtmfGone = 0.1
	// dtmfMost is for how many frames in a row a tone may be disturbed, or made up for what was lost.
	dtmfMost = 5
)

// dtmfStep are the frequencies in radians a sample, rows first.
var dtmfStep = func() (w [8]float64) {
	for i := range 4 {
		w[i] = 2 * math.Pi * dtmfRows[i] / dtmfRate
		w[i+4] = 2 * math.Pi * dtmfColumns[i] / dtmfRate
	}
	return w
}()

// dtmfTurn is what Goertzel's recurrence multiplies by where it takes every other sample: twice the
// cosine of two steps.
var dtmfTurn = func() (c [8]float64) {
	for i, w := range dtmfStep {
		c[i] = 2 * math.Cos(2*w)
	}
	return c
}()

// KeyTones are the two frequencies in Hz of a key (0-9, *, #, A-D), 0 for anything else.
func KeyTones(key byte) (row, column float64) {
	for i := range len(dtmfKeys) {
		if dtmfKeys[i] == key {
			return dtmfRows[i/4], dtmfColumns[i%4]
		}
	}
	return 0, 0
}

// MaybeDTMF tells whether the end of a frame of 20 ms may be part of a key's tones. It is cheap
// enough to be asked for each frame of speech, and right to say no for most of them.
//
// A tone of w radians a sample obeys x[i-1] + x[i+1] = 2 cos w x[i]. So the products of both sides
// tell the mean of cos w over the spectrum of a sound, and its variance. Two tones, one of a row
// and one of a column, leave a narrow range for either.
func MaybeDTMF(frame []int16) bool {
	var own, cross, sides int64
	if len(frame) == dtmfFrame {
		for x := frame[dtmfHalf:]; len(x) > 2; x = x[2:] { // every other sample will do
			m, s := int64(x[1]), int64(x[0])+int64(x[2])
			own += m * m
			cross += m * s
			sides += s * s
		}
	} else {
		step := len(frame) / dtmfFrame
		for x := frame[len(frame)/2:]; len(x) > 2*step; x = x[2*step:] {
			m, s := int64(x[step]), int64(x[0])+int64(x[2*step])
			own += m * m
			cross += m * s
			sides += s * s
		}
	}
	if 5*cross < 2*own || 5*cross > 9*own { // a mean of 0.2 to 0.9; the tones have 0.28 to 0.86
		return false
	}
	mean := float64(cross) / float64(2*own)
	spread := float64(sides)/float64(4*own) - mean*mean
	return spread > 0.001 && spread < 0.13
}

// DTMF finds the keys that a caller presses where they come as tones in his voice. It serves one
// leg and one goroutine and allocates nothing. The zero value is ready.
//
// A frame is a key's where two tones, one of a row and one of a column, are nearly all there is in
// it: their frequencies are measured by how their phases move from its first half to its second,
// and what remains when both are taken away is to be little. A press is told when 30 ms of it were
// heard, so that 40 ms are always enough; the same key counts anew after a pause of 40 ms.
type DTMF struct {
	key    byte       // whose tones are there, 0: none
	told   bool       // the press was told
	opened bool       // before is the second half of the last frame, and may be the begin of a press
	lost   uint8      // frames in a row without the tones
	since  uint8      // frames since the last with the tones, for as long as they count as there
	step   [2]float64 // of its tones in radians a sample, as measured
	power  float64    // mean square of its tones
	before [dtmfHalf]int16
	narrow [dtmfFrame]int16
}

// dtmfTail is for how many frames after its last the sound of a key counts as there: the last
// frame may hold a rest that is too short to be told from speech.
const dtmfTail = 2

// Follows tells that the next frame has to be given to Take whatever MaybeDTMF says of it.
func (d *DTMF) Follows() bool { return d.key != 0 || d.opened || d.since > 0 }

// Take takes the leg's next 20 ms, at 8, 16 or 48 kHz. present tells that a key is heard in them, digit
// is that key once for each press, else 0. concealed tells that the frame was made up for a lost one:
// it neither begins a press nor ends one.
func (d *DTMF) Take(frame []int16, concealed bool) (present bool, digit byte) {
	x := d.narrowed(frame)
	opened := d.opened
	d.opened = false
	if d.since > 0 {
		d.since--
	}
	if concealed {
		d.hold()
		return d.since > 0, 0
	}
	key, tones := detect(x)
	switch {
	case key != 0:
		if key != d.key {
			d.key, d.told = key, false
			d.step, d.power = tones.step, tones.power
			digit = d.tell(opened && d.has(d.before[:]))
		} else {
			digit = d.tell(true)
		}
		d.step, d.power = tones.step, tones.power
		d.since, d.lost = dtmfTail+1, 0
	case d.key != 0:
		digit = d.tell(d.has(x[:dtmfHalf]))
		if tones := fit(x, d.step); tones.power < dtmfGone*d.power {
			d.key = 0
		} else {
			d.hold()
		}
		fallthrough
	default:
		if row, _ := screen(x[dtmfHalf:]); row >= 0 {
			d.opened = true
			copy(d.before[:], x[dtmfHalf:])
		}
	}
	return d.since > 0, digit
}

// tell returns the key if it is to be told now.
func (d *DTMF) tell(enough bool) byte {
	if d.told || !enough {
		return 0
	}
	d.told = true
	return d.key
}

// hold bears a frame in which the tones cannot be made out.
func (d *DTMF) hold() {
	if d.lost++; d.key != 0 && d.lost < dtmfMost {
		d.since = max(d.since, 1)
	} else {
		d.key = 0
	}
}

// has tells that 10 ms are those of the key.
func (d *DTMF) has(x []int16) bool {
	t := fit(x, d.step)
	return t.rest < dtmfRestHalf && t.power > d.power/4
}

// narrowed brings a frame to dtmfRate. The mean of the samples that become one dampens enough of what would fold.
func (d *DTMF) narrowed(frame []int16) []int16 {
	if len(frame) == dtmfFrame {
		return frame
	}
	ratio := len(frame) / dtmfFrame
	for i := range d.narrow {
		sum := 0
		for _, s := range frame[ratio*i : ratio*(i+1)] {
			sum += int(s)
		}
		d.narrow[i] = int16(sum / ratio)
	}
	return d.narrow[:]
}

// tones are two tones as they were found in a sound.
type tones struct {
	z     [2]complex128 // amplitude and phase, in the middle of it
	step  [2]float64    // radians a sample
	power float64       // mean square of both
	rest  float64       // share of the sound's power that is not theirs
}

// detect finds the key that a frame is full of, 0 if it is not.
func detect(x []int16) (key byte, t tones) {
	row, column := screen(x[dtmfHalf:])
	if row < 0 {
		return 0, t
	}
	nominal := [2]float64{dtmfStep[row], dtmfStep[4+column]}
	a, b := fit(x[:dtmfHalf], nominal), fit(x[dtmfHalf:], nominal)
	if a.rest > 0.5 || b.rest > 0.5 {
		return 0, t
	}
	step := nominal
	for i, w := range nominal {
		turn := b.z[i] * cmplx.Conj(a.z[i]) * cmplx.Rect(1, -w*dtmfHalf)
		off := cmplx.Phase(turn) / dtmfHalf
		if math.Abs(off) > dtmfTolerance*w {
			return 0, t
		}
		step[i] += off
	}
	t = fit(x, step)
	twist := 20 * math.Log10(cmplx.Abs(t.z[0])/cmplx.Abs(t.z[1]))
	if t.rest > dtmfRest || math.Abs(twist) > dtmfTwist {
		return 0, t
	}
	return dtmfKeys[4*row+column], t
}

// screen finds the row and the column that are strongest in half a frame, -1 if they are not most
// of what there is. Every other sample will do: the tones are below 2 kHz, and what folds counts
// against them.
func screen(x []int16) (row, column int) {
	var energy float64
	for i := 0; i < len(x); i += 2 {
		energy += float64(x[i]) * float64(x[i])
	}
	r := four((*[4]float64)(dtmfTurn[:4]), x)
	c := four((*[4]float64)(dtmfTurn[4:]), x)
	for i := range 4 {
		if r[i] > r[row] {
			row = i
		}
		if c[i] > c[column] {
			column = i
		}
	}
	high, low := max(r[row], c[column]), min(r[row], c[column])
	if (high+low)*4/float64(len(x)) < 0.5*energy || low*30 < high {
		return -1, -1
	}
	return row, column
}

// four is Goertzel's recurrence at four frequencies at once: four chains of additions that do not
// wait for one another. It returns the squares of the sums.
func four(turn *[4]float64, x []int16) (square [4]float64) {
	c0, c1, c2, c3 := turn[0], turn[1], turn[2], turn[3]
	var a0, a1, a2, a3, b0, b1, b2, b3 float64
	for i := 0; i < len(x); i += 2 {
		v := float64(x[i])
		a0, b0 = c0*a0+(v-b0), a0
		a1, b1 = c1*a1+(v-b1), a1
		a2, b2 = c2*a2+(v-b2), a2
		a3, b3 = c3*a3+(v-b3), a3
	}
	return [4]float64{a0*a0 + b0*b0 - c0*a0*b0, a1*a1 + b1*b1 - c1*a1*b1, a2*a2 + b2*b2 - c2*a2*b2, a3*a3 + b3*b3 - c3*a3*b3}
}

// fit finds the two tones of these frequencies that leave the least of x. Seen from the middle of x
// its cosines are orthogonal to its sines, and their products have sums that can be written down,
// so that two systems of two equations are all there is to solve.
func fit(x []int16, step [2]float64) (t tones) {
	n := float64(len(x))
	sum := func(w float64) float64 { // of cos(w i) over all samples
		if s := math.Sin(w / 2); math.Abs(s) > 1e-9 {
			return math.Sin(n*w/2) / s
		}
		return n
	}
	var energy float64
	for _, s := range x {
		energy += float64(s) * float64(s)
	}
	t.step = step
	if energy == 0 {
		t.rest = 1
		return t
	}
	a, b := spectrum(x, step[0]), spectrum(x, step[1])
	aa, bb := sum(2*step[0])/2, sum(2*step[1])/2
	less, more := sum(step[0]-step[1])/2, sum(step[0]+step[1])/2
	ca, cb := solve(n/2+aa, n/2+bb, less+more, real(a), real(b))
	sa, sb := solve(n/2-aa, n/2-bb, less-more, -imag(a), -imag(b))
	t.z = [2]complex128{complex(ca, -sa), complex(cb, -sb)}
	fitted := ca*real(a) + cb*real(b) - sa*imag(a) - sb*imag(b)
	t.power = fitted / n
	t.rest = 1 - fitted/energy
	return t
}

// solve solves p x + q y = u, q x + r y = v, given p, r, q.
func solve(p, r, q, u, v float64) (x, y float64) {
	d := p*r - q*q
	return (u*r - v*q) / d, (v*p - u*q) / d
}

// spectrum is the sum of x times exp(-iwk), k counted from the middle of x.
func spectrum(x []int16, w float64) complex128 {
	c := 2 * math.Cos(w)
	var a, b float64
	for _, s := range x {
		a, b = c*a+(float64(s)-b), a
	}
	n := float64(len(x) - 1)
	return cmplx.Rect(1, -w*n/2) * (complex(a, 0) - complex(b, 0)*cmplx.Rect(1, -w))
}
