package media

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// secureCall is a call whose far end encrypts by the library.
type secureCall struct {
	*call
	security Security
	remote   Remote
	speaks   *srtp.Context // of the far end
	hears    *srtp.Context
}

func newSecureCall(t *testing.T, s Suite) *secureCall {
	c := &secureCall{security: Security{Suite: s, Local: s.RandomKey(), Remote: s.RandomKey()}}
	c.call = newCall(t, func(r *Remote) {
		r.Mux, r.Security = true, &c.security
		c.remote = *r
	})
	c.speaks, c.hears = pionContext(t, s, c.security.Remote), pionContext(t, s, c.security.Local)
	return c
}

// apply changes the session as a re-INVITE does.
func (c *secureCall) apply() {
	c.remote.Security = &c.security
	c.leg.Apply(c.remote)
}

// sealed is the phone's next packet.
func (c *secureCall) sealed(change func(*rtp.Packet)) []byte {
	c.t.Helper()
	b, err := c.speaks.EncryptRTP(nil, c.audio(change), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// raw is what comes at the phone next, nil where nothing does.
func (c *secureCall) raw() []byte {
	b := make([]byte, 1500)
	_ = c.phone.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	n, err := c.phone.Read(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// heard is the next RTP packet at the phone, decrypted.
func (c *secureCall) heard() *rtp.Packet {
	c.t.Helper()
	for b := c.raw(); b != nil; b = c.raw() {
		if isRTCP(b) {
			continue
		}
		plain, err := c.hears.DecryptRTP(nil, b, nil)
		if err != nil {
			c.t.Fatalf("the leg sent what the far end cannot decrypt: %v", err)
		}
		p := &rtp.Packet{}
		if err := p.Unmarshal(plain); err != nil {
			c.t.Fatal(err)
		}
		return p
	}
	c.t.Fatal("the leg sent nothing")
	return nil
}

// hearsPhone has the phone speak for some ticks, and tells whether the last was heard.
func (c *secureCall) hearsPhone() bool {
	var frame []int16
	for range 5 {
		c.write(c.sealed(nil))
		frame, _ = c.tick(nil)
	}
	return loud(frame)
}

func eachSuite(t *testing.T, test func(t *testing.T, s Suite)) {
	for _, s := range Suites() {
		t.Run(s.String(), func(t *testing.T) { test(t, s) })
	}
}

func TestEncryptedLegSpeaksAndHearsAsAPlainOne(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		c, plain := newSecureCall(t, s), newCall(t, nil)
		if c.leg.Suite() != s || plain.leg.Suite() != Plain {
			t.Errorf("suites are %v and %v", c.leg.Suite(), plain.leg.Suite())
		}
		for n := range 20 {
			c.write(c.sealed(nil))
			plain.write(plain.audio(nil))
			frame, _ := c.tick(nil)
			if want, _ := plain.tick(nil); !slices.Equal(frame, want) {
				t.Fatalf("tick %d: not what a plain leg hears", n)
			}
		}
		said := bytes.Repeat([]byte{0x42, 0x17, 0x99}, 50)
		c.tick(said)
		p := c.heard()
		if !bytes.Equal(p.Payload, said) || p.PayloadType != 0 {
			t.Errorf("the far end decrypts %x of type %d", p.Payload, p.PayloadType)
		}
	})
}

func TestSequenceNumbersRollOverInBothDirections(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		c := newSecureCall(t, s)
		c.seq = 1<<16 - 40
		c.leg.out.seq = 1<<16 - 40
		for n := range 80 {
			c.write(c.sealed(nil))
			frame, _ := c.tick([]byte{byte(n)})
			if n > 3 && !loud(frame) {
				t.Fatalf("packet %d is not heard", n)
			}
			if p := c.heard(); p.Payload[0] != byte(n) {
				t.Fatalf("packet %d is decrypted as %x", n, p.Payload)
			}
		}
	})
}

