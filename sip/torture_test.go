package sip_test

import (
	"testing"
	"time"

	"conclave/sip"
	"conclave/sip/wire/torture"
)

// tortureUsers are whom the messages of RFC 4475 and RFC 5118 call: with a room behind each, they
// get as far as they can.
var tortureUsers = []string{"user", "j.user", "j_user", "joe", "watson", "t.watson", "vivekg", "UserB"}

func TestTortureMessages(t *testing.T) {
	for corpus, size := range map[string]int{"rfc4475": 51, "rfc5118": 12} {
		cases, err := torture.Load("../testdata/" + corpus)
		if err != nil {
			t.Fatal(err)
		}
		if len(cases) != size {
			t.Errorf("%s: %d messages, want %d", corpus, len(cases), size)
		}
		for _, network := range networks {
			t.Run(corpus+" "+network, func(t *testing.T) {
				s := startServer(t, func(c *sip.Config) { short(c); withPhones(c) })
				prober := torture.Prober{
					Network: network[:3],
					Addr:    s.at[network].String(),
					Wait:    time.Second,
					Quiet:   20 * time.Millisecond,
				}
				for _, c := range cases {
					answers, err := prober.Send(c)
					if err == nil {
						_, err = c.Judge(prober.Network, answers)
					}
					if err != nil {
						t.Errorf("%s: %v", c.File, err)
					}
				}
				s.empty(t)
				if n := s.Stats().Panics; n != 0 {
					t.Errorf("%d panics", n)
				}
			})
		}
	}
}
