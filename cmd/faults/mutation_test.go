package faults

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"conclave/sip/phone"
)

// Messages that were cut off or of which one octet was changed, sent to a live server: SIP with session descriptions over UDP, RTP, telephone
// events and RTCP to the ports of a call, from the address of its phone. Nothing comes of it: no crash, no goroutine, call or socket
// is left, and the conference beside it goes on.
func TestTruncatedAndChangedMessagesLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	sandboxed(t)
	// Calls that are answered and never acknowledged last for 64*T1, and so does the BYE that follows: in the short form none are taken.
	each, most := 2000, giveUp
	if *full {
		each, most = 500000, 2*giveUp+10*time.Second
	}
	s := startServer(t, nil, "127.0.0.1", t.TempDir(), "--sip-rate", "0", "--max-load", "100", "--log-level", "error")
	s.room("1000", "--pin", "4711")
	s.room("1001", "--no-pin")
	const hz, level = 600, -15.0
	listener, talker := s.dial("127.0.0.1", "1001", phone.Options{From: "listener"}), s.dial("127.0.0.1", "1001", phone.Options{From: "talker"})
	talker.Say(phone.Tone(hz, level))
	s.wait("members", 10*time.Second, func() bool { return s.status().Members == 2 })
	time.Sleep(time.Second)
	before := s.status()
	// The third member's media is ours: what is sent to its ports comes from where the server expects it.
	media, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	victim := s.dial("127.0.0.1", "1001", phone.Options{From: "victim", Media: media.LocalAddr().(*net.UDPAddr).AddrPort()})

	if !*full {
		if err := s.ask("POST", "/v1/drain", nil); err != nil {
			t.Fatal(err)
		}
	}
	var work sync.WaitGroup
	var sentSIP, sentMedia int
	work.Go(func() { sentSIP = s.bombardSIP(each) })
	work.Go(func() { sentMedia = bombardMedia(media, victim.Remote().Address, each) })
	work.Wait()
	_ = victim.Hangup()
	if err := s.ask("DELETE", "/v1/drain", nil); err != nil {
		t.Fatal(err)
	}
	took, ok := within(most, func() bool {
		now := s.status()
		return now.Calls == before.Calls && now.Goroutines <= before.Goroutines+5 && now.Descriptors <= before.Descriptors+5
	})
	after := s.status()
	_ = s.dial("127.0.0.1", "1001", phone.Options{From: "after"}).Hangup()
	_, heard := within(10*time.Second, func() bool { return hears(listener, hz, level) })
	reached(t, "truncations and single-octet flips", "no crash; no goroutine, call or socket left",
		"%d SIP messages and %d of RTP and RTCP: %d faults; %.0f s later %d calls of %d, %d goroutines of %d, %d descriptors of %d",
		sentSIP, sentMedia, after.Faults, took.Seconds(), after.Calls, before.Calls, after.Goroutines, before.Goroutines, after.Descriptors, before.Descriptors)
	if !ok || after.Faults > 0 || !heard {
		t.Errorf("before %+v, after %+v; the talker is heard: %t", before, after, heard)
	}
	if sentSIP < each*9/10 || sentMedia < each*9/10 {
		t.Errorf("%d and %d of %d were sent", sentSIP, sentMedia, each)
	}
}

// mutant is a message that was cut off, or of which one octet was changed.
func mutant(random *rand.Rand, message []byte) []byte {
	m := append([]byte(nil), message...)
	at := random.IntN(len(m))
	if random.IntN(2) == 0 {
		return m[:at]
	}
	const delimiters = "\x00\r\n \"<>,;:%9@=[]"
	switch random.IntN(3) {
	case 0:
		m[at] ^= 1 << random.IntN(8)
	case 1:
		m[at] = delimiters[random.IntN(len(delimiters))]
	default:
		m[at] = byte(random.Uint32())
	}
	return m
}

// bombardSIP sends changed messages from as many addresses as sockets. What is answered nobody reads.
func (s *server) bombardSIP(each int) (sent int) {
	to, err := net.ResolveUDPAddr("udp4", s.sip)
	if err != nil {
		return 0
	}
	seeds := sipMessages(s.sip)
	const sockets = 50
	var mu sync.Mutex
	var work sync.WaitGroup
	for n := range sockets {
		work.Go(func() {
			socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 1, byte(n+1))})
			if err != nil {
				return
			}
			defer socket.Close()
			random := rand.New(rand.NewPCG(7, uint64(n)))
			done := 0
			for i := range each / sockets {
				seed := seeds[random.IntN(len(seeds))]
				// Each is another call, or all but the first were retransmissions.
				unique := fmt.Sprintf("%d-%d", n, i)
				message := []byte(strings.NewReplacer("UNIQUE", unique, "HERE", socket.LocalAddr().String()).Replace(seed))
				if _, err := socket.WriteToUDP(mutant(random, message), to); err == nil {
					done++
				}
				if i%10 == 9 {
					time.Sleep(5 * time.Millisecond)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			sent += done
		})
	}
	work.Wait()
	return sent
}