func TestPacketsThatAreNotAuthenticChangeNothing(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		flip := func(at func(b []byte) int) func(c *secureCall) []byte {
			return func(c *secureCall) []byte {
				b := c.sealed(nil)
				b[at(b)] ^= 1
				return b
			}
		}
		before := map[string]func(c *secureCall) []byte{ // sent before the source is known
			"plain":                      func(c *secureCall) []byte { return c.audio(nil) },
			"sequence number changed":    flip(func([]byte) int { return 3 }),
			"timestamp changed":          flip(func([]byte) int { return 7 }),
			"SSRC changed":               flip(func([]byte) int { return 11 }),
			"payload changed":            flip(func([]byte) int { return 20 }),
			"tag changed":                flip(func(b []byte) int { return len(b) - 1 }),
			"cut short":                  func(c *secureCall) []byte { b := c.sealed(nil); return b[:len(b)-1] },
			"only a header":              func(c *secureCall) []byte { return c.sealed(nil)[:12] },
			"shorter than a header":      func(c *secureCall) []byte { return []byte{0x80, 0, 1} },
			"empty":                      func(c *secureCall) []byte { return nil },
			"an extension beyond itself": func(c *secureCall) []byte { return []byte{0x90, 0, 0, 1, 14: 0xff, 15: 0xff} },
			"another key": func(c *secureCall) []byte {
				b, _ := pionContext(t, s, s.RandomKey()).EncryptRTP(nil, c.audio(nil), nil)
				return b
			},
			"RTCP that is plain": func(c *secureCall) []byte { b, _ := (&rtcp.ReceiverReport{SSRC: 5}).Marshal(); return b },
			"RTCP of another key": func(c *secureCall) []byte {
				b, _ := (&rtcp.ReceiverReport{SSRC: 5}).Marshal()
				b, _ = pionContext(t, s, s.RandomKey()).EncryptRTCP(nil, b, nil)
				return b
			},
			"RTCP that says it is not encrypted": func(c *secureCall) []byte {
				b, _ := (&rtcp.ReceiverReport{SSRC: 5}).Marshal()
				b, err := pionContext(t, s, c.security.Remote, srtp.SRTCPNoEncryption()).EncryptRTCP(nil, b, nil)
				if err != nil {
					t.Fatal(err)
				}
				return b
			},
		}
		for name, forge := range before {
			t.Run(name, func(t *testing.T) {
				c := newSecureCall(t, s)
				heard := c.leg.LastHeard()
				const n = 4 // as many as a source needs to be believed
				for range n {
					c.write(forge(c))
					if frame, _ := c.tick(nil); loud(frame) {
						t.Error("it is heard")
					}
				}
				stats := c.leg.Stats()
				if got := stats.Counters.Forged; got != n {
					t.Errorf("%d counted as forged, want %d", got, n)
				}
				if stats.Received != 0 || stats.Counters.Malformed != 0 || stats.Counters.WrongSource != 0 || c.leg.LastHeard() != heard || c.leg.source.locked.IsValid() {
					t.Errorf("something was learnt: %+v", stats)
				}
				if !c.hearsPhone() {
					t.Error("afterwards the phone is not heard")
				}
				// In the midst of a call.
				received := c.leg.Stats().Received
				c.write(forge(c))
				c.tick(nil)
				if now := c.leg.Stats(); now.Received != received || now.Counters.Forged != n+1 {
					t.Errorf("in a call: %d received and %d forged", now.Received-received, now.Counters.Forged-n)
				}
				if !c.hearsPhone() {
					t.Error("in a call: afterwards the phone is not heard")
				}
			})
		}
	})
}

func TestReplayedPacketsChangeNothing(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		c := newSecureCall(t, s)
		var sent [][]byte
		for range 100 {
			b := c.sealed(nil)
			sent = append(sent, slices.Clone(b))
			c.write(b)
			c.tick(nil)
		}
		report, err := (&rtcp.SenderReport{SSRC: 5}).Marshal()
		if err == nil {
			report, err = c.speaks.EncryptRTCP(nil, report, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.write(report)
		c.tick(nil)
		before := c.leg.Stats()
		heard := c.leg.LastHeard()
		sent = append(sent, report)
		for _, b := range sent {
			c.write(b)
			c.tick(nil)
		}
		after := c.leg.Stats()
		if got := after.Counters.Replayed; got != uint64(len(sent)) {
			t.Errorf("%d counted as replayed, want %d", got, len(sent))
		}
		if after.Received != before.Received || c.leg.LastHeard() != heard {
			t.Errorf("replayed packets count as received: %d, want %d", after.Received, before.Received)
		}
	})
}

func TestPacketsOutOfOrderAreTakenOnce(t *testing.T) {
	c := newSecureCall(t, AESCMSHA180)
	var held [][]byte
	for range 60 {
		held = append(held, c.sealed(nil))
	}
	slices.Reverse(held)
	for _, b := range slices.Concat(held, held) {
		c.leg.source.locked = c.address() // that it is learnt from packets in sequence is not at issue here
		c.write(b)
		c.tick(nil)
	}
	if s := c.leg.Stats(); s.Received != 60 || s.Counters.Replayed != 60 {
		t.Errorf("%d received and %d replayed, want 60 and 60", s.Received, s.Counters.Replayed)
	}
}

