package media

// none ends the chains of a queue.
const none = 255

// Sizes of a queue. A leg on a clean network never has more than two packets here.
const (
	queueFirst  = 4        // packets that there is room for at first
	queueMost   = 64       // packets of 10 ms: 0.64 s
	queueOctets = 48 * 160 // of payload: 48 packets of 20 ms of G.711 are 0.96 s
	queueLeast  = 8        // packets, however long they are
)

// packet is one RTP packet that waits. Its payload is in the queue's data.
type packet struct {
	ts   uint32
	seq  uint16
	size uint16
	next uint8
}

// queue holds packets in the order of their timestamps. A packet that was taken gives its
// place to the next one that comes, so that the leg that needs one place touches one.
type queue struct {
	// A packet that will be taken in this tick, and alone, is not copied.
	payload []byte // of lent, nil: there is none
	lent    packet

	head uint8 // oldest, none: empty
	tail uint8 // newest
	free uint8

	packets []packet
	data    []byte // payloads: a slot for each of packets
	slot    int    // octets
}

func newQueue(slot int) queue {
	q := queue{slot: slot, head: none, tail: none, free: none}
	q.grow(slot)
	return q
}

// first is the oldest packet, nil: there is none.
func (q *queue) first() *packet {
	if q.payload != nil {
		return &q.lent
	}
	if q.head == none {
		return nil
	}
	return &q.packets[q.head]
}

// front is the payload of the oldest packet, which there must be.
func (q *queue) front() []byte {
	if q.payload != nil {
		return q.payload
	}
	at := int(q.head) * q.slot
	return q.data[at : at+int(q.packets[q.head].size)]
}

// lend takes a packet whose payload is the caller's until keep. It refuses it when there are
// others.
func (q *queue) lend(seq uint16, ts uint32, payload []byte) bool {
	if q.head != none || q.payload != nil {
		return false
	}
	q.lent, q.payload = packet{ts: ts, seq: seq, size: uint16(len(payload)), next: none}, payload
	return true
}

// keep copies what was lent and has not been taken.
func (q *queue) keep() {
	if payload := q.payload; payload != nil {
		q.payload = nil
		q.push(q.lent.seq, q.lent.ts, payload)
	}
}

// push puts a packet in its place, and refuses it when there is no room.
func (q *queue) push(seq uint16, ts uint32, payload []byte) bool {
	if q.free == none || len(payload) > q.slot {
		if !q.grow(max(q.slot, len(payload))) {
			return false
		}
	}
	i := q.free
	p := &q.packets[i]
	q.free = p.next
	*p = packet{ts: ts, seq: seq, size: uint16(len(payload)), next: none}
	copy(q.data[int(i)*q.slot:], payload)
	switch {
	case q.head == none:
		q.head, q.tail = i, i
	case int32(ts-q.packets[q.tail].ts) >= 0:
		q.packets[q.tail].next, q.tail = i, i
	case int32(ts-q.packets[q.head].ts) < 0:
		p.next, q.head = q.head, i
	default: // neither first nor last
		before := &q.packets[q.head]
		for before.next != q.tail && int32(ts-q.packets[before.next].ts) > 0 {
			before = &q.packets[before.next]
		}
		p.next, before.next = before.next, i
	}
	return true
}

// pop takes the oldest packet out. Its payload is good until the next push.
func (q *queue) pop() []byte {
	if payload := q.payload; payload != nil {
		q.payload = nil
		return payload
	}
	i := q.head
	p := &q.packets[i]
	q.head = p.next
	if q.head == none {
		q.tail = none
	}
	p.next, q.free = q.free, i
	at := int(i) * q.slot
	return q.data[at : at+int(p.size)]
}

// clear forgets all packets.
func (q *queue) clear() {
	q.payload = nil
	for q.head != none {
		q.pop()
	}
}

// grow makes more room, or room for longer packets. It allocates: a leg comes here when the
// network delays its packets more than ever before, and not again.
func (q *queue) grow(slot int) bool {
	n := len(q.packets)
	if q.free == none {
		n = max(queueFirst, min(2*n, queueMost, max(queueLeast, queueOctets/slot)))
	}
	if n == len(q.packets) && slot == q.slot {
		return false
	}
	data := make([]byte, n*slot)
	for i := range q.packets {
		copy(data[i*slot:], q.data[i*q.slot:(i+1)*q.slot])
	}
	packets := make([]packet, n)
	copy(packets, q.packets)
	for i := len(packets) - 1; i >= len(q.packets); i-- {
		packets[i].next, q.free = q.free, uint8(i)
	}
	q.packets, q.data, q.slot = packets, data, slot
	return true
}
