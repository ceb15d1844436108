package locate_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"conclave/sip/locate"
	"conclave/sip/locate/nameserver"
)

func servers(t *testing.T, dns *nameserver.Server, q locate.Query) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if q.Family == "" {
		q.Family = "ip"
	}
	list, err := locate.Servers(ctx, dns.Resolver(), q)
	text := fmt.Sprint(list)
	return text[1 : len(text)-1], err
}

func TestServersOfAHost(t *testing.T) {
	dns := nameserver.Start(t)
	dns.Set(
		"_sip._udp.carrier.test. 60 IN SRV 20 0 5080 backup.carrier.test.",
		"_sip._udp.carrier.test. 60 IN SRV 10 0 5070 main.carrier.test.",
		"_sip._tcp.carrier.test. 60 IN SRV 10 0 5090 main.carrier.test.",
		"_sips._tcp.carrier.test. 60 IN SRV 10 0 5091 main.carrier.test.",
		"main.carrier.test. 60 IN A 192.0.2.1",
		"backup.carrier.test. 60 IN A 192.0.2.2",
		"backup.carrier.test. 60 IN AAAA 2001:db8::2",
		"carrier.test. 60 IN A 192.0.2.9",
		"plain.test. 60 IN A 192.0.2.3",
		"half.test. 60 IN A 192.0.2.8",
		"_sip._udp.half.test. 60 IN SRV 1 0 5060 gone.test.",
		"_sip._udp.half.test. 60 IN SRV 2 0 5060 plain.test.",
		"_sip._udp.dead.test. 60 IN SRV 1 0 5060 gone.test.",
		"dead.test. 60 IN A 192.0.2.7",
		"_sip._udp.none.test. 60 IN SRV 0 0 0 .",
		"none.test. 60 IN A 192.0.2.6",
	)
	for _, tt := range []struct {
		query locate.Query
		want  string
	}{
		{locate.Query{Host: "192.0.2.1", Transport: "udp"}, "192.0.2.1:5060"},
		{locate.Query{Host: "2001:db8::1", Port: 5070, Transport: "udp"}, "[2001:db8::1]:5070"},
		{locate.Query{Host: "carrier.test", Transport: "udp", Family: "ip4"}, "192.0.2.1:5070 192.0.2.2:5080"},
		{locate.Query{Host: "carrier.test", Transport: "tcp"}, "192.0.2.1:5090"},
		{locate.Query{Host: "carrier.test", Transport: "tls"}, "192.0.2.1:5091"},
		{locate.Query{Host: "plain.test", Transport: "tls"}, "192.0.2.3:5061"},
		{locate.Query{Host: "carrier.test", Port: 5060, Transport: "udp"}, "192.0.2.9:5060"},
		{locate.Query{Host: "plain.test", Transport: "udp"}, "192.0.2.3:5060"},
		{locate.Query{Host: "half.test", Transport: "udp"}, "192.0.2.3:5060"},
		{locate.Query{Host: "backup.carrier.test", Transport: "udp", Family: "ip6"}, "[2001:db8::2]:5060"},
	} {
		if got, err := servers(t, dns, tt.query); err != nil || got != tt.want {
			t.Errorf("%+v: %s, %v; want %s", tt.query, got, err, tt.want)
		}
	}
	for host, words := range map[string]string{
		"gone.test": "gone.test does not resolve: no such host",
		"dead.test": "dead.test does not resolve: no such host", // what SRV records say counts, even if wrong
		"none.test": "none.test says in its SRV record that it does not serve SIP over UDP",
	} {
		if got, err := servers(t, dns, locate.Query{Host: host, Transport: "udp"}); err == nil || err.Error() != words {
			t.Errorf("%s: %s, %v; want %s", host, got, err, words)
		}
	}
}

