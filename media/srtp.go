package media

import (
	"crypto/subtle"
	"encoding/binary"
	"unsafe"
)

// guard is what a leg with encryption has beside others (SRTP, RFC 3711); the zero value is that of a plain leg. The two
// directions have nothing in common.
type guard struct {
	out *sealer
	in  *opener
	// What is behind their ciphers, for approach.
	outCipher, inCipher         unsafe.Pointer
	outCipherSize, inCipherSize uintptr
}

// newGuard makes the guard for what was agreed on. A direction whose key is that of old goes on as it is, for the far end
// knows how far it has come: a hold changes nothing.
func newGuard(s *Security, old guard) (g guard) {
	if s == nil {
		return guard{}
	}
	g = old
	if g.in == nil || g.in.suite != s.Suite || g.in.master != s.Remote || g.in.mki != s.RemoteMKI {
		g.in = &opener{sessionKeys: newSessionKeys(s.Suite, s.Remote), mki: s.RemoteMKI}
	}
	if g.out == nil || g.out.suite != s.Suite || g.out.master != s.Local {
		g.out = &sealer{sessionKeys: newSessionKeys(s.Suite, s.Local)}
	}
	g.outCipher, g.outCipherSize = g.out.rtp.schedule()
	g.inCipher, g.inCipherSize = g.in.rtp.schedule()
	return g
}

// on tells that the leg is encrypted.
func (g guard) on() bool { return g.in != nil }

// succeed takes the place of the guard before it, and reports whether our stream has to begin anew. What the far end has
// sent before it knows of the new keys is taken until the first packet comes that has them.
func (g guard) succeed(old guard) (anew bool) {
	if g.in != old.in && old.in != nil {
		old.in.dropOlder()
		if g.in != nil {
			g.in.older = old.in
		} else {
			old.in.forget()
		}
	}
	if g.out != old.out && old.out != nil {
		old.out.forget()
	}
	return g != old && g.on()
}

// forget overwrites the keys.
func (g guard) forget() {
	if g.in != nil {
		g.in.dropOlder()
		g.in.forget()
		g.out.forget()
	}
}

// approachIn and approachOut bring near what the next packet of RTP needs.
func (g *guard) approachIn() {
	if g.in != nil {
		Prefetch(unsafe.Pointer(g.in), unsafe.Offsetof(g.in.rtcp))
		Prefetch(unsafe.Pointer(&g.in.streams), unsafe.Offsetof(g.in.streams.streams)+unsafe.Sizeof(stream{}))
		Prefetch(g.inCipher, g.inCipherSize)
	}
}

func (g *guard) approachOut() {
	if g.out != nil {
		Prefetch(unsafe.Pointer(g.out), unsafe.Offsetof(g.out.rtcp))
		Prefetch(g.outCipher, g.outCipherSize)
	}
}

// sessionKeys are those of one direction.
type sessionKeys struct {
	rtp, rtcp transform
	suite     Suite
	master    MasterKey
}

func newSessionKeys(s Suite, master MasterKey) sessionKeys {
	return sessionKeys{rtp: newTransform(s, master, false), rtcp: newTransform(s, master, true), suite: s, master: master}
}

func (k *sessionKeys) forget() {
	k.rtp.forget()
	k.rtcp.forget()
	k.master = MasterKey{}
}

// sealer protects what we send. How far RTP has come is in outgoing: a stream that begins anew has another SSRC, and a
// rollover counter of 0 that the far end knows without being told.
type sealer struct {
	sessionKeys
	index uint32 // of the last RTCP packet, 31 bits
}

// encrypted is the flag before the index of RTCP (RFC 3711 3.4).
const encrypted = 1 << 31

// packet encrypts RTP with our header of 12 octets. The result is good until w is used again; b stays as it is, for its
// payload is others', too.
func (s *sealer) packet(w *workspace, b []byte, roc uint32) []byte {
	x, seq := &s.rtp, binary.BigEndian.Uint16(b[2:])
	x.number(w, binary.BigEndian.Uint32(b[8:]), uint64(roc)<<16|uint64(seq))
	out := append(w.packet[:0], b[:headerSize]...)
	if x.aead != nil {
		return x.aead.Seal(out, w.iv[:12], b[headerSize:], out)
	}
	out = out[:len(b)]
	x.count(w, out[headerSize:], b[headerSize:])
	binary.BigEndian.PutUint32(w.extra[:], roc)
	return append(out, x.authenticate(w, out, w.extra[:4])...)
}

// report encrypts a compound RTCP packet; as with packet, b stays as it is.
func (s *sealer) report(w *workspace, b []byte) []byte {
	s.index = (s.index + 1) &^ encrypted
	x, word := &s.rtcp, s.index|encrypted
	x.number(w, binary.BigEndian.Uint32(b[4:]), uint64(s.index))
	out := append(w.packet[:0], b[:controlHeader]...)
	if x.aead != nil {
		binary.BigEndian.PutUint32(w.extra[copy(w.extra[:], b[:controlHeader]):], word)
		out = x.aead.Seal(out, w.iv[:12], b[controlHeader:], w.extra[:])
		return binary.BigEndian.AppendUint32(out, word)
	}
	out = out[:len(b)]
	x.count(w, out[controlHeader:], b[controlHeader:])
	out = binary.BigEndian.AppendUint32(out, word)
	return append(out, x.authenticate(w, out, nil)...)
}

