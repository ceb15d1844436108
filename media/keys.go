package media

// keyOrderWait is how long a digit waits for others that were pressed before it and may still
// come: longer than networks reorder, too short to be noticed.
const keyOrderWait = 200e6 // ns

// keys puts the digits of a leg into the order in which they were pressed. On a network that
// keeps the order of packets a digit is told at once. Where packets were missing of late an
// earlier digit may be among them: then it waits.
type keys struct {
	waiting [16]struct {
		digit     byte
		timestamp uint32
	}
	count  int
	due    int64 // when all that wait are told, ns
	unsure int64 // until then a packet may come that others have overtaken, ns
}

// gap takes note of a packet of any kind that does not simply follow the one before.
func (k *keys) gap(now int64) { k.unsure = now + keyOrderWait }

// add takes a digit with the timestamp of its press.
func (k *keys) add(digit byte, timestamp uint32, now int64) {
	if k.count == len(k.waiting) {
		return // nobody presses 16 keys in the time that they wait
	}
	k.due = max(now, k.unsure)
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
