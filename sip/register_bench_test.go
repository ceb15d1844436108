package sip_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// BenchmarkRegister registers 2 000 phones again and again, each time with a challenge, their bindings in a database. It
// tells what a core takes where it is bound to one, the phones' part included:
//
//	go test -c ./sip && taskset -c 0 ./sip.test -test.run '^$' -test.bench Register -test.cpu 3 -test.benchtime 10s
func BenchmarkRegister(b *testing.B) {
	const phones = 2000
	db, err := store.Open(context.Background(), filepath.Join(b.TempDir(), "conclave.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var accounts []store.Phone
	for i := range phones {
		accounts = append(accounts, account(fmt.Sprint(10000+i)))
		if err := db.AddPhone(context.Background(), accounts[i]); err != nil {
			b.Fatal(err)
		}
	}
	s := startServer(b, func(c *sip.Config) { c.Phones, c.Store = accounts, db })
	s.log.close()
	conn, err := net.Dial("udp", s.at["udp"].String())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	buffer := make([]byte, 65536)
	exchange := func(user string, seq int, credentials string) string {
		text := fmt.Sprintf("REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK%[3]s;rport\r\nMax-Forwards: 70\r\n"+
			"From: <sip:%[4]s@%[1]s>;tag=%[3]s\r\nTo: <sip:%[4]s@%[1]s>\r\nCall-ID: %[4]s@%[2]s\r\nCSeq: %[5]d REGISTER\r\n"+
			"Contact: <sip:%[4]s@%[2]s>\r\nExpires: 300\r\nUser-Agent: bench\r\n%[6]sContent-Length: 0\r\n\r\n",
			conn.RemoteAddr(), conn.LocalAddr(), token(), user, seq, credentials)
		for range 10 {
			if _, err := conn.Write([]byte(text)); err != nil {
				b.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			for {
				n, err := conn.Read(buffer)
				if err != nil {
					break
				}
				if answer := string(buffer[:n]); strings.Contains(answer, fmt.Sprintf("CSeq: %d REGISTER", seq)) {
					return answer
				}
				// An OPTIONS, which may stay without an answer here.
			}
		}
		b.Fatal("no answer")
		return ""
	}
	register := func(i int) {
		user := accounts[i%phones].Extension
		asks := exchange(user, 2*i+1, "")
		credentials := phone.Credentials{User: user, Password: secret(user), Realm: sip.Realm, Algorithm: "SHA-256",
			Nonce: nonceParam.FindStringSubmatch(asks)[1], Method: "REGISTER", URI: "sip:" + conn.RemoteAddr().String(), Count: 1}
		if answer := exchange(user, 2*i+2, "Authorization: "+credentials.String()+"\r\n"); !strings.HasPrefix(answer, "SIP/2.0 200 ") {
			b.Fatal(answer)
		}
	}
	n := 0
	began := time.Now()
	for b.Loop() {
		register(n)
		n++
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "registrations/s")
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	b.ReportMetric(float64(heap[0].Value.Uint64())/(1<<20), "MB-heap")
	if err := s.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
	stored, err := db.Bindings(context.Background())
	if err != nil || len(stored) != min(n, phones) {
		b.Errorf("%d bindings are stored, want %d (%v)", len(stored), min(n, phones), err)
	}
}