// controlHeader is how much of a compound packet is not encrypted (RFC 3711 3.4).
const controlHeader = 8

// verdict is what is found out about a packet before anything of it is believed.
type verdict uint8

const (
	genuine  verdict = iota
	forged           // whoever has sent or changed it has no key
	replayed         // it was taken before, or is so old that nobody can tell
)

// opener decrypts what the far end sends.
type opener struct {
	// older is the opener before a change of keys, until the far end uses the new ones; nil: there was none.
	older *opener
	mki   string
	sessionKeys
	streams progress
}

func (o *opener) dropOlder() {
	if o.older != nil {
		o.older.forget()
		o.older = nil
	}
}

// packet decrypts RTP in its place.
func (o *opener) packet(w *workspace, b []byte) ([]byte, verdict) {
	if o.older == nil {
		return o.open(w, b, nil)
	}
	kept := w.spare[:copy(w.spare[:], b)] // an attempt that fails may leave nothing of b
	plain, v := o.open(w, b, &o.older.streams)
	if v == forged {
		copy(b, kept)
		return o.older.open(w, b, nil)
	}
	if v == genuine {
		o.dropOlder()
	}
	return plain, v
}

// open decrypts RTP in its place. before is how far streams have come under other keys: it goes on from there (RFC 3711
// 3.3.1), though some begin again.
func (o *opener) open(w *workspace, b []byte, before *progress) ([]byte, verdict) {
	x := &o.rtp
	n := headerLength(b)
	end := len(b) - x.tag - len(o.mki)
	if n == 0 || end < n {
		return nil, forged
	}
	ssrc, seq := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])
	index, ok := o.streams.estimate(ssrc, seq)
	if !ok {
		return nil, replayed
	}
	if before != nil && before.at(ssrc) != nil && o.streams.at(ssrc) == nil {
		if continued, _ := before.estimate(ssrc, seq); continued != index {
			kept := w.packet[:copy(w.packet[:], b)]
			if plain, v := o.decrypt(w, b, n, end, ssrc, continued); v == genuine {
				return plain, v
			}
			copy(b, kept)
		}
	}
	return o.decrypt(w, b, n, end, ssrc, index)
}

func (o *opener) decrypt(w *workspace, b []byte, n, end int, ssrc uint32, index uint64) ([]byte, verdict) {
	x := &o.rtp
	x.number(w, ssrc, index)
	if x.aead != nil {
		sealed := b[:len(b)-len(o.mki)]
		if string(b[len(sealed):]) != o.mki {
			return nil, forged
		}
		if _, err := x.aead.Open(b[n:n], w.iv[:12], sealed[n:], b[:n]); err != nil {
			return nil, forged
		}
	} else {
		tag := b[len(b)-x.tag:]
		binary.BigEndian.PutUint32(w.extra[:], uint32(index>>16))
		if string(b[end:end+len(o.mki)]) != o.mki ||
			subtle.ConstantTimeCompare(x.authenticate(w, b[:end], w.extra[:4]), tag) != 1 {
			return nil, forged
		}
		x.count(w, b[n:end], b[n:end])
	}
	o.streams.took(ssrc, index)
	return b[:end], genuine
}

// report decrypts a compound RTCP packet in its place.
func (o *opener) report(w *workspace, b []byte) ([]byte, verdict) {
	if o.older == nil {
		return o.openReport(w, b)
	}
	kept := w.spare[:copy(w.spare[:], b)]
	plain, v := o.openReport(w, b)
	if v == forged {
		copy(b, kept)
		return o.older.openReport(w, b)
	}
	return plain, v
}

func (o *opener) openReport(w *workspace, b []byte) ([]byte, verdict) {
	const wordSize = 4
	x := &o.rtcp
	end := len(b) - x.tag - wordSize - len(o.mki)
	if end < controlHeader {
		return nil, forged
	}
	at := end // of the index; behind the tag of GCM, before that of HMAC
	if x.aead != nil {
		at += x.tag
	}
	word, ssrc := binary.BigEndian.Uint32(b[at:]), binary.BigEndian.Uint32(b[4:])
	index := word &^ encrypted
	if word&encrypted == 0 || string(b[at+wordSize:at+wordSize+len(o.mki)]) != o.mki {
		return nil, forged
	}
	if o.streams.hadReport(ssrc, index) {
		return nil, replayed
	}
	x.number(w, ssrc, uint64(index))
	if x.aead != nil {
		binary.BigEndian.PutUint32(w.extra[copy(w.extra[:], b[:controlHeader]):], word)
		if _, err := x.aead.Open(b[controlHeader:controlHeader], w.iv[:12], b[controlHeader:at], w.extra[:]); err != nil {
			return nil, forged
		}
	} else {
		if subtle.ConstantTimeCompare(x.authenticate(w, b[:at+wordSize], nil), b[len(b)-x.tag:]) != 1 {
			return nil, forged
		}
		x.count(w, b[controlHeader:end], b[controlHeader:end])
	}
	o.streams.tookReport(ssrc, index)
	return b[:end], genuine
}

// headerLength is the length of an RTP header with CSRCs and extension (RFC 3550 5.1, 5.3.1), which are not encrypted; 0: it
// is none.
func headerLength(b []byte) int {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return 0
	}
	n := headerSize + 4*int(b[0]&15)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return 0
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if len(b) < n {
		return 0
	}
	return n
}
