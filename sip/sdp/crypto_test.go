package sdp_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"conclave/media"
	"conclave/sip/sdp"
)

// inline is a key of n octets as a=crypto has it. No part of it may be in any text of ours.
func inline(n int) string {
	key := make([]byte, n)
	for i := range key {
		key[i] = byte(37*i + 11)
	}
	return "inline:" + base64.StdEncoding.EncodeToString(key)
}

func octets(k media.MasterKey) string { return string(k.Bytes()) }

// secret is what inline codes.
func secret(n int) string {
	b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(inline(n), "inline:"))
	return string(b)
}

// secured is a local that has keys.
func secured(change func(*sdp.Local)) sdp.Local {
	l := local("192.0.2.1")
	l.Keys = sdp.NewKeys()
	if change != nil {
		change(&l)
	}
	return l
}

func offerOf(proto string, lines ...string) string {
	for i, line := range lines {
		lines[i] = "a=crypto:" + line
	}
	return "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 " + proto + " 0\n" + strings.Join(lines, "\n") + "\n"
}

const sha80, sha32, gcm128, gcm256 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"

func TestEncryptedOffersAreAnsweredWithAKeyOfOurs(t *testing.T) {
	long := strings.Repeat("0", 127)
	for _, test := range []struct {
		name, offer string
		tag         string
		suite       media.Suite
		mki         string
	}{
		{"80 bits", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)), "1", media.AESCMSHA180, ""},
		{"32 bits", offerOf("RTP/SAVP", "7 "+sha32+" "+inline(30)), "7", media.AESCMSHA132, ""},
		{"GCM", offerOf("RTP/SAVP", "1 "+gcm128+" "+inline(28)), "1", media.AEADAES128GCM, ""},
		{"GCM with a long key", offerOf("RTP/SAVP", "1 "+gcm256+" "+inline(44)), "1", media.AEADAES256GCM, ""},
		{"the offer's order counts", offerOf("RTP/SAVP", "1 "+sha32+" "+inline(30), "2 "+gcm128+" "+inline(28)), "1", media.AESCMSHA132, ""},
		{"an unknown suite before", offerOf("RTP/SAVP", "1 AES_256_CM_HMAC_SHA1_80 "+inline(46), "2 "+sha80+" "+inline(30)), "2", media.AESCMSHA180, ""},
		{"a broken line before", offerOf("RTP/SAVP", "1 "+sha80, "2 "+sha80+" "+inline(30)), "2", media.AESCMSHA180, ""},
		{"two lines with one tag before", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30), "1 "+sha80+" "+inline(30), "2 "+sha32+" "+inline(30)), "2", media.AESCMSHA132, ""},
		{"plain transport, as some phones have it", offerOf("RTP/AVP", "1 "+sha80+" "+inline(30)), "1", media.AESCMSHA180, ""},
		{"small letters", offerOf("rtp/savp", "1 aes_cm_128_hmac_sha1_80 INLINE:"+inline(30)[7:]), "1", media.AESCMSHA180, ""},
		{"key without padding", offerOf("RTP/SAVP", "1 "+gcm256+" "+strings.TrimRight(inline(44), "=")), "1", media.AEADAES256GCM, ""},
		{"lifetime", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)+"|2^48"), "1", media.AESCMSHA180, ""},
		{"lifetime in decimals", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)+"|1048576"), "1", media.AESCMSHA180, ""},
		{"lifetime and MKI", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)+"|2^31|258:4"), "1", media.AESCMSHA180, "\x00\x00\x01\x02"},
		{"MKI alone", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)+"|1:1"), "1", media.AESCMSHA180, "\x01"},
		{"the longest MKI", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)+"|1:128"), "1", media.AESCMSHA180, strings.Repeat("\x00", len(long)) + "\x01"},
		{"hints", offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)+" WSH=128 KDR=0 -XYZ=3"), "1", media.AESCMSHA180, ""},
		{"plain line before", "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/SAVP 0\na=crypto:3 " + sha80 + " " + inline(30), "3", media.AESCMSHA180, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := secured(nil)
			answer, remote, err := sdp.Answer(parse(t, test.offer), l, phone)
			if err != nil {
				t.Fatal(err)
			}
			s := remote.Security
			if s == nil {
				t.Fatal("the leg is to be plain")
			}
			if s.Suite != test.suite || octets(s.Remote) != secret(test.suite.KeySize()) || s.Local != l.Keys[test.suite] || s.RemoteMKI != test.mki {
				t.Errorf("suite %v, MKI %q, or the keys are wrong", s.Suite, s.RemoteMKI)
			}
			own := l.Keys[test.suite]
			line := fmt.Sprintf("a=crypto:%s %s inline:%s\r\n", test.tag, test.suite, base64.StdEncoding.EncodeToString(own.Bytes()))
			if text := string(answer.Bytes()); strings.Count(text, line) != 1 || strings.Count(text, "a=crypto") != 1 {
				t.Errorf("answer without one line of our key:\n%s", text)
			}
			for i, m := range answer.Media {
				if want := parse(t, test.offer).Media[i].Proto; m.Proto != want {
					t.Errorf("transport %s answered with %s", want, m.Proto)
				}
			}
		})
	}
}

