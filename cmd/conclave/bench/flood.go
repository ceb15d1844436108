package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Flood is what became of SIP messages that one source sent while the members were measured.
type Flood struct {
	Sent     int   `json:"sent"`
	Answers  int   `json:"answers"` // datagrams that came back, repetitions included
	BytesOut int64 `json:"bytes_sent"`
	BytesIn  int64 `json:"bytes_received"`
}

const (
	floodFrom = "127.0.0.66" // the source of the flood
	otherFrom = "127.0.0.3"  // who calls beside it, and has no call yet
	floodRate = 100          // of messages from one address, as the server takes them when nothing is said of it
)

// floodMethods come by turns: what a scanner sends, and what belongs to calls that there are not.
var floodMethods = []string{"INVITE", "REGISTER", "OPTIONS", "INVITE", "BYE", "ACK", "CANCEL", "JUNK"}

// flood sends Flood messages a second from one source for Length, each of a call of its own.
func (b *bench) flood(ctx context.Context, server *serverProcess) (f Flood, err error) {
	total := b.Flood * int(b.Length/time.Second)
	if total == 0 {
		return f, nil
	}
	to, err := net.ResolveUDPAddr("udp", server.sip)
	if err != nil {
		return f, err
	}
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(floodFrom)}, to)
	if err != nil {
		return f, fmt.Errorf("flood: %w", err)
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			if n > 0 {
				f.Answers++
				f.BytesIn += int64(n)
			}
		}
	})
	start, own := time.Now(), conn.LocalAddr()
	for n := range total {
		if n%10 == 0 { // a timer for each would be late more often than not
			at := start.Add(time.Duration(n) * time.Second / time.Duration(b.Flood))
			if err = pause(ctx, time.Until(at)); err != nil {
				break
			}
		}
		method := floodMethods[n%len(floodMethods)]
		text := fmt.Sprintf("%[1]s sip:%[2]d@%[3]s SIP/2.0\r\nVia: SIP/2.0/UDP %[4]s;branch=z9hG4bK-flood-%[5]d\r\nMax-Forwards: 70\r\n"+
			"From: <sip:%[2]d@%[3]s>;tag=%[5]d\r\nTo: <sip:%[2]d@%[3]s>\r\nCall-ID: flood-%[5]d\r\nCSeq: 1 %[1]s\r\n"+
			"User-Agent: friendly-scanner\r\nContact: <sip:%[2]d@%[4]s>\r\nContent-Length: 0\r\n\r\n", method, 100+n%900, server.sip, own, n)
		if _, err := conn.Write([]byte(text)); err == nil {
			f.Sent++
			f.BytesOut += int64(len(text))
		}
	}
	// Repetitions of what was answered last come within T1.
	err = errors.Join(err, conn.SetReadDeadline(time.Now().Add(time.Second)))
	answers.Wait()
	return f, errors.Join(err, conn.Close())
}
