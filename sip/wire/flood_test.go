package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// TestFloodIsHeldToItsRate sends for 10 s of virtual time and counts what is let through.
func TestFloodIsHeldToItsRate(t *testing.T) {
	const rate = 100
	for _, tt := range []struct {
		name      string
		sources   []string // by turns
		kinds     []kind   // by turns
		perSecond int      // in all
		favoured  bool
		want      int
	}{
		{"below the rate all pass", []string{"192.0.2.1:5060"}, []kind{kindInvite}, 90, false, 900},
		{"above it the burst and the rate pass", []string{"192.0.2.1:5060"}, []kind{kindInvite}, 5000, false, 5*rate + 10*rate},
		{"other ports are the same source", []string{"192.0.2.1:5060", "192.0.2.1:5061"}, []kind{kindInvite}, 5000, false, 15 * rate},
		{"an IPv6 /64 is one source", []string{"[2001:db8::1]:5060", "[2001:db8::2]:5060"}, []kind{kindInvite}, 5000, false, 15 * rate},
		{"two addresses are two", []string{"192.0.2.1:5060", "192.0.2.2:5060"}, []kind{kindInvite}, 5000, false, 30 * rate},
		{"each method has its own", []string{"192.0.2.1:5060"}, []kind{kindInvite, kindBye}, 6000, false, 30 * rate},
		{"all methods together have twice as much", []string{"192.0.2.1:5060"}, []kind{kindInvite, kindBye, kindOther, kindAck}, 6000, false, 30 * rate},
		{"the far end of a live call may send ten times as much", []string{"192.0.2.1:5060"}, []kind{kindBye}, 5000, true, 150 * rate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newFloodgate(rate)
				passed := 0
				for i := range 10 * tt.perSecond {
					from := netip.MustParseAddrPort(tt.sources[i%len(tt.sources)])
					if i == 0 && tt.favoured {
						g.favour(from, 1)
					}
					if g.admits(from, tt.kinds[i%len(tt.kinds)]) {
						passed++
					}
					time.Sleep(time.Second / time.Duration(tt.perSecond))
				}
				if off := passed - tt.want; off < -5 || off > 5 {
					t.Errorf("%d passed, want %d", passed, tt.want)
				}
			})
		})
	}
}

// A million forged sources, as fast as they can come, take no more memory than the table has, keep nobody out who has a call,
// and leave nothing behind.
func TestForgedSourcesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFloodgate(100)
		member := netip.MustParseAddrPort("203.0.113.7:5060")
		g.favour(member, 1)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		passed := 0
		for i := range uint32(1_000_000) {
			var address [4]byte
			binary.BigEndian.PutUint32(address[:], 0x0a000000+i)
			if g.admits(netip.AddrPortFrom(netip.AddrFrom4(address), 5060), kindInvite) {
				passed++
			}
			if i%10_000 == 0 && !g.admits(member, kindBye) {
				t.Fatal("the BYE of a live call was dropped")
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int(after.HeapAlloc) - int(before.HeapAlloc); grown > 16<<20 || len(g.buckets) > maxBuckets {
			t.Errorf("%d buckets, the heap has grown by %d octets", len(g.buckets), grown)
		}
		if most := burstSeconds * strangerTimes * 100; passed > most {
			t.Errorf("%d of a million strangers passed at once, %d are the most", passed, most)
		}
		time.Sleep(time.Minute)
		g.admits(netip.MustParseAddrPort("192.0.2.1:5060"), kindInvite)
		if len(g.buckets) > 2 {
			t.Errorf("%d buckets are left after a minute", len(g.buckets))
		}
		g.favour(member, -1)
		if len(g.favoured) != 0 {
			t.Error("the call is over, and its far end favoured still")
		}
	})
}

// Over TCP nothing is dropped: a connection that sends too much is read more slowly.
func TestFloodOverTCPWaits(t *testing.T) {
	w := New(Config{Log: quiet, Sink: answering{}, Methods: []string{"OPTIONS"}, Rate: 10})
	t.Cleanup(w.Close)
	l, err := w.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	const sent = 10*burstSeconds + 5
	var all strings.Builder
	for i := range sent {
		all.WriteString(strings.ReplaceAll(options, "branch=z9hG4bK1", fmt.Sprintf("branch=z9hG4bK1-%d", i)))
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(all.String())); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	lines := bufio.NewScanner(conn)
	for answers := 0; answers < sent; {
		if !lines.Scan() {
			t.Fatalf("%d of %d answers came: %v", answers, sent, lines.Err())
		}
		if lines.Text() == "SIP/2.0 200 OK" {
			answers++
		}
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("what was over the rate took %v; it waits for 0.5 s", took)
	}
}

func FuzzKindOf(f *testing.F) {
	for _, seed := range []string{"INVITE sip:a SIP/2.0", "SIP/2.0 200 OK", "\r\n\r\nBYE x", "", " ", "invite x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := scanDatagram(data)
		if k := kindOf(data); m.flaw == nil && k != m.kind() {
			t.Errorf("%q is kind %d before parsing, %d after", data, k, m.kind())
		}
	})
}

// challenging is a Sink that refuses all with a challenge by both algorithms, as a server with phones does, or with another
// status.
type challenging struct{ status int }

func (c challenging) Request(_ *sipgo.Request, tx *ServerTx) {
	if tx == nil {
		return
	}
	if c.status != 401 {
		_ = tx.Reply(c.status, "")
		return
	}
	defer tx.Dismiss()
	nonce := strings.Repeat("n", 32)
	_ = tx.Reply(401, "", sipgo.NewHeader("WWW-Authenticate", `Digest realm="conclave", nonce="`+nonce+`", algorithm=SHA-256, qop="auth"`),
		sipgo.NewHeader("WWW-Authenticate", `Digest realm="conclave", nonce="`+nonce+`", algorithm=MD5, qop="auth"`))
}

func (challenging) Cancel(*ServerTx, *sipgo.Request) {}
