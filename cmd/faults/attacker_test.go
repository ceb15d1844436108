package faults

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/zaf/g711"

	"conclave/media/tone"
	"conclave/sip/phone"
)

// Who sprays RTP over the whole range of ports, from an address of his own or with that of a phone, with the right SSRC or
// another, is sent nothing and heard by nobody.
func TestAttackerWhoSpraysRTPIsSentNothingAndHeardByNobody(t *testing.T) {
	t.Parallel()
	rounds := 3
	if *full {
		rounds = 30
	}
	for _, tt := range []struct {
		name            string
		spoofed, knows  bool // the phone's address and port as source; its SSRC and sequence numbers
		sameAddressOnly bool // the phone's address, another port
		short           bool // is in the short form, too
	}{
		{"own address, any SSRC", false, false, false, false},
		{"own address, the phone's SSRC", false, true, false, true},
		{"the phone's address and another port, its SSRC", true, true, true, false},
		{"the phone's address and port, any SSRC", true, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !*full && !tt.short {
				t.Skip("part of make faults, not of the short form")
			}
			s := newSite(t, 1)
			s.room("1000", "--no-pin")
			const hz, level, evil = 600, -15.0, 1700
			listener, talker := s.call("1000", phone.Options{From: "listener"}), s.call("1000", phone.Options{From: "talker"})
			talker.Say(phone.Tone(hz, level))
			known := watch(t, s, talker)

			// The attacker has a namespace and a link of his own. What the server sends there, its end of the link counts.
			den := newNamespace(t)
			way := newLink(t, &den, s.ns, 2)
			var sent atomic.Int64
			way.down.set(conditions{Lose: func(d datagram) bool { sent.Add(1); return false }})
			source := netip.AddrPortFrom(way.here, 0)
			if tt.spoofed {
				source = known.source
				if tt.sameAddressOnly {
					source = netip.AddrPortFrom(source.Addr(), source.Port()+1)
				}
				if err := den.do(func() error { return ip(fmt.Sprintf("addr add %s/32 dev lo", source.Addr())) }); err != nil {
					t.Fatal(err)
				}
			}
			// The server takes packets for its other address, and from wherever they come.
			target := way.there
			if tt.spoofed {
				target = s.link.there
				if err := den.do(func() error {
					return ip(fmt.Sprintf("route add %s/32 via %s", target, way.there), fmt.Sprintf("neigh replace %s lladdr %s dev %s", way.there, way.thereMAC, way.name))
				}); err != nil {
					t.Fatal(err)
				}
			}
			var socket *net.UDPConn
			if err := den.do(func() (err error) {
				socket, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(source))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			from := len(listener.Packets())
			packets := spray(socket, target, evil, rounds, tt.knows, known)
			arrived := way.up.count().Came
			pcm := phone.Assemble(listener.Packets()[from:])
			// Loudest in any 100 ms: a few packets would show.
			loudest := math.Inf(-1)
			for at := 0; at+800 <= len(pcm); at += 400 {
				loudest = max(loudest, tone.LevelAt(pcm[at:at+800], 8000, evil))
			}
			heard := shareHeard(pcm, hz, level)
			reached(t, "attacker sprays RTP, "+tt.name, "0 packets to it, 0 samples of it in the mix",
				"%d packets over %s (%d arrived): %d came back, its tone at %.0f dBFS at most; the talker's heard for %.1f %%",
				packets, s.rtp, arrived, sent.Load(), loudest, 100*heard)
			if sent.Load() != 0 || loudest > -45 || arrived < packets*9/10 {
				t.Errorf("%d packets to the attacker; his tone at %.1f dBFS; %d of %d arrived", sent.Load(), loudest, arrived, packets)
			}
			if *full && heard < 0.8 { // the short form has hardly a second
				t.Errorf("the talker is heard for %.1f %% of the time", 100*heard)
			}
		})
	}
}

// known is what somebody who could listen in would know of a phone's stream.
type known struct {
	source netip.AddrPort
	rtp    atomic.Pointer[rtp.Header] // of its latest packet
}

// watch reads along on the link.
func watch(t *testing.T, s *site, call *phone.Call) *known {
	t.Helper()
	k := new(known)
	to := call.Remote().Address.Port()
	found := make(chan netip.AddrPort, 1)
	s.link.up.set(conditions{Lose: func(d datagram) bool {
		if d.to().Port() == to {
			var h rtp.Header
			if _, err := h.Unmarshal(d.payload); err == nil {
				k.rtp.Store(&h)
				select {
				case found <- d.from():
				default:
				}
			}
		}
		return false
	}})
	select {
	case k.source = <-found:
	case <-time.After(5 * time.Second):
		t.Fatal("the talker's audio does not pass the link")
	}
	return k
}

// spray sends a tone to each even port of the range, three packets in sequence each time, so that a source that was taken at its word would
// qualify. It returns how many packets that were.
func spray(socket *net.UDPConn, target netip.Addr, hz float64, rounds int, knows bool, k *known) (sent int) {
	var first, last uint16
	_, _ = fmt.Sscanf(rtpPorts, "%d-%d", &first, &last)
	source := phone.PCMU.Tone(hz, -3)
	for round := range rounds {
		for port := first; port < last; port += 2 {
			for n := range 3 {
				pcm := make([]int16, 160)
				source.Fill(pcm)
				h := rtp.Header{Version: 2, SSRC: 0xbad00000 + uint32(port), SequenceNumber: uint16(3*round + n), Timestamp: uint32(160 * (3*round + n))}
				if latest := k.rtp.Load(); knows && latest != nil {
					h.SSRC, h.SequenceNumber, h.Timestamp = latest.SSRC, latest.SequenceNumber+uint16(n)+1, latest.Timestamp+160*uint32(n+1)
				}
				packet, err := (&rtp.Packet{Header: h, Payload: g711.EncodeUlaw(octets(pcm))}).Marshal()
				if err != nil {
					continue
				}
				if _, err := socket.WriteToUDPAddrPort(packet, netip.AddrPortFrom(target, port)); err == nil {
					sent++
				}
			}
			if port%40 == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
	}
	time.Sleep(200 * time.Millisecond)
	return sent
}

// octets are samples as 16-bit little-endian PCM.
func octets(pcm []int16) []byte {
	b := make([]byte, 0, 2*len(pcm))
	for _, v := range pcm {
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}
