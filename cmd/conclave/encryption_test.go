package main

import (
	"strings"
	"testing"
	"time"

	"conclave/media/tone"
)

// A real phone whose signalling goes over TLS and whose audio has to be encrypted, and a plain one, in a room with a PIN.
func TestRealPhoneWithEncryptionMandatoryTalksToAPlainOne(t *testing.T) {
	t.Parallel()
	need(t, "baresip", "baresip-core")
	s, secure := startTLSServer(t, "--guests", "all")
	s.run("room", "add", "1000", "--name", "Both", "--pin", "1234", "-o", "agc=no")
	s.run("room", "add", "1001", "--name", "Encrypted", "--pin", "1234", "-o", "encryption=required")
	const level = -20
	startBaresip(t, 62, 1873, level, "sip:1001@"+s.sip)
	encrypted := startBaresipAs(t, 60, 437, level, "<sip:secure@127.0.0.1;transport=tls>;regint=0;mediaenc=srtp-mand",
		"-e", "/dial sip:1000@"+secure+";transport=tls")
	plain := startBaresip(t, 61, 1031, level, "sip:1000@"+s.sip)
	s.wait("refusal of the plain call", 20*time.Second, func() bool {
		return strings.Contains(s.run("calls", "--json"), "audio has to be encrypted here")
	})
	encrypted.recorded(s, 1)
	plain.recorded(s, 1)
	encrypted.press("1234")
	plain.press("1234")
	s.wait("two members, one of them encrypted", 20*time.Second, func() bool {
		live := s.run("live", "1000", "--json")
		return strings.Count(live, `"caller"`) == 2 && strings.Count(live, `"encryption": "AES_CM_128_HMAC_SHA1_`) == 1
	})
	if table := s.run("live", "1000"); strings.Count(table, "PCMU, SRTP") != 1 {
		t.Errorf("live does not show who is encrypted:\n%s", table)
	}
	time.Sleep(6 * time.Second) // tones of joining are over by then, and 4 s of conference recorded
	encrypted.end()
	plain.end()
	for _, phone := range []struct {
		name       string
		b          *baresip
		own, other float64
	}{{"encrypted", encrypted, 437, 1031}, {"plain", plain, 1031, 437}} {
		pcm := phone.b.heard(3)[:2*8000] // without the end, when the other one has hung up
		own, other := tone.LevelAt(pcm, 8000, phone.own), tone.LevelAt(pcm, 8000, phone.other)
		if own > level-60 || other < level-1 || other > level+1 {
			t.Errorf("the %s phone hears itself at %.1f dBFS, want below %d, and the other at %.1f, want %d within 1 dB", phone.name, own, level-60, other, level)
		}
	}
	s.wait("history", 20*time.Second, func() bool {
		return strings.Contains(s.run("calls", "--room", "1000", "--json"), `"encryption": "AES_CM_128_HMAC_SHA1_`)
	})
}
