// Package locate finds the addresses of a SIP server by its name (RFC 3263).
package locate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The ports of SIP over UDP and TCP, and over TLS (RFC 3261 19.1.2).
const (
	usualPort    = 5060
	usualPortTLS = 5061
)

// mostServers bounds what is taken of an answer: nobody tries more one after another.
const mostServers = 16

// Query is what is looked for.
type Query struct {
	Host      string // an IP address, or a name
	Port      uint16 // 0: that of the SRV records, or 5060, of TLS 5061
	Transport string // "udp", "tcp" or "tls"
	Family    string // "ip4" or "ip6" where only these can be reached; else "ip"
}

// Servers returns where a request may be sent, in the order in which the addresses are to be tried: that of the SRV
// records by priority, and at random by weight within one (RFC 2782). An IP address is not looked up, and a name with a
// port has no SRV records (RFC 3263 4.2). NAPTR records, which choose a transport, are not asked for, as the transport
// is given (4.1). Without SRV records, or where the name server cannot tell, the addresses of the name itself are taken.
// dns looks names up; ctx bounds that. The error names the host and why it has no address.
func Servers(ctx context.Context, dns *net.Resolver, q Query) ([]netip.AddrPort, error) {
	port, service, protocol := uint16(usualPort), "sip", q.Transport
	if q.Transport == "tls" {
		port, service, protocol = usualPortTLS, "sips", "tcp" // RFC 3263 4.1
	}
	port = cmp.Or(q.Port, port)
	if addr, err := netip.ParseAddr(q.Host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(addr.Unmap(), port)}, nil
	}
	var servers []netip.AddrPort
	if q.Port == 0 {
		_, records, err := dns.LookupSRV(ctx, service, protocol, rooted(q.Host))
		switch {
		case err == nil && len(records) == 1 && records[0].Target == ".":
			return nil, fmt.Errorf("%s says in its SRV record that it does not serve SIP over %s", q.Host, strings.ToUpper(q.Transport))
		case ctx.Err() != nil:
			return nil, why(q.Host, ctx.Err())
		}
		for _, record := range records { // valid ones, even where the error is about others
			addrs, addrErr := dns.LookupNetIP(ctx, q.Family, record.Target)
			servers = add(servers, addrs, record.Port)
			err = errors.Join(err, addrErr)
		}
		if len(servers) > 0 {
			return servers, nil
		}
		if len(records) > 0 {
			return nil, why(q.Host, err)
		}
	}
	addrs, err := dns.LookupNetIP(ctx, q.Family, rooted(q.Host))
	if err != nil {
		return nil, why(q.Host, err)
	}
	return add(nil, addrs, port), nil
}

// rooted keeps the search domains of this machine away from names that have a dot.
func rooted(host string) string {
	if strings.Contains(host, ".") && !strings.HasSuffix(host, ".") {
		return host + "."
	}
	return host
}

func add(servers []netip.AddrPort, addrs []netip.Addr, port uint16) []netip.AddrPort {
	for _, addr := range addrs {
		server := netip.AddrPortFrom(addr.Unmap(), port)
		if len(servers) < mostServers && port != 0 && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	return servers
}

// why tells in a few words what kept a host from being found.
func why(host string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		err = errors.New("no such host")
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		err = errors.New("the name server does not answer")
	case errors.As(err, &dns):
		err = errors.New(dns.Err)
	}
	return fmt.Errorf("%s does not resolve: %w", host, err)
}

// ParseHost reads host or host:port, as in 192.0.2.1:5070, [2001:db8::1]:5070, 2001:db8::1 and sip.example.com. port is 0
// without one. The error says what is wrong and what would be right.
func ParseHost(text string) (host string, port uint16, err error) {
	const right = "; sip.example.com, 192.0.2.1:5070 or [2001:db8::1]:5070 would be right"
	if addr, err := parseAddr(text); err == nil {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return "", 0, fmt.Errorf("%s is the address of no one machine%s", text, right)
		}
		return addr.Unmap().String(), 0, nil
	}
	host = text
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 {
		number, err := strconv.ParseUint(text[colon+1:], 10, 16)
		if err != nil || number == 0 {
			return "", 0, fmt.Errorf("%q has no port of 1 to 65535 behind its colon, and no scheme belongs before it%s", text, right)
		}
		host, port = text[:colon], uint16(number)
	}
	if addr, err := parseAddr(host); err == nil && (addr.Is4() || host[0] == '[') {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return "", 0, fmt.Errorf("%s is the address of no one machine%s", host, right)
		}
		return addr.Unmap().String(), port, nil
	}
	if !isName(host) {
		return "", 0, fmt.Errorf("%q is neither an IP address nor the name of a host%s", host, right)
	}
	return strings.ToLower(host), port, nil
}

// parseAddr reads an address with or without brackets. A zone is the name of a network interface.
func parseAddr(text string) (netip.Addr, error) {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		text = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(text)
	if err == nil && addr.Zone() != "" && !isInterface(addr.Zone()) {
		return netip.Addr{}, fmt.Errorf("%q is not the name of a network interface", addr.Zone())
	}
	return addr, err
}

// isInterface tells names that a network interface may have (netdevice(7)), in letters that need no quotes anywhere.
func isInterface(name string) bool {
	return len(name) < 16 && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// isName tells names that DNS may know: labels of letters, digits, hyphens and underscores.
func isName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > 253 || strings.Trim(host, "0123456789.") == "" {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(strings.ToLower(label)) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