func TestOffersWithoutAUsableKeyAreRefusedByName(t *testing.T) {
	const takes = "; this server takes AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32"
	for _, test := range []struct{ name, crypto, fault string }{
		{"cut short", "1 " + sha80, "a line is cut short: tag, suite and inline:KEY are right"},
		{"without a suite", "1 " + inline(30), "a line is cut short: tag, suite and inline:KEY are right"},
		{"key in place of the suite", "1 " + inline(30) + " " + inline(30), "unknown suite"},
		{"key in place of the tag", inline(30) + " " + sha80 + " " + inline(30), "a tag is no number of up to 9 digits"},
		{"tag of letters", "a " + sha80 + " " + inline(30), "a tag is no number of up to 9 digits"},
		{"tag too long", "1234567890 " + sha80 + " " + inline(30), "a tag is no number of up to 9 digits"},
		{"unknown suite", "1 ROT13 " + inline(30), "unknown suite"},
		{"known suite that is not taken", "1 F8_128_HMAC_SHA1_80 " + inline(30), "F8_128_HMAC_SHA1_80 is not taken"},
		{"no encryption at all", "1 NULL_HMAC_SHA1_80 " + inline(30), "NULL_HMAC_SHA1_80 is not taken"},
		{"not inline", "1 " + sha80 + " uri:https://192.0.2.1/key", "line 1: its key does not begin with inline:"},
		{"no base64", "1 " + sha80 + " inline:****", "line 1: its key is not base64"},
		{"key too short", "1 " + sha80 + " " + inline(29), "line 1: its key and salt have 29 octets; AES_CM_128_HMAC_SHA1_80 has 30"},
		{"key too long", "1 " + sha80 + " " + inline(31), "line 1: its key and salt have 31 octets; AES_CM_128_HMAC_SHA1_80 has 30"},
		{"no key", "1 " + sha80 + " inline:", "line 1: its key and salt have 0 octets; AES_CM_128_HMAC_SHA1_80 has 30"},
		{"key of another suite", "1 " + gcm256 + " " + inline(28), "line 1: its key and salt have 28 octets; AEAD_AES_256_GCM has 44"},
		{"huge key", "1 " + gcm256 + " " + inline(9000), "line 1: its key and salt have 9000 octets; AEAD_AES_256_GCM has 44"},
		{"two keys in a line", "1 " + sha80 + " " + inline(30) + "|1:4;" + inline(30) + "|2:4", "line 1: several keys; one is taken"},
		{"lifetime of nothing", "1 " + sha80 + " " + inline(30) + "|0", "line 1: its lifetime is none of 1 to 2^48 packets"},
		{"lifetime too long", "1 " + sha80 + " " + inline(30) + "|2^49", "line 1: its lifetime is none of 1 to 2^48 packets"},
		{"lifetime of letters", "1 " + sha80 + " " + inline(30) + "|ever", "line 1: its lifetime is none of 1 to 2^48 packets"},
		{"MKI without length", "1 " + sha80 + " " + inline(30) + "|2^20|1:", "line 1: its MKI is no NUMBER:LENGTH of up to 128 octets"},
		{"MKI of no octets", "1 " + sha80 + " " + inline(30) + "|1:0", "line 1: its MKI is no NUMBER:LENGTH of up to 128 octets"},
		{"MKI too long", "1 " + sha80 + " " + inline(30) + "|1:129", "line 1: its MKI is no NUMBER:LENGTH of up to 128 octets"},
		{"MKI longer than its octets", "1 " + sha80 + " " + inline(30) + "|256:1", "line 1: its MKI is no NUMBER:LENGTH of up to 128 octets"},
		{"MKI below 0", "1 " + sha80 + " " + inline(30) + "|-1:4", "line 1: its MKI is no NUMBER:LENGTH of up to 128 octets"},
		{"too much", "1 " + sha80 + " " + inline(30) + "|2^20|1:4|9", "line 1: there is too much behind its key"},
		{"RTP in clear", "1 " + sha80 + " " + inline(30) + " UNENCRYPTED_SRTP", "line 1: UNENCRYPTED_SRTP is not taken"},
		{"RTCP in clear", "1 " + sha80 + " " + inline(30) + " UNENCRYPTED_SRTCP", "line 1: UNENCRYPTED_SRTCP is not taken"},
		{"no authentication", "1 " + sha80 + " " + inline(30) + " WSH=64 unauthenticated_srtp", "line 1: UNAUTHENTICATED_SRTP is not taken"},
		{"key derivation rate", "1 " + sha80 + " " + inline(30) + " KDR=24", "line 1: KDR is not taken"},
		{"forward error correction", "1 " + sha80 + " " + inline(30) + " FEC_ORDER=FEC_SRTP", "line 1: FEC_ORDER is not taken"},
		{"unknown parameter", "1 " + sha80 + " " + inline(30) + " " + inline(30)[7:], "line 1: its session parameters are not known"},
		{"two keys with one tag", "1 " + sha80 + " " + inline(30) + "\na=crypto:1 " + sha32 + " " + inline(30), "two lines have the tag 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			offer := offerOf("RTP/SAVP", test.crypto)
			_, _, err := sdp.Answer(parse(t, offer), secured(nil), phone)
			expectRefusal(t, err, 488, 399, "no usable a=crypto line: "+test.fault+takes)
			hidesKeys(t, err.Error(), offer)
			// Where the transport is plain, such a line is as if it was not there.
			_, remote, err := sdp.Answer(parse(t, offerOf("RTP/AVP", test.crypto)), secured(nil), phone)
			if err != nil || remote.Security != nil {
				t.Errorf("in a plain offer: %v, %v", remote.Security, err)
			}
		})
	}
	_, _, err := sdp.Answer(parse(t, offerOf("RTP/SAVP")), secured(nil), phone)
	expectRefusal(t, err, 488, 399, "no usable a=crypto line: there is none"+takes)
	atSession := "v=0\na=crypto:1 " + sha80 + " " + inline(30) + "\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/SAVP 0"
	_, _, err = sdp.Answer(parse(t, atSession), secured(nil), phone)
	expectRefusal(t, err, 488, 399, "no usable a=crypto line: there is none"+takes)
}

