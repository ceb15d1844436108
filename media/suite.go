package media

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
)

// Suite is a crypto suite of SRTP: how packets are encrypted and authenticated.
type Suite uint8

// The suites that a leg can have. Their order is that of preference: GCM costs a third of what HMAC-SHA1 does, and the
// short tag of SHA1_32 lets one forgery in 4 billion pass.
const (
	// Plain is no suite: the leg is not encrypted.
	Plain         Suite = iota
	AEADAES128GCM       // RFC 7714
	AEADAES256GCM       // RFC 7714
	AESCMSHA180         // RFC 3711, RFC 4568 6.2.1
	AESCMSHA132         // RFC 4568 6.2.2
)

// suites are their properties, in octets. The tags of GCM are a part of what is encrypted. RTCP has a tag of 10 octets with
// both kinds of HMAC (RFC 4568 6.2.2).
var suites = [...]struct {
	name            string
	key, salt       int
	tag, controlTag int
}{
	Plain:         {},
	AEADAES128GCM: {"AEAD_AES_128_GCM", 16, 12, 16, 16},
	AEADAES256GCM: {"AEAD_AES_256_GCM", 32, 12, 16, 16},
	AESCMSHA180:   {"AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10},
	AESCMSHA132:   {"AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10},
}

// Suites are all suites, the best first.
func Suites() []Suite { return []Suite{AEADAES128GCM, AEADAES256GCM, AESCMSHA180, AESCMSHA132} }

// SuiteNamed finds a suite by the name that RFC 4568 and RFC 7714 have registered.
func SuiteNamed(name string) (Suite, bool) {
	for _, s := range Suites() {
		if strings.EqualFold(suites[s].name, name) {
			return s, true
		}
	}
	return Plain, false
}

// String is the registered name of the suite; empty for Plain.
func (s Suite) String() string { return suites[s].name }

// KeySize is how many octets a master key and its salt have together.
func (s Suite) KeySize() int { return suites[s].key + suites[s].salt }

func (s Suite) isAEAD() bool { return s == AEADAES128GCM || s == AEADAES256GCM }

// hiddenKey stands for a key wherever one would be printed.
const hiddenKey = "(a key)"

// maxMasterKey is the longest key with its salt.
const maxMasterKey = 32 + 12

// MasterKey is a master key of SRTP with the salt behind it, as SDES and DTLS exchange them. It is comparable, and never
// prints what it holds.
type MasterKey struct {
	octets [maxMasterKey]byte
	size   uint8
}

// NewMasterKey takes key and salt, one behind the other. What is longer than any suite's is cut.
func NewMasterKey(keyAndSalt []byte) (k MasterKey) {
	k.size = uint8(copy(k.octets[:], keyAndSalt))
	return k
}

// RandomKey makes a master key for the suite.
func (s Suite) RandomKey() (k MasterKey) {
	k.size = uint8(s.KeySize())
	_, _ = rand.Read(k.octets[:k.size]) // it never fails
	return k
}

// Bytes are key and salt, one behind the other. They are the key's own: no copy to be forgotten.
func (k *MasterKey) Bytes() []byte { return k.octets[:k.size] }

// Format hides the key from texts, whatever the verb.
func (k MasterKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hiddenKey)) }

// LogValue does so for structured logs.
func (k MasterKey) LogValue() slog.Value { return slog.StringValue(hiddenKey) }

// MarshalText does so for JSON.
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(hiddenKey), nil }

// Security is what protects a leg: a suite, and the master keys of both ends. How the ends have agreed on them does not
// matter here.
type Security struct {
	Suite Suite
	// Local is the key of what we send, Remote that of what we receive. Both have the size of the suite.
	Local, Remote MasterKey
	// RemoteMKI is the key identifier that each packet of the far end carries (RFC 3711 3.1); empty: none.
	RemoteMKI string
}
