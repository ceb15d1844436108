package sip_test

import (
	"slices"
	"testing"
	"time"

	"conclave/media"
	"conclave/sip"
)

// BenchmarkSetup makes calls of one client one after the other, and tells how long the 200 takes to come.
func BenchmarkSetup(b *testing.B) {
	for _, network := range []string{"udp", "tcp"} {
		b.Run(network, func(b *testing.B) {
			s := startServer(b, func(c *sip.Config) {
				c.Log = nil
				c.Ports, _ = media.NewPorts(1024, 32767)
			})
			a := newAgent(b, s, network)
			call := a.newCall("2000")
			var took []time.Duration
			for b.Loop() {
				call.callID, call.to, call.seq = token(), "", 0
				start := time.Now()
				call.send("INVITE", call.offer("0 101"))
				call.took(call.response(200))
				took = append(took, time.Since(start))
				call.ack("")
				call.bye()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "us-p99")
		})
	}
}