// hidesKeys: no piece of a key in an offer is in a text of ours. What it looks for is longer than the nine digits of a tag, which may be there.
func hidesKeys(t *testing.T, text, offer string) {
	t.Helper()
	for _, word := range strings.FieldsFunc(offer, func(r rune) bool { return strings.ContainsRune(" \r\n:|;", r) }) {
		if len(word) < 20 || strings.Contains(word, "_") {
			continue
		}
		for i := range len(word) - 12 {
			if strings.Contains(text, word[i:i+12]) {
				t.Errorf("a part of a key is in the text %q", text)
				return
			}
		}
	}
}

func TestWhatIsWantedOfEncryptionDecides(t *testing.T) {
	encrypted := func(l *sdp.Local) { l.Encrypted = true }
	without := func(l *sdp.Local) { l.Keys, l.NoKeys = nil, "keys are taken over TLS only" }
	both := func(l *sdp.Local) { encrypted(l); without(l) }
	plain, good, broken := "RTP/AVP", "1 "+sha80+" "+inline(30), "1 "+sha80+" "+inline(3)
	for _, test := range []struct {
		name, offer string
		change      func(*sdp.Local)
		suite       media.Suite
		warning     int
		text        string // empty: taken
	}{
		{"plain", offerOf(plain), nil, media.Plain, 0, ""},
		{"plain where it has to be encrypted", offerOf(plain), encrypted, 0, 302,
			"audio has to be encrypted here: offered RTP/AVP, with a=crypto: there is none; RTP/SAVP is right"},
		{"plain with a broken key where it has to be encrypted", offerOf(plain, broken), encrypted, 0, 302,
			"audio has to be encrypted here: offered RTP/AVP, with a=crypto: line 1: its key and salt have 3 octets; AES_CM_128_HMAC_SHA1_80 has 30; RTP/SAVP is right"},
		{"plain with a key where it has to be encrypted", offerOf(plain, good), encrypted, media.AESCMSHA180, 0, ""},
		{"encrypted where it has to be", offerOf("RTP/SAVP", good), encrypted, media.AESCMSHA180, 0, ""},
		{"downgrade in a second line", "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/SAVP 0\na=crypto:" + broken + "\nm=audio 4000 RTP/AVP 0", encrypted, 0, 399,
			"no usable a=crypto line: line 1: its key and salt have 3 octets; AES_CM_128_HMAC_SHA1_80 has 30; this server takes AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32"},
		{"plain where there are no keys", offerOf(plain), without, media.Plain, 0, ""},
		{"plain with a key where there are none", offerOf(plain, good), without, media.Plain, 0, ""},
		{"encrypted where there are no keys", offerOf("RTP/SAVP", good), without, 0, 302, "RTP/SAVP cannot be taken: keys are taken over TLS only"},
		{"plain where it cannot be encrypted but has to", offerOf(plain, good), both, 0, 302, "audio has to be encrypted here, and keys are taken over TLS only"},
		{"keys by DTLS", offerOf("UDP/TLS/RTP/SAVP", good), nil, 0, 302, "no common transport: offered UDP/TLS/RTP/SAVP; this server takes RTP/AVP and RTP/SAVP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, remote, err := sdp.Answer(parse(t, test.offer), secured(test.change), phone)
			if test.text != "" {
				expectRefusal(t, err, 488, test.warning, test.text)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			suite := media.Plain
			if remote.Security != nil {
				suite = remote.Security.Suite
			}
			if suite != test.suite {
				t.Errorf("suite %v, want %v", suite, test.suite)
			}
		})
	}
}

