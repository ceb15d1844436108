package media

// keyOrderWait is how long a digit waits for others that were pressed before it and may still
// come: longer than networks reorder, too short to be noticed.
const keyOrderWait = 200e6 // ns

// keys puts the digits of a leg into the order in which they were pressed. A digit before whose
// first packet nothing is missing is told at once. Where packets are missing, an earlier digit
// may be among them, late by the network's jitter: then it waits.
type keys struct {
	waiting [16]struct {
		digit     byte
		timestamp uint32
	}
	count int
	due   int64 // when all that wait are told, ns
}

// add takes a digit with the timestamp of its press. missing tells that packets before it have
// not come.
func (k *keys) add(digit byte, timestamp uint32, missing bool, now int64) {
	if k.count == 0 {
		k.due = now
	}
	if missing {
		k.due = max(k.due, now+keyOrderWait)
	}
	if k.count == len(k.waiting) {
		return // nobody presses 16 keys in the time that they wait
	}
	at := k.count
	for ; at > 0 && int32(timestamp-k.waiting[at-1].timestamp) < 0; at-- {
		k.waiting[at] = k.waiting[at-1]
	}
	k.waiting[at].digit, k.waiting[at].timestamp = digit, timestamp
	k.count++
}

// take appends the digits that are due.
func (k *keys) take(digits []byte, now int64) []byte {
	if now < k.due {
		return digits
	}
	for _, w := range k.waiting[:k.count] {
		digits = append(digits, w.digit)
	}
	k.count = 0
	return digits
}
