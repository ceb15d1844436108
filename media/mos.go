package media

import (
	"math"
	"time"
)

// Scale is what sound is compared with in a rating: what listeners give 4.4 to who know telephones is not what those do who know
// wide band.
type Scale string

// The scales. Their ratings are comparable, as a telephone that is perfect in the one (93.2) is as far below the best of the other one
// (129) as G.113 says that it is (36); a mean opinion score is one of its scale alone.
const (
	NarrowScale Scale = "narrow" // of the E-model of ITU-T G.107, 300 to 3400 Hz
	WideScale   Scale = "wide"   // of that of ITU-T G.107.1, 50 to 7000 Hz; what is above that does not count
)

// scaleOf is the scale of a codec, as it is run.
func scaleOf(c Codec) Scale {
	if c.SampleRate() < 16000 {
		return NarrowScale
	}
	return WideScale
}

// impairment is what a codec costs by the E-model (ITU-T G.113): ie without loss, and bpl, how robust it is against loss at
// random.
type impairment struct{ ie, bpl float64 }

// concealed is the bpl of G.711 with the concealment of its Appendix I (G.113 Appendix I). All codecs here are concealed in that
// manner, and by packets of 20 ms. G.113 has no other for G.722 and Opus; those of AMR-WB (4.3 to 4.9) are of a coding in which
// a loss goes on to be heard. What was recovered is not lost.
const concealed = 25.1

// impairments are those of the codecs here, by scale and name. At 8 kHz they are all as good as G.711. G.722 at 64 kbit/s has its value
// from G.113 Appendix IV. For Opus there is none: at 32 kbit/s listeners put it beside AMR-WB at its highest rate, whose value it has.
var impairments = map[Scale]map[string]impairment{
	NarrowScale: {"PCMU": {0, concealed}, "PCMA": {0, concealed}, "G722": {0, concealed}, "opus": {0, concealed}},
	WideScale:   {"G722": {13, concealed}, "opus": {8, concealed}},
}

// The parameters of ITU-T G.107 (06/2015) that telephones and the mix settle are left at their default (table 2). These
// are what 7.2 and 7.3 make of them.
const (
	basicRatio       = 94.7688  // Ro
	simultaneous     = 1.4136   // Is
	noiseFloor       = -61.1792 // No, dBm0p
	receiveLoudness  = 2        // RLR, dB
	talkerEcho       = 65       // TELR, dB
	listenerEcho     = 110      // WEPL, dB
	perceptibleDelay = 100      // mT, ms
)

// Rating is the transmission rating factor R of the E-model (ITU-T G.107 7.1, G.107.1 7.1) for what is heard of a sender: 93.2 for
// G.711 that is neither lost nor delayed, up to 129 for wide band, below 50 for what hardly anybody would put up with; it can be
// negative. loss is the share of packets, 0 to 1, that are lost or too late, at random; delay is from mouth to ear, one way,
// and costs the same on both scales. It is not ok for a codec of unknown quality.
func Rating(codec Codec, loss float64, delay time.Duration) (r float64, ok bool) {
	scale := scaleOf(codec)
	c, ok := impairments[scale][codec.Name()]
	if !ok {
		return 0, false
	}
	percent := 100 * min(max(loss, 0), 1)
	equipment := c.ie + (95-c.ie)*percent/(percent+c.bpl) // G.107 7.5, G.107.1 7.5; BurstR = 1
	best := basicRatio - simultaneous
	if scale == WideScale {
		best = 129 + delayed(0) // what no delay costs is not in it
	}
	return best - delayed(delay.Seconds()*1000) - equipment, true
}

// delayed is the delay impairment factor Id (ITU-T G.107 7.4) of a one-way delay in ms, with an echo path as long both ways.
func delayed(ms float64) float64 {
	ms = max(ms, 0)
	talker := talkerEcho - 40*math.Log10((1+ms/10)/(1+ms/150)) + 6*math.Exp(-0.3*ms*ms)
	echo := (-1.5*(noiseFloor-receiveLoudness) - (80 + 2.5*(talker-14))) / 2
	idte := (echo + math.Sqrt(echo*echo+100) - 1) * (1 - math.Exp(-ms))
	heard := (basicRatio - 10.5*(listenerEcho+7)*math.Pow(2*ms+1, -0.25)) / 2
	idle := heard + math.Sqrt(heard*heard+169)
	idd := 0.0
	if ms > perceptibleDelay {
		x := math.Log2(ms / perceptibleDelay)
		idd = 25 * (math.Pow(1+math.Pow(x, 6), 1.0/6) - 3*math.Pow(1+math.Pow(x/3, 6), 1.0/6) + 2)
	}
	return idte + idle + idd
}

// MOS turns a rating into the mean opinion score that listeners and talkers would give on a scale, 1 (bad) to 4.5 (ITU-T G.107
// Annex B, G.107.1 Annex A).
func MOS(r float64, scale Scale) float64 {
	if scale == WideScale {
		r /= 1.29
	}
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}

// enoughPackets is what an estimate needs: a second of audio.
const enoughPackets = FramesPerSecond

// Quality is how well a caller was heard, as it is estimated.
type Quality struct {
	Rating float64 // R, as Rating has it, but 0 at least
	MOS    float64 // 1 to 4.5, of the scale
	Scale  Scale
}

// Quality estimates how well the caller was heard in that codec, in mean over the call: from the packets that were lost and not
// recovered, and those that came too late for the jitter buffer, and from the delay of packet, network and jitter buffer at the
// end. The network's is half the round trip where RTCP has told it, else it is taken for nothing. It is not ok for less than
// a second of audio, or a codec of unknown quality.
func (s Stats) Quality(codec Codec) (q Quality, ok bool) {
	if s.Received < enoughPackets {
		return Quality{}, false
	}
	gone := float64(s.Lost - min(s.Buffer.Recovered, s.Lost) + min(s.Buffer.Late, s.Received))
	delay := time.Second/FramesPerSecond + time.Duration(s.RoundTrip/2) + s.Buffer.Delay
	r, ok := Rating(codec, gone/float64(s.Lost+s.Received), delay)
	if !ok {
		return Quality{}, false
	}
	scale := scaleOf(codec)
	return Quality{Rating: max(r, 0), MOS: MOS(r, scale), Scale: scale}, true
}
