package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"conclave/sip/phone"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// suites are those that are measured.
var suites = []string{"AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}

func (c *Config) checkSRTP() error {
	switch {
	case c.SRTP != "" && !slices.Contains(suites, c.SRTP):
		return fmt.Errorf("suite %q is none that is measured: one of %v", c.SRTP, suites)
	case c.SRTP != "" && (c.Record || c.Delay || c.Phones > 0 || c.CallsPerSecond > 0):
		return errors.New("what encryption costs is measured by itself: without --record, --delay, --phones and --calls-per-second")
	}
	return nil
}

// crypt encrypts and decrypts for one caller; nil: it is plain.
type crypt struct {
	out, in        *srtp.Context
	sealed, opened [datagram + 64]byte
	header         rtp.Header
}

func newCrypt(call *phone.Call) *crypt {
	c := new(crypt)
	if c.out, c.in = call.SRTP(); c.out == nil {
		return nil
	}
	return c
}

// seal encrypts a packet; it is good until the next one.
func (c *crypt) seal(packet []byte) []byte {
	sealed, err := c.out.EncryptRTP(c.sealed[:0], packet, &c.header)
	if err != nil {
		panic("encrypt a packet of our own: " + err.Error())
	}
	return sealed
}

// open decrypts a packet; nil: it is not authentic.
func (c *crypt) open(packet []byte, control bool) []byte {
	var err error
	if control {
		packet, err = c.in.DecryptRTCP(nil, packet, nil)
	} else {
		packet, err = c.in.DecryptRTP(c.opened[:0], packet, &c.header)
	}
	if err != nil {
		return nil
	}
	return packet
}

// compareWithPlain has the server and another one, whose members are plain, run by turns.
func (b *bench) compareWithPlain(ctx context.Context, server *os.Process, members *crowd) (c comparison, err error) {
	encrypted := &contender{process: server, crowd: members}
	if err := encrypted.halt(ctx); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, encrypted.resume()) }()
	open := *b
	open.SRTP = ""
	callers, err := open.newCallers(false)
	if err != nil {
		return c, err
	}
	crowd := newCrowd(b.clock, callers, len(b.client))
	defer crowd.close()
	other, err := open.startServer(ctx, b.Rooms, 0)
	if err != nil {
		return c, err
	}
	ph, err := phone.New("udp", loopback.String())
	if err != nil {
		return c, errors.Join(err, other.close())
	}
	defer func() { err = errors.Join(err, other.close(), ph.Close()) }()
	if setup, failed := open.join(ctx, ph, other, callers); failed != nil {
		return c, fmt.Errorf("%d of %d plain calls failed, first: %w; the server's log:\n%s", b.Members-len(setup), b.Members, failed, other.logged())
	}
	if err := pause(ctx, settle); err != nil {
		return c, err
	}
	pairs := min(mostPairs, int(pairsPerSecond*b.Length/time.Second))
	fmt.Fprintf(b.Progress, "server with encrypted and another with plain members by turns on CPU %v, for %v\n", b.server,
		time.Duration(2*pairs+1)*(warm+counted+handOver))
	plain := &contender{process: other.command.Process, crowd: crowd}
	if err := alternate(ctx, plain, encrypted, pairs); err != nil {
		return c, err
	}
	c.fill(plain, encrypted, b.Members)
	return c, nil
}

// encryption takes what the windows of the encrypted and the plain server took.
func (r *Report) encryption(c comparison) {
	for _, plain := range c.floors {
		r.Plain = append(r.Plain, microseconds(plain))
	}
	for _, encrypted := range c.servers {
		r.Encrypted = append(r.Encrypted, microseconds(encrypted))
	}
	ratios := c.ratios()
	at := func(share float64) float64 { return math.Round(1000*quantile(ratios, share)) / 1000 }
	r.SRTPRatio, r.SRTPRatioLow, r.SRTPRatioHigh = at(0.5), at(0.25), at(0.75)
}
