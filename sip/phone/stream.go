package phone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// stream is the RTP of one call: a goroutine that receives, and from the
// answer on one that sends.
type stream struct {
	phone  *Phone
	local  netip.Addr
	closed chan struct{}

	mu      sync.Mutex
	over    bool
	socket  *net.UDPConn
	decoder map[uint8]incoming // by payload type that we announced
	packets []Packet           // received, append only
	secrets secrets
	foreign int // packets that could not be decrypted

	// What is sent, and where.
	to        netip.AddrPort
	sending   bool
	codec     Codec
	encoder   coder
	payload   uint8
	eventType int
	ptime     time.Duration
	source    Source
	keys      []*keystroke
	network   *network
	ssrc      uint32
	sequence  uint16
	timestamp uint32
	sent      uint64
	stalls    []time.Time // when a packet was sent late
}

// stall is how late a packet has to be sent to be worth telling.
const stall = 2 * time.Millisecond

func newStream(p *Phone, local netip.Addr, o Options) (*stream, error) {
	s := &stream{
		phone: p, local: local, closed: make(chan struct{}),
		decoder:   make(map[uint8]incoming),
		eventType: NoEvents,
		ptime:     time.Duration(o.PTime) * time.Millisecond,
		source:    Silence(),
		network:   newNetwork(o.Impairment),
		ssrc:      rand.Uint32(), sequence: uint16(rand.Uint32()), timestamp: rand.Uint32(),
	}
	s.announce(o)
	return s, s.move()
}

// incoming is how a payload type is decoded.
type incoming struct {
	codec Codec
	coder coder
}

// announce decodes what is described from now on. What was so before goes on where it is.
func (s *stream) announce(o Options) {
	for _, c := range o.Codecs {
		if have, ok := s.decoder[o.payloadType(c)]; !ok || have.codec != c {
			s.decoder[o.payloadType(c)] = incoming{c, c.coder()}
		}
	}
}

// move opens a socket, receives from it and leaves the one before.
func (s *stream) move() error {
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.local, 0)))
	if err != nil {
		return fmt.Errorf("open RTP socket: %w", err)
	}
	if err := s.phone.start(func() { s.receive(socket) }); err != nil {
		socket.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		socket.Close()
		return nil
	}
	if s.socket != nil {
		s.socket.Close()
	}
	s.socket = socket
	return nil
}

func (s *stream) address() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

// configure takes what offer and answer settled.
func (s *stream) configure(local description, remote Description) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = remote.Address
	s.sending = local.sends() && !local.zero && remote.Address.IsValid() && !remote.Address.Addr().IsUnspecified() &&
		(remote.Direction == "sendrecv" || remote.Direction == "recvonly")
	if c, pt, ok := remote.codec(); ok {
		if s.encoder == nil || c != s.codec {
			s.encoder = c.coder()
		}
		s.codec, s.payload = c, pt
	}
	s.announce(local.options)
	s.secrets.agree(local.crypto, remote.Crypto)
	s.eventType = remote.EventType
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over = true
		close(s.closed)
		s.socket.Close()
	}
}

func (s *stream) receive(socket *net.UDPConn) {
	buffer := make([]byte, 2048)
	for {
		n, _, err := socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		// RTCP shares the socket if rtcp-mux was agreed on (RFC 5761 4).
		if err != nil || n < 2 || buffer[1] >= 192 && buffer[1] <= 223 {
			continue
		}
		s.mu.Lock()
		in, ok := s.secrets.open(buffer[:n])
		if !ok {
			s.foreign++
			s.mu.Unlock()
			continue
		}
		p := Packet{
			Arrived: now, Sequence: in.SequenceNumber, Timestamp: in.Timestamp,
			SSRC: in.SSRC, PayloadType: in.PayloadType, Marker: in.Marker,
		}
		if d, ok := s.decoder[in.PayloadType]; ok {
			p.PCM, p.Rate, p.clock = d.coder.decode(in.Payload), d.codec.Rate(), d.codec.clock()
		}
		s.packets = append(s.packets, p)
		s.mu.Unlock()
	}
}

// speak sends a packet each ptime until the stream is closed.
func (s *stream) speak() {
	// If the phone was closed meanwhile there is nothing to say.
	_ = s.phone.start(func() {
		next := time.Now()
		for {
			s.mu.Lock()
			if s.over { // the source may be another call's by now
				s.mu.Unlock()
				return
			}
			if now := time.Now(); now.Sub(next) > stall {
				s.stalls = append(s.stalls, now)
			}
			s.tick(next)
			next = next.Add(s.network.interval(s.ptime))
			s.mu.Unlock()
			if !s.wait(next) {
				return
			}
		}
	})
}

// wait lets the network deliver until it is time for the next packet.
func (s *stream) wait(next time.Time) bool {
	for {
		s.mu.Lock()
		now := time.Now()
		for _, packet := range s.network.arrivals(now) {
			// An ICMP error for an earlier packet is no reason to stop.
			s.socket.WriteToUDPAddrPort(packet.bytes, packet.to)
		}
		until := next
		if due, ok := s.network.next(); ok && due.Before(next) {
			until = due
		}
		s.mu.Unlock()
		if !now.Before(next) {
			return true
		}
		select {
		case <-s.closed:
			return false
		case <-time.After(time.Until(until)):
		}
	}
}

// tick makes the packet that begins at now: a key's event if one is pressed,
// else audio.
func (s *stream) tick(now time.Time) {
	samples := uint32(s.ptime * time.Duration(s.codec.clock()) / time.Second)
	defer func() { s.timestamp += samples }()
	if !s.sending {
		return
	}
	if len(s.keys) > 0 {
		key := s.keys[0]
		event, on := key.next(s.timestamp, samples)
		if key.over() {
			close(key.released)
			s.keys = s.keys[1:]
		}
		if on {
			s.emit(now, event.marker, uint8(s.eventType), event.timestamp, event.payload[:], event.lost)
			return
		}
	}
	pcm := make([]int16, int(samples)*s.codec.Rate()/s.codec.clock())
	s.source.Fill(pcm)
	s.emit(now, false, s.payload, s.timestamp, s.encoder.encode(pcm), false)
}

// emit hands a packet to the network. A lost one has used its sequence number.
func (s *stream) emit(now time.Time, marker bool, payloadType uint8, timestamp uint32, payload []byte, lost bool) {
	// RFC 3550 5.1: version 2, no padding, extension or CSRC.
	b := make([]byte, 12, 12+len(payload))
	b[0] = 2 << 6
	b[1] = payloadType
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], s.sequence)
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	s.sequence++
	s.sent++
	if !lost {
		s.network.send(now, inTransit{bytes: s.secrets.seal(append(b, payload...)), to: s.to})
	}
}

// Say makes the phone say source from the next packet on, instead of what it
// said before. It says silence at first.
func (c *Call) Say(source Source) {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	c.stream.source = source
}

// Impair changes what the network does to the packets sent from now on.
func (c *Call) Impair(i Impairment) {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	pending := c.stream.network.transit
	c.stream.network = newNetwork(i)
	c.stream.network.transit = pending
}
