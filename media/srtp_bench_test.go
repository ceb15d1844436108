package media

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// pionProfiles are the same suites in the library that is the check on ours.
var pionProfiles = map[Suite]srtp.ProtectionProfile{
	AEADAES128GCM: srtp.ProtectionProfileAeadAes128Gcm, AEADAES256GCM: srtp.ProtectionProfileAeadAes256Gcm,
	AESCMSHA180: srtp.ProtectionProfileAes128CmHmacSha1_80, AESCMSHA132: srtp.ProtectionProfileAes128CmHmacSha1_32,
}

// pionContext is one direction of the library.
func pionContext(t testing.TB, s Suite, k MasterKey, options ...srtp.ContextOption) *srtp.Context {
	t.Helper()
	b := k.Bytes()
	c, err := srtp.CreateContext(b[:suites[s].key], b[suites[s].key:], pionProfiles[s], options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A packet of each of many legs in turn, so that keys come from afar as in a tick, is sealed and opened: by ours and by
// the library.
func BenchmarkSRTP(b *testing.B) {
	const legs = 1000
	for _, s := range Suites() {
		key := s.RandomKey()
		plain, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7}, Payload: make([]byte, 160)}).Marshal()
		if err != nil {
			b.Fatal(err)
		}
		number := func(i int) { plain[2], plain[3] = byte(i/legs>>8), byte(i/legs) }
		b.Run(s.String()+"/ours", func(b *testing.B) {
			guards, w := make([]guard, legs), newWorkspace()
			for i := range guards {
				guards[i] = newGuard(&Security{Suite: s, Local: key, Remote: key}, guard{})
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				number(i)
				g := guards[i%legs]
				if _, v := g.in.packet(w, g.out.packet(w, plain, uint32(i/legs>>16))); v != genuine {
					b.Fatal(v)
				}
			}
		})
		b.Run(s.String()+"/pion", func(b *testing.B) {
			out, in := make([]*srtp.Context, legs), make([]*srtp.Context, legs)
			for i := range out {
				out[i], in[i] = pionContext(b, s, key), pionContext(b, s, key, srtp.SRTPReplayProtection(64))
			}
			var header rtp.Header
			buffer := make([]byte, 0, 2048)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				number(i)
				sealed, err := out[i%legs].EncryptRTP(buffer, plain, &header)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := in[i%legs].DecryptRTP(sealed, sealed, &header); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.String()+"/pion forged", func(b *testing.B) {
			in := pionContext(b, s, key, srtp.SRTPReplayProtection(64))
			bad := append(append([]byte(nil), plain...), make([]byte, 16)...)
			var header rtp.Header
			buffer := make([]byte, 0, 2048)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := in.DecryptRTP(buffer, bad, &header); err == nil {
					b.Fatal("a forged packet was taken")
				}
			}
		})
	}
}
