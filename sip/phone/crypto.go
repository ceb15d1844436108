package phone

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// suite is a crypto suite of SRTP by its registered name.
type suite struct {
	profile   srtp.ProtectionProfile
	key, salt int // octets
}

var suites = map[string]suite{
	"AEAD_AES_128_GCM":        {srtp.ProtectionProfileAeadAes128Gcm, 16, 12},
	"AEAD_AES_256_GCM":        {srtp.ProtectionProfileAeadAes256Gcm, 32, 12},
	"AES_CM_128_HMAC_SHA1_80": {srtp.ProtectionProfileAes128CmHmacSha1_80, 16, 14},
	"AES_CM_128_HMAC_SHA1_32": {srtp.ProtectionProfileAes128CmHmacSha1_32, 16, 14},
}

// Crypto is a key for SRTP, as a=crypto gives it (RFC 4568).
type Crypto struct {
	Tag   string
	Suite string // registered name
	Key   []byte // master key and salt
}

// newCrypto makes a key. Its tag is 1.
func newCrypto(name string) Crypto {
	s := suites[name]
	key := make([]byte, s.key+s.salt)
	_, _ = rand.Read(key)
	return Crypto{"1", name, key}
}

// parseCrypto reads the value of a=crypto; not ok: the phone cannot use it.
func parseCrypto(value string) (Crypto, bool) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return Crypto{}, false
	}
	s, known := suites[fields[1]]
	text, _, _ := strings.Cut(strings.TrimPrefix(fields[2], "inline:"), "|")
	key, err := base64.StdEncoding.DecodeString(text)
	return Crypto{fields[0], fields[1], key}, known && err == nil && len(key) == s.key+s.salt
}

func (c Crypto) String() string {
	return fmt.Sprintf("a=crypto:%s %s inline:%s", c.Tag, c.Suite, base64.StdEncoding.EncodeToString(c.Key))
}

// context is one direction of SRTP.
func (c Crypto) context(options ...srtp.ContextOption) *srtp.Context {
	s := suites[c.Suite]
	context, err := srtp.CreateContext(c.Key[:s.key], c.Key[s.key:], s.profile, options...)
	if err != nil {
		panic(fmt.Sprintf("phone: key for %s: %v", c.Suite, err)) // sizes were checked
	}
	return context
}

// secrets are the keys of a stream; the zero value is plain RTP.
type secrets struct {
	ours, theirs Crypto
	out, in      *srtp.Context
}

// agree takes the keys of both descriptions, the far end's of our suite. Those that have not changed go on.
func (s *secrets) agree(ours Crypto, theirs []Crypto) {
	i := slices.IndexFunc(theirs, func(c Crypto) bool { return c.Suite == ours.Suite })
	if ours.Suite == "" || i < 0 {
		*s = secrets{}
		return
	}
	if s.out == nil || !slices.Equal(s.ours.Key, ours.Key) {
		s.out = ours.context()
	}
	if s.in == nil || !slices.Equal(s.theirs.Key, theirs[i].Key) {
		s.in = theirs[i].context(srtp.SRTPReplayProtection(64))
	}
	s.ours, s.theirs = ours, theirs[i]
}

// seal encrypts a packet.
func (s *secrets) seal(packet []byte) []byte {
	if s.out == nil {
		return packet
	}
	sealed, err := s.out.EncryptRTP(nil, packet, nil)
	if err != nil {
		panic("phone: encrypt: " + err.Error()) // of a packet that was made here
	}
	return sealed
}

// open decrypts a packet, and reads it.
func (s *secrets) open(packet []byte) (in rtp.Packet, ok bool) {
	if s.in != nil {
		var err error
		if packet, err = s.in.DecryptRTP(nil, packet, nil); err != nil {
			return in, false
		}
	}
	return in, in.Unmarshal(packet) == nil
}

// SRTP is the encryption of a call whose audio is left to the caller (Options.Media): what is sent by out and what comes by in.
// Both are nil where it is plain.
func (c *Call) SRTP() (out, in *srtp.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var s secrets
	s.agree(c.local.crypto, c.remote.Crypto)
	return s.out, s.in
}
