package media

import (
	"math"
	"time"
)

// impairment is what a codec costs by the E-model (ITU-T G.113 Appendix I): ie without loss, and bpl, how robust it is
// against loss at random.
type impairment struct{ ie, bpl float64 }

// impairments are those of the codecs here, by name. G.711 is concealed in the manner of its Appendix I, and so are G.722 and Opus, unless
// a packet has something of the one before.
// What that has above G.711 (13 instead of 36 on the wide-band model's scale to 129, G.113 Appendix IV) the scale of
// G.107 ends before: it is rated as G.711 is, so that calls can be compared.
var impairments = map[string]impairment{
	"G722": {0, 25.1},
	"opus": {0, 25.1},
	"PCMU": {0, 25.1},
	"PCMA": {0, 25.1},
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

// Rating is the transmission rating factor R of the E-model (ITU-T G.107 7.1) for what is heard of a sender: 93.2 for G.711
// that is neither lost nor delayed, below 50 for what hardly anybody would put up with; it can be negative. loss is the
// share of packets, 0 to 1, that are lost or too late, at random; delay is from mouth to ear, one way. It is not ok for a
// codec of unknown quality.
func Rating(codec string, loss float64, delay time.Duration) (r float64, ok bool) {
	c, ok := impairments[codec]
	if !ok {
		return 0, false
	}
	percent := 100 * min(max(loss, 0), 1)
	equipment := c.ie + (95-c.ie)*percent/(percent+c.bpl) // G.107 7.5, BurstR = 1
	return basicRatio - simultaneous - delayed(delay.Seconds()*1000) - equipment, true
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

// MOS turns a rating into the mean opinion score that listeners and talkers would give, 1 (bad) to 4.5 (ITU-T G.107 Annex B).
func MOS(r float64) float64 {
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

// MOS estimates how well the caller was heard, coded in the codec of that name, in mean over the call: from the packets that
// were lost and not recovered, and those that came too late for the jitter buffer, and from the delay of packet, network and jitter buffer at
// the end. The network's is half the round trip where RTCP has told it, else it is taken for nothing. It is not ok for less
// than a second of audio, or a codec of unknown quality.
func (s Stats) MOS(codec string) (mos float64, ok bool) {
	if s.Received < enoughPackets {
		return 0, false
	}
	gone := float64(s.Lost - min(s.Buffer.Recovered, s.Lost) + min(s.Buffer.Late, s.Received))
	delay := time.Second/FramesPerSecond + time.Duration(s.RoundTrip/2) + s.Buffer.Delay
	r, ok := Rating(codec, gone/float64(s.Lost+s.Received), delay)
	return MOS(r), ok
}
