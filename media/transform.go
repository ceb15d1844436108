package media

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
	"reflect"
	"unsafe"
)

// The labels of RFC 3711 4.3.1, from which each session key is derived; those of RTCP are 3 higher.
const (
	labelEncryption     = 0
	labelAuthentication = 1
	labelSalt           = 2
	labelsOfControl     = 3
)

// hashState is SHA-1 in the midst of its work, as the standard library writes it down.
const hashState = 96

// transform encrypts and authenticates the packets of one direction, RTP or RTCP, by keys that were derived for these
// alone. It is used through a workspace, which many share, so that there is less memory of each leg to wait for.
type transform struct {
	// aead is GCM; without it block encrypts by counting (RFC 3711 4.1.1), and HMAC-SHA1 goes on from inner and outer,
	// the hash of its key's two pads.
	aead         cipher.AEAD
	block        cipher.Block
	salt         [16]byte
	tag          int // octets
	inner, outer [hashState]byte
}

// newTransform derives the session keys of RFC 3711 4.3 with a key derivation rate of 0, for RTP or RTCP.
func newTransform(s Suite, master MasterKey, control bool) (x transform) {
	p, label := suites[s], byte(0)
	x.tag = p.tag
	if control {
		label, x.tag = labelsOfControl, p.controlTag
	}
	secret := master.Bytes()
	prf, err := aes.NewCipher(secret[:p.key])
	if err != nil {
		panic(fmt.Sprintf("key of %s has the wrong size", s)) // sizes are for whoever reads keys to check
	}
	derive := func(label byte, size int) []byte {
		in, out := [16]byte{}, make([]byte, 0, 48)
		for n := byte(0); len(out) < size; n++ {
			in = [16]byte{}
			copy(in[:], secret[p.key:])
			in[7] ^= label
			in[15] = n
			prf.Encrypt(in[:], in[:])
			out = append(out, in[:]...)
		}
		return out[:size]
	}
	key := derive(label+labelEncryption, p.key)
	copy(x.salt[:], derive(label+labelSalt, p.salt))
	if x.block, err = aes.NewCipher(key); err != nil {
		panic(err) // as above
	}
	if s.isAEAD() {
		gcm, err := cipher.NewGCM(x.block)
		if err != nil {
			panic(err) // only of other block ciphers
		}
		forgetBehind(x.block)
		x.aead, x.block = gcm, nil
	} else {
		authentication := derive(label+labelAuthentication, sha1.Size)
		x.inner, x.outer = padded(authentication, 0x36), padded(authentication, 0x5c)
		clear(authentication)
	}
	clear(key)
	forgetBehind(prf)
	return x
}

// padded is SHA-1 after the key of an HMAC, filled up to a block and changed by a pad (RFC 2104 2).
func padded(key []byte, pad byte) (state [hashState]byte) {
	var block [sha1.BlockSize]byte
	copy(block[:], key)
	for i := range block {
		block[i] ^= pad
	}
	h := sha1.New()
	h.Write(block[:])
	written, _ := h.(encoding.BinaryAppender).AppendBinary(state[:0])
	if len(written) != hashState {
		panic("SHA-1 is written down otherwise than expected")
	}
	clear(block[:])
	return state
}

// schedule is where the round keys are, with what else the cipher keeps there, and how long that is.
func (x *transform) schedule() (unsafe.Pointer, uintptr) {
	if x.aead != nil {
		return reflect.ValueOf(x.aead).UnsafePointer(), reflect.TypeOf(x.aead).Elem().Size()
	}
	const roundKeys = 11 * aes.BlockSize // of AES-128
	return reflect.ValueOf(x.block).UnsafePointer(), roundKeys
}

// forgetBehind overwrites what a pointer in an interface points to: the standard library has no other way to forget a key.
func forgetBehind(pointer any) { reflect.ValueOf(pointer).Elem().SetZero() }

// forget overwrites the keys. Nothing can be done with the transform any more.
func (x *transform) forget() {
	if x.aead != nil {
		forgetBehind(x.aead)
	}
	if x.block != nil {
		forgetBehind(x.block)
	}
	*x = transform{}
}

// workspace is what one goroutine needs to encrypt or decrypt, for all legs in turn.
type workspace struct {
	hash   hash.Hash
	state  encoding.BinaryUnmarshaler // of hash
	iv     [16]byte
	extra  [12]byte
	sum    [sha1.Size]byte
	packet [packetSize + 64]byte
	spare  [packetSize]byte
	stream [packetSize]byte
}

func newWorkspace() *workspace {
	w := &workspace{hash: sha1.New()}
	w.state = w.hash.(encoding.BinaryUnmarshaler)
	return w
}

// number sets the initialisation vector for a packet by its index: 48 bits of RTP, 31 of RTCP (RFC 3711 4.1.1, RFC 7714 8.1
// and 9.1). That of GCM is the same, but for the counter and two octets before the SSRC.
func (x *transform) number(w *workspace, ssrc uint32, index uint64) {
	at := 4
	if x.aead != nil {
		at = 2
	}
	w.iv = x.salt
	b := w.iv[at : at+10]
	binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)^ssrc)
	binary.BigEndian.PutUint16(b[4:], binary.BigEndian.Uint16(b[4:])^uint16(index>>32))
	binary.BigEndian.PutUint32(b[6:], binary.BigEndian.Uint32(b[6:])^uint32(index))
}

// count encrypts or decrypts src to dst, which may be the same, by AES in counter mode from the vector on.
func (x *transform) count(w *workspace, dst, src []byte) {
	stream := w.stream[:(len(src)+15)&^15]
	for i := 0; i < len(stream); i += 16 {
		b := stream[i : i+16]
		copy(b, w.iv[:])
		binary.BigEndian.PutUint16(b[14:], uint16(i/16)) // the salt leaves them 0
		x.block.Encrypt(b, b)
	}
	subtle.XORBytes(dst, src, stream)
}

// authenticate is HMAC-SHA1 of two pieces, cut to the tag. It is good until the workspace is used again.
func (x *transform) authenticate(w *workspace, message, more []byte) []byte {
	_ = w.state.UnmarshalBinary(x.inner[:]) // that it is one was seen when it was made
	w.hash.Write(message)
	w.hash.Write(more)
	sum := w.hash.Sum(w.sum[:0])
	_ = w.state.UnmarshalBinary(x.outer[:])
	w.hash.Write(sum)
	return w.hash.Sum(w.sum[:0])[:x.tag]
}