// sipMessages are valid ones, of each method, and the torture messages.
func sipMessages(server string) (all []string) {
	const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 9 101\r\n" +
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
	request := func(method, user, more, body string) {
		all = append(all, fmt.Sprintf("%[1]s sip:%[2]s@%[3]s SIP/2.0\r\nVia: SIP/2.0/UDP HERE;branch=z9hG4bKUNIQUE;rport\r\nMax-Forwards: 70\r\n"+
			"From: \"A\" <sip:a@HERE>;tag=fUNIQUE\r\nTo: <sip:%[2]s@%[3]s>\r\nCall-ID: UNIQUE@HERE\r\nCSeq: 1 %[1]s\r\nContact: <sip:a@HERE>\r\n%[4]s"+
			"Content-Length: %[5]d\r\n\r\n%[6]s", method, user, server, more, len(body), body))
	}
	for range 3 {
		request("INVITE", "1000", "Content-Type: application/sdp\r\n", sdp)
		request("INVITE", "9999", "Content-Type: application/sdp\r\nAccept-Language: de, en;q=0.5\r\nSupported: timer, 100rel\r\nSession-Expires: 1800;refresher=uac\r\n", sdp)
	}
	request("OPTIONS", "1000", "Accept: application/sdp\r\n", "")
	request("REGISTER", "200", "Expires: 3600\r\nAuthorization: Digest username=\"200\", realm=\"conclave\", nonce=\"00\", uri=\"sip:1000\", response=\"00\", qop=auth, nc=00000001, cnonce=\"x\"\r\n", "")
	request("BYE", "1000", "Reason: SIP;cause=200;text=\"x\"\r\n", "")
	request("CANCEL", "1000", "", "")
	request("UPDATE", "1000", "Content-Type: application/sdp\r\n", sdp)
	request("INFO", "1000", "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n")
	request("REFER", "1000", "Refer-To: <sip:1001@127.0.0.1?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n", "")
	request("SUBSCRIBE", "1000", "Event: conference\r\nExpires: 60\r\n", "")
	for _, corpus := range []string{"rfc4475", "rfc5118"} {
		files, _ := filepath.Glob(filepath.Join("../../testdata", corpus, "*.dat"))
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && len(data) > 0 {
				all = append(all, string(data))
			}
		}
	}
	return all
}

// bombardMedia sends changed packets to the RTP and the RTCP port of a call.
func bombardMedia(socket *net.UDPConn, to netip.AddrPort, each int) (sent int) {
	random := rand.New(rand.NewPCG(8, 8))
	control := netip.AddrPortFrom(to.Addr(), to.Port()+1)
	const ssrc = 0x51ee7
	for n := range each {
		h := rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: uint16(n), Timestamp: uint32(160 * n)}
		var message []byte
		var err error
		target := to
		switch n % 4 {
		case 0, 1:
			message, err = (&rtp.Packet{Header: h, Payload: make([]byte, 160)}).Marshal()
		case 2: // a key, RFC 4733 2.3
			h.PayloadType = 101
			payload := []byte{byte(n % 16), 10, 0, 0}
			binary.BigEndian.PutUint16(payload[2:], uint16(160*(n%5)))
			message, err = (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		default:
			target = control
			message, err = rtcp.Marshal([]rtcp.Packet{
				&rtcp.SenderReport{SSRC: ssrc, RTPTime: h.Timestamp, Reports: []rtcp.ReceptionReport{{SSRC: 1, TotalLost: 3}}},
				&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "a@b"}}}}},
				&rtcp.Goodbye{Sources: []uint32{ssrc}},
			})
		}
		if err != nil {
			continue
		}
		if _, err := socket.WriteToUDPAddrPort(mutant(random, message), target); err == nil {
			sent++
		}
		if n%20 == 19 {
			time.Sleep(2 * time.Millisecond)
		}
	}
	return sent
}