func TestServersOfOnePriorityShareTheLoadByWeight(t *testing.T) {
	dns := nameserver.Start(t)
	dns.Set(
		"_sip._udp.w.test. 60 IN SRV 1 90 5060 a.w.test.", "a.w.test. 60 IN A 192.0.2.1",
		"_sip._udp.w.test. 60 IN SRV 1 10 5060 b.w.test.", "b.w.test. 60 IN A 192.0.2.2",
		"_sip._udp.w.test. 60 IN SRV 2 99 5060 c.w.test.", "c.w.test. 60 IN A 192.0.2.3",
	)
	first := map[string]int{}
	const rounds = 200
	for range rounds {
		list, err := locate.Servers(t.Context(), dns.Resolver(), locate.Query{Host: "w.test", Transport: "udp", Family: "ip4"})
		if err != nil || len(list) != 3 || list[2].Addr() != netip.MustParseAddr("192.0.2.3") {
			t.Fatalf("servers %v, %v; want three, 192.0.2.3 the last", list, err)
		}
		first[list[0].Addr().String()]++
	}
	// 180 are expected; below 140 it would be by chance once in 10^14.
	if n := first["192.0.2.1"]; n < 140 || n == rounds {
		t.Errorf("of %d the one with nine times the weight was first %d times", rounds, n)
	}
}

func TestNameServerThatFailsIsNamed(t *testing.T) {
	dns := nameserver.Start(t)
	dns.Set("a.test. 60 IN A 192.0.2.1")
	dns.Fail(true)
	if _, err := servers(t, dns, locate.Query{Host: "a.test", Transport: "udp"}); err == nil || !strings.Contains(err.Error(), "a.test does not resolve") {
		t.Errorf("error %v", err)
	}
	dns.Fail(false)
	if got, err := servers(t, dns, locate.Query{Host: "a.test", Transport: "udp"}); err != nil || got != "192.0.2.1:5060" {
		t.Errorf("once it works again: %s, %v", got, err)
	}
}

func TestParseHost(t *testing.T) {
	for text, want := range map[string]string{
		"sip.example.com":         "sip.example.com 0",
		"SIP.Example.com:5070":    "sip.example.com 5070",
		"pbx":                     "pbx 0",
		"my_host.example.com.":    "my_host.example.com. 0",
		"192.0.2.1":               "192.0.2.1 0",
		"192.0.2.1:65535":         "192.0.2.1 65535",
		"[2001:db8::1]":           "2001:db8::1 0",
		"2001:db8::1":             "2001:db8::1 0",
		"[2001:db8::1]:1":         "2001:db8::1 1",
		"[::ffff:192.0.2.1]:5060": "192.0.2.1 5060",
		"[fe80::1%eth0]:5060":     "fe80::1%eth0 5060",
	} {
		if host, port, err := locate.ParseHost(text); err != nil || fmt.Sprint(host, " ", port) != want {
			t.Errorf("%s: %s %d, %v; want %s", text, host, port, err, want)
		}
	}
	for text, word := range map[string]string{
		"":                      "neither",
		"sip:192.0.2.1":         "no scheme",
		"host:":                 "no port",
		"host:0":                "no port",
		"host:65536":            "no port",
		"a b":                   "neither",
		"a..b":                  "neither",
		"-a.b":                  "neither",
		"1.2.3":                 "neither",
		"256.1.1.1":             "neither",
		"ho\x1bst":              `"ho\x1bst"`,
		"0.0.0.0":               "no one machine",
		"[ff02::1]:5060":        "no one machine",
		"user@host":             "neither",
		"[2001:db8::1":          "neither",
		"fe80::1%eth 0":         "no port",
		strings.Repeat("a", 64): "neither",
	} {
		if host, port, err := locate.ParseHost(text); err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "would be right") {
			t.Errorf("%q: %s %d, %v; want %q and what would be right", text, host, port, err, word)
		}
	}
}

func FuzzParseHost(f *testing.F) {
	for _, text := range []string{"sip.example.com:5060", "[2001:db8::1]:1", "[", "a:1:2", ":", "[]:1", "::%]]", "[fe80::1%eth0]:5060"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, _, err := locate.ParseHost(text)
		if err != nil {
			return
		}
		if again, port, err := locate.ParseHost(host); err != nil || again != host || port != 0 {
			t.Errorf("%q is host %q, which is read as %q, %d, %v", text, host, again, port, err)
		}
	})
}