func TestOurOffersAreEncryptedWhereThereAreKeys(t *testing.T) {
	ours, theirs := secured(nil), secured(func(l *sdp.Local) { l.Address = phone })
	offer := sdp.Offer(ours)
	if m := offer.Media[0]; m.Proto != "RTP/SAVP" || len(m.Crypto) != 4 {
		t.Fatalf("offered %s with %d keys", m.Proto, len(m.Crypto))
	}
	if m := sdp.Offer(local("192.0.2.1")).Media[0]; m.Proto != "RTP/AVP" || m.Crypto != nil {
		t.Errorf("without keys: %s with %d", m.Proto, len(m.Crypto))
	}
	for i, suite := range media.Suites() {
		read := parse(t, string(offer.Bytes()))
		read.Media[0].Crypto = slices.Clone(read.Media[0].Crypto[i : i+1])
		answer, far, err := sdp.Answer(read, theirs, phone)
		if err != nil {
			t.Fatal(err)
		}
		near, err := sdp.Accept(offer, parse(t, string(answer.Bytes())), ours, phone)
		if err != nil {
			t.Fatal(err)
		}
		n, f := near.Security, far.Security
		if n == nil || n.Suite != suite || f.Suite != suite || n.Local != f.Remote || n.Remote != f.Local || n.Local == n.Remote {
			t.Errorf("%s: both ends have not the same keys", suite)
		}
	}
}

