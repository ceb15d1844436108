package sdp

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"conclave/media"
)

// The transports that are spoken: plain RTP and SRTP (RFC 3551, RFC 3711). Keys for the second come in a=crypto (SDES).
const (
	plainProfile  = "RTP/AVP"
	secureProfile = "RTP/SAVP"
)

// Keys are master keys of ours, one for each suite that we take.
type Keys map[media.Suite]media.MasterKey

// NewKeys makes keys that nobody has had before.
func NewKeys() Keys {
	keys := make(Keys)
	for _, s := range media.Suites() {
		keys[s] = s.RandomKey()
	}
	return keys
}

// Crypto is an a=crypto line (RFC 4568 9.1): the key of whoever has written it, and how it is used.
type Crypto struct {
	Tag   string // 1 to 9 digits; unique in its m= line
	Suite media.Suite
	Key   media.MasterKey
	// MKI is the key identifier in the author's packets; empty: none.
	MKI string

	fault string // why the line cannot be used; it never holds a part of a key
}

// The bounds of RFC 4568 9.1 and 6.1.
const (
	longestTag   = 9
	longestMKI   = 128
	mostLifetime = 48 // as a power of 2, in packets of RTP
	maxCrypto    = 64 // lines that are looked at; more are no telephone's
)

// knownSuites are registered suites that are not taken. What is not registered is not named in refusals: in a line that is
// broken a key may stand anywhere.
var knownSuites = []string{"F8_128_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_80", "AES_192_CM_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80",
	"AES_256_CM_HMAC_SHA1_32", "SEED_CTR_128_HMAC_SHA1_80", "SEED_128_CCM_80", "SEED_128_GCM_96", "NULL_HMAC_SHA1_80", "NULL_HMAC_SHA1_32"}

// parseCrypto reads "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4 WSH=64". What is wrong is left in fault: another line of
// the same offer may do.
func parseCrypto(value string) (c Crypto) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		c.fault = "a line is cut short: tag, suite and inline:KEY are right"
		return c
	}
	if !isNumber(fields[0], longestTag) {
		c.fault = "a tag is no number of up to 9 digits"
		return c
	}
	c.Tag = fields[0]
	var ok bool
	if c.Suite, ok = media.SuiteNamed(fields[1]); !ok {
		c.fault = "unknown suite"
		if i := slices.IndexFunc(knownSuites, func(s string) bool { return strings.EqualFold(s, fields[1]) }); i >= 0 {
			c.fault = knownSuites[i] + " is not taken"
		}
		return c
	}
	if c.fault = c.keyParams(fields[2]); c.fault == "" {
		c.fault = sessionParams(fields[3:])
	}
	if c.fault != "" {
		c.fault = fmt.Sprintf("line %s: %s", c.Tag, c.fault)
	}
	return c
}

// keyParams reads "inline:KEY|LIFETIME|MKI:LENGTH" (RFC 4568 6.1). Whoever has written the lifetime has to see to it that a
// new key comes in time; what is sent by ours never gets so far.
func (c *Crypto) keyParams(text string) (fault string) {
	if strings.Contains(text, ";") {
		return "several keys; one is taken"
	}
	method, info, _ := strings.Cut(text, ":")
	if !strings.EqualFold(method, "inline") {
		return "its key does not begin with inline:"
	}
	parts := strings.Split(info, "|")
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil {
		return "its key is not base64"
	}
	defer clear(key)
	if want := c.Suite.KeySize(); len(key) != want {
		return fmt.Sprintf("its key and salt have %d octets; %s has %d", len(key), c.Suite, want)
	}
	c.Key = media.NewMasterKey(key)
	rest := parts[1:]
	if len(rest) > 0 && !strings.Contains(rest[0], ":") {
		if !isLifetime(rest[0]) {
			return "its lifetime is none of 1 to 2^48 packets"
		}
		rest = rest[1:]
	}
	switch {
	case len(rest) == 1:
		return c.identifier(rest[0])
	case len(rest) > 1:
		return "there is too much behind its key"
	}
	return ""
}

// identifier reads "MKI:LENGTH": a number, and how many octets it has in each packet.
func (c *Crypto) identifier(text string) (fault string) {
	value, length, ok := strings.Cut(text, ":")
	n, err := strconv.Atoi(length)
	id, idErr := strconv.ParseUint(value, 10, 64)
	if !ok || err != nil || n < 1 || n > longestMKI || idErr != nil || n < 8 && id>>(8*n) != 0 {
		return "its MKI is no NUMBER:LENGTH of up to 128 octets"
	}
	octets := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		octets[i] = byte(id)
		id >>= 8
	}
	c.MKI = string(octets)
	return ""
}

