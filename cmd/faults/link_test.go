package faults

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// conditions are those of one direction of a link. What is random follows from the seed of the link, so that a run can be repeated.
type conditions struct {
	Loss      float64       // probability of a frame being lost, 0 to 1
	Duplicate float64       // probability of a frame arriving twice
	Reorder   float64       // probability of a frame being held for HoldFor, so that those after it overtake it
	Delay     time.Duration // of each frame
	Jitter    time.Duration // by which each frame is late in addition, at most, evenly distributed; frames may overtake each other
	// Lose, if not nil, loses the packets for which it is true. It is called by one goroutine.
	Lose func(datagram) bool
	// Rewrite, if not nil, may change a packet that is not lost, in place.
	Rewrite func(datagram)
}

// holdFor is longer than the time between two packets of audio.
const holdFor = 30 * time.Millisecond

// datagram is a UDP packet over IPv4 in a frame. The slices are parts of it.
type datagram struct {
	ip, udp, payload []byte
}

func (d datagram) from() netip.AddrPort { return d.address(12, 0) }
func (d datagram) to() netip.AddrPort   { return d.address(16, 2) }

func (d datagram) address(ip, port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(d.ip[ip:ip+4])), binary.BigEndian.Uint16(d.udp[port:]))
}

// setPort changes the source (0) or destination (2) port; a checksum of 0 is none (RFC 768).
func (d datagram) setPort(at int, port uint16) {
	binary.BigEndian.PutUint16(d.udp[at:], port)
	binary.BigEndian.PutUint16(d.udp[6:], 0)
}

// datagramIn finds the UDP packet in an Ethernet frame.
func datagramIn(frame []byte) (d datagram, ok bool) {
	const ethernet, ipv4, protocolUDP = 14, 0x0800, 17
	if len(frame) < ethernet+28 || binary.BigEndian.Uint16(frame[12:]) != ipv4 {
		return d, false
	}
	d.ip = frame[ethernet:]
	header := int(d.ip[0]&15) * 4
	if d.ip[9] != protocolUDP || len(d.ip) < header+8 {
		return d, false
	}
	d.udp = d.ip[header:]
	d.payload = d.udp[8:]
	return d, true
}

// link is a cable between this namespace and another: a TAP device at each end, and two goroutines that copy frames from one to the other as
// well as the conditions let them.
type link struct {
	name        string // of both devices
	here, there netip.Addr
	thereMAC    string
	up, down    *direction // to there, and back
}

var links struct {
	mu   sync.Mutex
	made byte
}

// newLink connects the namespace of the tests, or another, with ns. The neighbours know each other: no ARP is lost.
func newLink(t *testing.T, near *namespace, ns namespace, seed uint64) *link {
	t.Helper()
	links.mu.Lock()
	links.made++
	n := links.made
	links.mu.Unlock()
	name := fmt.Sprintf("link%d", n)
	mac := func(end int) string { return fmt.Sprintf("02:00:00:00:%02x:%02x", n, end) }
	l := &link{name: name, thereMAC: mac(2), here: netip.AddrFrom4([4]byte{10, 77, n, 1}), there: netip.AddrFrom4([4]byte{10, 77, n, 2})}
	end := func(own, other int, address, peer netip.Addr) (tap *os.File, err error) {
		return tap, func() error {
			if tap, err = openTAP(name); err != nil {
				return err
			}
			return ip(fmt.Sprintf("link set %s address %s", name, mac(own)), fmt.Sprintf("link set %s txqueuelen 10000", name),
				fmt.Sprintf("addr add %s/24 dev %s", address, name), fmt.Sprintf("link set %s up", name),
				fmt.Sprintf("neigh replace %s lladdr %s dev %s", peer, mac(other), name))
		}()
	}
	var a, b *os.File
	first := func() (err error) { a, err = end(1, 2, l.here, l.there); return err }
	err := ns.do(func() (err error) { b, err = end(2, 1, l.there, l.here); return err })
	if err == nil && near != nil {
		err = near.do(first)
	} else if err == nil {
		err = first()
	}
	if err != nil {
		t.Skipf("no TAP devices here: %v", err)
	}
	l.up, l.down = newDirection(a, b, seed, 1), newDirection(b, a, seed, 2)
	t.Cleanup(func() {
		a.Close()
		b.Close()
		l.up.close()
		l.down.close()
	})
	return l
}