func TestAnswersThatTakeEncryptionAwayAreRefused(t *testing.T) {
	ours := secured(nil)
	offer := sdp.Offer(ours)
	plainOffer := sdp.Offer(local("192.0.2.1"))
	for _, test := range []struct {
		name    string
		offer   *sdp.Session
		answer  string
		warning int
		text    string
	}{
		{"plain", offer, offerOf("RTP/AVP"), 302, "audio has to be encrypted here: offered RTP/AVP, with a=crypto: there is none; RTP/SAVP is right"},
		{"without a key", offer, offerOf("RTP/SAVP"), 399, "no usable a=crypto line: there is none; this server takes AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80, AES_CM_128_HMAC_SHA1_32"},
		{"another tag", offer, offerOf("RTP/SAVP", "9 "+sha80+" "+inline(30)), 399, "the answer's a=crypto has a tag or suite that was not offered"},
		{"suite of another tag", offer, offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)), 399, "the answer's a=crypto has a tag or suite that was not offered"},
		{"encrypted where plain was offered", plainOffer, offerOf("RTP/SAVP", "1 "+sha80+" "+inline(30)), 302, "RTP/SAVP cannot be taken: the offer had no keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := sdp.Accept(test.offer, parse(t, test.answer), ours, phone)
			expectRefusal(t, err, 488, test.warning, test.text)
		})
	}
	// As some phones do it: the transport is plain, the audio is not.
	if remote, err := sdp.Accept(offer, parse(t, offerOf("RTP/AVP", "3 "+sha80+" "+inline(30))), ours, phone); err != nil || remote.Security == nil {
		t.Errorf("a key with a plain transport: %v, %v", remote.Security, err)
	}
	if remote, err := sdp.Accept(plainOffer, parse(t, offerOf("RTP/AVP", "3 "+sha80+" "+inline(30))), ours, phone); err != nil || remote.Security != nil {
		t.Errorf("a key that nobody asked for: %v, %v", remote.Security, err)
	}
}

// What was agreed on in a plain transport is offered once more as it was said.
func TestEncryptionInAPlainTransportStaysWhenItIsOfferedAgain(t *testing.T) {
	ours := secured(nil)
	theirs := offerOf("RTP/AVP", "4 "+sha80+" "+inline(30))
	answer, before, err := sdp.Answer(parse(t, theirs), ours, phone)
	if err != nil {
		t.Fatal(err)
	}
	again := parse(t, string(answer.Bytes()))
	after, err := sdp.Accept(again, parse(t, theirs), ours, phone)
	if err != nil || after.Security == nil || *after.Security != *before.Security {
		t.Errorf("%v, %v; want the same keys as before", after.Security, err)
	}
	_, err = sdp.Accept(again, parse(t, offerOf("RTP/AVP")), ours, phone)
	expectRefusal(t, err, 488, 302, "audio has to be encrypted here: offered RTP/AVP, with a=crypto: there is none; RTP/SAVP is right")
}

// FuzzCrypto: whatever stands in a=crypto is refused in a text that fits a header and has no part of a key, or makes a session
// that the far end, which has the same lines, comes to as well.
func FuzzCrypto(f *testing.F) {
	for _, line := range []string{"1 " + sha80 + " " + inline(30), "2 " + gcm256 + " " + inline(44) + "|2^20|1:4 WSH=64", "1 " + sha32 + " " + inline(30) + ";" + inline(30),
		"x", "1  ", "1 " + sha80 + " inline:|||", "1 " + gcm128 + " " + inline(28) + "|99999999999999999999:3 UNENCRYPTED_SRTP",
		"00000000 " + gcm256 + " 00000000000000000000"} {
		f.Add(line, true)
		f.Add(line, false)
	}
	f.Fuzz(func(t *testing.T, line string, encrypted bool) {
		if strings.ContainsAny(line, "\r\n") {
			return // it would be several lines
		}
		for _, proto := range []string{"RTP/SAVP", "RTP/AVP"} {
			offer, err := sdp.Parse([]byte(offerOf(proto, line)))
			if err != nil {
				return
			}
			answer, remote, err := sdp.Answer(offer, secured(func(l *sdp.Local) { l.Encrypted = encrypted }), phone)
			var refusal *sdp.Refusal
			switch {
			case errors.As(err, &refusal):
				checkText(t, refusal)
				hidesKeys(t, refusal.Text, line)
				continue
			case err != nil:
				t.Fatalf("error without a refusal: %v", err)
			case remote.Security == nil:
				if encrypted || proto == "RTP/SAVP" {
					t.Fatalf("%s %q makes a plain leg", proto, line)
				}
				continue
			}
			s := remote.Security
			if len(s.Remote.Bytes()) != s.Suite.KeySize() || len(s.RemoteMKI) > 128 {
				t.Errorf("%q: %s with a key of %d octets", line, s.Suite, len(s.Remote.Bytes()))
			}
			far := secured(func(l *sdp.Local) { l.Keys[s.Suite] = s.Remote })
			if back, err := sdp.Accept(offer, parse(t, string(answer.Bytes())), far, phone); proto == "RTP/SAVP" && (err != nil || back.Security.Remote != s.Local) {
				t.Errorf("%q: the answer is refused: %v\n%s", line, err, answer.Bytes())
			}
		}
	})
}