func TestReportsOfAnEncryptedLegAreEncrypted(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		c := newSecureCall(t, s)
		for range 20 {
			c.write(c.sealed(nil))
			c.tick(make([]byte, 160))
		}
		for range 900 { // 18 s: two at least
			c.tick(nil)
		}
		reports := 0
		for b := c.raw(); b != nil; b = c.raw() {
			if !isRTCP(b) {
				continue
			}
			if _, err := rtcp.Unmarshal(b); err == nil {
				t.Fatalf("a report can be read without a key")
			}
			plain, err := c.hears.DecryptRTCP(nil, b, nil)
			if err != nil {
				t.Fatal(err)
			}
			packets, err := rtcp.Unmarshal(plain)
			if err != nil {
				t.Fatal(err)
			}
			if sr, ok := packets[0].(*rtcp.SenderReport); reports == 0 && (!ok || len(sr.Reports) != 1 || sr.Reports[0].SSRC != 5) {
				t.Fatalf("got %v, want a sender report on SSRC 5", packets)
			}
			reports++
		}
		if reports < 2 {
			t.Errorf("%d reports in 18 s", reports)
		}
		said, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 5, Reports: []rtcp.ReceptionReport{{SSRC: c.leg.out.ssrc, FractionLost: 64, TotalLost: 12}}}})
		if err == nil {
			said, err = c.speaks.EncryptRTCP(nil, said, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.write(said)
		c.tick(nil)
		if stats := c.leg.Stats(); stats.FarLostTotal != 12 || stats.FarLost != 64 {
			t.Errorf("the far end's report: %+v", stats)
		}
	})
}

func TestSessionThatKeepsItsKeysGoesOn(t *testing.T) {
	c := newSecureCall(t, AESCMSHA180)
	c.hearsPhone()
	c.tick([]byte{1})
	before := c.heard()
	c.remote.Direction = SendOnly // hold, and
	c.apply()
	c.tick([]byte{2})
	c.remote.Direction = SendRecv // resume
	c.apply()
	c.tick([]byte{3})
	c.heard()
	if after := c.heard(); after.SSRC != before.SSRC || after.SequenceNumber != before.SequenceNumber+2 {
		t.Errorf("our stream began anew: SSRC %x, then %x", before.SSRC, after.SSRC)
	}
	replay := c.sealed(nil)
	c.write(slices.Clone(replay))
	c.tick(nil)
	c.apply()
	c.write(replay)
	c.tick(nil)
	if got := c.leg.Stats().Counters.Replayed; got != 1 {
		t.Errorf("what was heard before the change is taken again after it (%d counted)", got)
	}
	if !c.hearsPhone() {
		t.Error("the phone is not heard any more")
	}
}

// The far end learns of new keys when our answer is there. Till then it sends by its old key; and its rollover counter goes on
// with the new one or begins again, as it likes.
func TestKeysChangeWithoutAGap(t *testing.T) {
	for _, to := range Suites() {
		for _, continued := range []bool{true, false} {
			t.Run(fmt.Sprintf("to %s, counter goes on %v", to, continued), func(t *testing.T) {
				c := newSecureCall(t, AESCMSHA180)
				c.seq = 1<<16 - 3
				if !c.hearsPhone() { // over the rollover
					t.Fatal("not heard")
				}
				c.tick([]byte{1})
				ssrc := c.heard().SSRC
				c.security = Security{Suite: to, Local: to.RandomKey(), Remote: to.RandomKey()}
				c.apply()
				if !c.hearsPhone() {
					t.Fatal("what was sent by the old key is not heard")
				}
				c.hears = pionContext(t, to, c.security.Local)
				c.tick([]byte{2})
				if p := c.heard(); p.SSRC == ssrc || p.Payload[0] != 2 || p.SequenceNumber >= 1<<15 {
					t.Errorf("our stream does not begin anew: SSRC %x, then %x, sequence number %d", ssrc, p.SSRC, p.SequenceNumber)
				}
				old := c.sealed(nil)
				c.speaks = pionContext(t, to, c.security.Remote)
				if continued {
					c.speaks.SetROC(5, 1)
				}
				if !c.hearsPhone() {
					t.Fatal("what is sent by the new key is not heard")
				}
				forged := c.leg.Stats().Counters.Forged
				c.write(old)
				c.tick(nil)
				if got := c.leg.Stats().Counters.Forged; got != forged+1 {
					t.Error("the old key is taken still")
				}
			})
		}
	}
}