// openTAP makes a TAP device in the namespace of the calling thread. It is gone when the file is closed.
func openTAP(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make TAP device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// direction copies frames one way.
type direction struct {
	from, to *os.File
	random   *rand.Rand
	work     sync.WaitGroup
	pending  chan struct{} // has room for one: there is an earlier frame to deliver, or none to come

	mu     sync.Mutex
	now    conditions
	held   held // by time of delivery
	order  int
	closed bool
	counts linkCounts
}

// linkCounts are of the UDP packets that came.
type linkCounts struct {
	Came, Lost, Doubled int
}

func newDirection(from, to *os.File, seed, stream uint64) *direction {
	d := &direction{from: from, to: to, random: rand.New(rand.NewPCG(seed, stream)), pending: make(chan struct{}, 1)}
	d.work.Go(d.read)
	d.work.Go(d.deliver)
	return d
}

// set changes the conditions from the next frame on.
func (d *direction) set(c conditions) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = c
}

func (d *direction) count() linkCounts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// close waits for both goroutines; the files have been closed.
func (d *direction) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.tell()
	d.work.Wait()
}

func (d *direction) read() {
	buffer := make([]byte, 2048)
	for {
		n, err := d.from.Read(buffer)
		if err != nil {
			return
		}
		d.take(buffer[:n], time.Now())
	}
}

// take decides what becomes of a frame. What is not UDP passes.
func (d *direction) take(frame []byte, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.now
	packet, ok := datagramIn(frame)
	if !ok {
		_, _ = d.to.Write(frame)
		return
	}
	d.counts.Came++
	if c.Loss > 0 && d.random.Float64() < c.Loss || c.Lose != nil && c.Lose(packet) {
		d.counts.Lost++
		return
	}
	if c.Rewrite != nil {
		c.Rewrite(packet)
	}
	copies := 1
	if c.Duplicate > 0 && d.random.Float64() < c.Duplicate {
		copies = 2
		d.counts.Doubled++
	}
	for range copies {
		late := c.Delay
		if c.Jitter > 0 {
			late += time.Duration(d.random.Int64N(int64(c.Jitter)))
		}
		if c.Reorder > 0 && d.random.Float64() < c.Reorder {
			late += holdFor
		}
		if late == 0 {
			_, _ = d.to.Write(frame) // a device whose queue is full loses it, as networks do
			continue
		}
		d.order++
		heap.Push(&d.held, heldFrame{append([]byte(nil), frame...), now.Add(late), d.order})
		d.tell()
	}
}

func (d *direction) tell() {
	select {
	case d.pending <- struct{}{}:
	default:
	}
}

// deliver hands over what was held.
func (d *direction) deliver() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		d.mu.Lock()
		wait := time.Hour
		for len(d.held) > 0 {
			if wait = time.Until(d.held[0].due); wait > 0 {
				break
			}
			_, _ = d.to.Write(heap.Pop(&d.held).(heldFrame).octets)
			wait = time.Hour
		}
		closed := d.closed
		d.mu.Unlock()
		if closed {
			return
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-d.pending:
		}
	}
}

// heldFrame is a frame on its way.
type heldFrame struct {
	octets []byte
	due    time.Time
	order  int // of arrival: what is due at one time comes in the order in which it was sent
}

// held is a heap of frames.
type held []heldFrame

func (h held) Len() int { return len(h) }
func (h held) Less(i, j int) bool {
	return h[i].due.Before(h[j].due) || h[i].due.Equal(h[j].due) && h[i].order < h[j].order
}
func (h held) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *held) Push(x any)   { *h = append(*h, x.(heldFrame)) }
func (h *held) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
