package bench

import "time"

// ear keeps all that a member heard while it was measured. Its memory is there
// from the start, so that the lane that fills it never allocates.
type ear struct {
	room, talker int // talker is -1 for one who only listens
	coding       coding
	coded        []byte
	ends         []int // of each packet, in coded
	packets      []arrival
	spoken       []utterance
}

// utterance is a frame of its voice that the member sent.
type utterance struct {
	frame int
	at    int64 // ns since 1970
}

type arrival struct {
	at        int64 // kernel time, ns since 1970
	timestamp uint32
}

func newEar(room, talker int, length time.Duration, c coding) *ear {
	n := int(length/tick) + 50
	return &ear{
		room: room, talker: talker, coding: c,
		coded: make([]byte, 0, n*payload), ends: make([]int, 0, n), packets: make([]arrival, 0, n), spoken: make([]utterance, 0, n),
	}
}

// spoke notes that the member sends this frame now.
func (e *ear) spoke(frame int) {
	if len(e.spoken) < cap(e.spoken) {
		e.spoken = append(e.spoken, utterance{frame, time.Now().UnixNano()})
	}
}

func (e *ear) hear(coded []byte, timestamp uint32, at int64) {
	if len(coded) > cap(e.coded)-len(e.coded) || len(e.packets) == cap(e.packets) {
		return
	}
	e.coded = append(e.coded, coded...)
	e.ends = append(e.ends, len(e.coded))
	e.packets = append(e.packets, arrival{at, timestamp})
}

// deviations returns by how much the time between each two packets that follow one another
// differed from what their timestamps say.
func (e *ear) deviations() []time.Duration {
	var all []time.Duration
	for i := 1; i < len(e.packets); i++ {
		a, b := e.packets[i-1], e.packets[i]
		nominal := int64(int32(b.timestamp-a.timestamp)) * perTick / int64(e.coding.step)
		d := b.at - a.at - nominal
		all = append(all, time.Duration(max(d, -d)))
	}
	return all
}

// decoded returns all that was heard.
func (e *ear) decoded() []int16 {
	packets, begin := make([][]byte, len(e.ends)), 0
	for i, end := range e.ends {
		packets[i], begin = e.coded[begin:end], end
	}
	return e.coding.decode(packets)
}

// pcm returns the last length of what was heard, or all if it was less.
func (e *ear) pcm(length time.Duration) []int16 {
	pcm := e.decoded()
	return pcm[max(0, len(pcm)-int(length/tick)*payload):]
}