// isLifetime tells a number of packets: 1048576 or 2^20.
func isLifetime(text string) bool {
	if power, ok := strings.CutPrefix(text, "2^"); ok {
		n, err := strconv.ParseUint(power, 10, 8)
		return err == nil && n <= mostLifetime
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && n > 0 && n <= 1<<mostLifetime
}

// sessionParams reads what may follow the key (RFC 4568 6.3). All of it that is no mere hint would change what is encrypted
// or authenticated; what is not known is no hint unless it begins with a hyphen.
func sessionParams(params []string) (fault string) {
	for _, p := range params {
		name, value, _ := strings.Cut(strings.ToUpper(p), "=")
		switch {
		case strings.HasPrefix(name, "-"), name == "WSH", name == "KDR" && value == "0":
		case name == "KDR", name == "UNENCRYPTED_SRTP", name == "UNENCRYPTED_SRTCP", name == "UNAUTHENTICATED_SRTP",
			name == "FEC_ORDER", name == "FEC_KEY":
			return name + " is not taken"
		default:
			return "its session parameters are not known"
		}
	}
	return ""
}

func isNumber(text string, longest int) bool {
	return text != "" && len(text) <= longest && strings.Trim(text, "0123456789") == ""
}

// crypto is the first line that can be used. Without one the fault is what is wrong with the first of all.
func (m *Media) crypto() (c Crypto, fault string) {
	for _, c := range m.Crypto {
		if c.fault == "" && m.tagged(c.Tag) > 1 {
			c.fault = fmt.Sprintf("two lines have the tag %s", c.Tag)
		}
		if c.fault == "" {
			return c, ""
		}
		fault = cmp.Or(fault, c.fault)
	}
	return Crypto{}, cmp.Or(fault, "there is none")
}

// tagged counts the lines that have a tag.
func (m *Media) tagged(tag string) (n int) {
	for _, c := range m.Crypto {
		if c.Tag == tag {
			n++
		}
	}
	return n
}

// append writes the line.
func (c *Crypto) append(b []byte) []byte {
	b = fmt.Appendf(b, "a=crypto:%s %s inline:", c.Tag, c.Suite)
	b = base64.StdEncoding.AppendEncode(b, c.Key.Bytes())
	return append(b, "\r\n"...)
}

// secure settles whether and how an audio line of the far end is encrypted; nil: it is not.
func (l Local) secure(m *Media) (*media.Security, Crypto, *Refusal) {
	wanted := strings.EqualFold(m.Proto, secureProfile)
	switch {
	case !wanted && !strings.EqualFold(m.Proto, plainProfile), wanted && l.Keys == nil && l.NoKeys == "":
		return nil, Crypto{}, refuse(488, warnTransport, "no common transport: offered %s; this server takes %s", clip(m.Proto), l.profiles())
	case l.Keys == nil && wanted:
		return nil, Crypto{}, refuse(488, warnTransport, "%s cannot be taken: %s", secureProfile, l.NoKeys)
	case l.Keys == nil && l.Encrypted:
		return nil, Crypto{}, refuse(488, warnTransport, "audio has to be encrypted here, and %s", l.NoKeys)
	case l.Keys == nil || !wanted && !l.Encrypted && len(m.Crypto) == 0:
		return nil, Crypto{}, nil
	}
	theirs, fault := m.crypto()
	switch {
	case fault == "":
		return &media.Security{Suite: theirs.Suite, Local: l.Keys[theirs.Suite], Remote: theirs.Key, RemoteMKI: theirs.MKI}, theirs, nil
	case wanted:
		return nil, Crypto{}, refuse(488, warnMiscellaneous, "no usable a=crypto line: %s; this server takes %s", fault, l.suites())
	case l.Encrypted:
		return nil, Crypto{}, refuse(488, warnTransport, "audio has to be encrypted here: offered %s, with a=crypto: %s; %s is right",
			clip(m.Proto), fault, secureProfile)
	}
	return nil, Crypto{}, nil // plain, as the transport says
}

func (l Local) profiles() string {
	switch {
	case l.Keys == nil:
		return plainProfile
	case l.Encrypted:
		return secureProfile
	}
	return plainProfile + " and " + secureProfile
}

func (l Local) suites() string {
	var names []string
	for _, s := range media.Suites() {
		if _, ok := l.Keys[s]; ok {
			names = append(names, s.String())
		}
	}
	return strings.Join(names, ", ")
}

// protect makes an audio line of an offer an encrypted one.
func (l Local) protect(m *Media) {
	if l.Keys == nil {
		return
	}
	m.Proto = secureProfile
	for _, s := range media.Suites() {
		if key, ok := l.Keys[s]; ok {
			m.Crypto = append(m.Crypto, Crypto{Tag: strconv.Itoa(len(m.Crypto) + 1), Suite: s, Key: key})
		}
	}
}

// answering is l with which the answer to an audio line of our offer is read: an answer that is plain where the offer was
// not, or has a key that nobody has asked for, is none.
func (l Local) answering(offered *Media) Local {
	if len(offered.Crypto) == 0 {
		l.Keys, l.NoKeys = nil, "the offer had no keys"
		return l
	}
	l.Encrypted = true
	return l
}

// matches tells whether a line of an answer takes one of the offer's.
func (c *Crypto) matches(offered *Media) bool {
	return slices.ContainsFunc(offered.Crypto, func(o Crypto) bool { return o.Tag == c.Tag && o.Suite == c.Suite })
}