func TestKeyIdentifierOfTheFarEndIsExpected(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		c := newSecureCall(t, s)
		c.security.RemoteMKI = "\x00\x07"
		c.apply()
		c.tick(nil)
		c.speaks = pionContext(t, s, c.security.Remote, srtp.MasterKeyIndicator([]byte{0, 7}))
		if !c.hearsPhone() {
			t.Error("packets with the identifier are not heard")
		}
		report, _ := (&rtcp.ReceiverReport{SSRC: 5}).Marshal()
		report, err := c.speaks.EncryptRTCP(nil, report, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.write(report)
		c.tick(nil)
		if got := c.leg.Stats().Counters.Forged; got != 0 {
			t.Errorf("%d packets counted as forged", got)
		}
		c.speaks = pionContext(t, s, c.security.Remote, srtp.MasterKeyIndicator([]byte{0, 8}))
		received := c.leg.Stats().Received
		c.hearsPhone()
		if c.leg.Stats().Received != received {
			t.Error("packets with another identifier are taken")
		}
	})
}

func TestKeysAreOverwrittenAtTheEnd(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		c := newSecureCall(t, s)
		c.tick(make([]byte, 160))
		g := c.leg.settled.guard
		x := g.out.rtp
		if err := c.leg.Close(); err != nil {
			t.Fatal(err)
		}
		if !reflect.ValueOf(*g.out).FieldByName("master").IsZero() || g.in.master != (MasterKey{}) ||
			g.out.rtp.salt != ([16]byte{}) || g.in.rtcp.inner != ([hashState]byte{}) {
			t.Error("keys are there still")
		}
		cipher := any(x.aead)
		if x.aead == nil {
			cipher = x.block
		}
		if !reflect.ValueOf(cipher).Elem().IsZero() {
			t.Error("the round keys are there still")
		}
	})
}

func TestKeysAreNeverPrinted(t *testing.T) {
	key := NewMasterKey([]byte("not to be seen by anybody at all"))
	s := &Security{Suite: AEADAES256GCM, Local: key, Remote: key}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{string(text), fmt.Sprint(key), fmt.Sprintf("%+v", *s), fmt.Sprintf("%#v", *s), fmt.Sprintf("%s %q %x %d", key, key, key, key)} {
		if strings.Contains(printed, "seen") || strings.Contains(printed, "6e6f74") || strings.Contains(printed, "110 111 116") {
			t.Errorf("a key is printed: %s", printed)
		}
	}
}

func TestEncryptionAllocatesNothing(t *testing.T) {
	eachSuite(t, func(t *testing.T, s Suite) {
		key := s.RandomKey()
		g, w := newGuard(&Security{Suite: s, Local: key, Remote: key}, guard{}), newWorkspace()
		packet, forgery, report := make([]byte, 172), make([]byte, 200), make([]byte, 60)
		packet[0], forgery[0], report[0] = 0x80, 0x80, 0x80
		seq := byte(0)
		n := testing.AllocsPerRun(100, func() {
			seq++
			packet[3], forgery[11] = seq, seq // a stream that is not known
			if _, v := g.in.packet(w, g.out.packet(w, packet, 0)); v != genuine {
				t.Fatal(v)
			}
			if _, v := g.in.packet(w, forgery); v != forged {
				t.Fatal(v)
			}
			if _, v := g.in.report(w, g.out.report(w, report)); v != genuine {
				t.Fatal(v)
			}
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func FuzzEncryptedPackets(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 11: 5, 30: 9}, uint8(0))
	f.Add([]byte{0x9f, 0, 0, 1, 11: 5, 90: 9}, uint8(1))
	f.Add([]byte{0x81, 200, 0, 1, 11: 5, 60: 0x80}, uint8(2))
	f.Add([]byte{0x90, 0, 0, 1, 14: 0xff, 15: 0xff}, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		s := Suites()[int(kind)%4]
		security := Security{Suite: s, Local: s.RandomKey(), Remote: s.RandomKey()}
		if kind&4 != 0 {
			security.RemoteMKI = "abc"
		}
		old := newGuard(&security, guard{})
		security.Remote = s.RandomKey()
		g, w := newGuard(&security, old), newWorkspace()
		if kind&8 != 0 {
			g.succeed(old)
		}
		if len(b) > packetSize {
			b = b[:packetSize]
		}
		for _, read := range []func(*workspace, []byte) ([]byte, verdict){g.in.packet, g.in.report} {
			if _, v := read(w, slices.Clone(b)); v == genuine {
				t.Fatalf("%x is taken without a key", b)
			}
		}
	})
}
