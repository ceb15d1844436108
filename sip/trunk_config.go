package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"conclave/rooms/dialplan"
	"conclave/sip/locate"
	"conclave/sip/wire"
	"conclave/store"
)

// longestTrunkName bounds the name of a trunk, in characters.
const longestTrunkName = 32

// trunkConfig is a trunk as configured, in the form in which it is used.
type trunkConfig struct {
	name      string
	host      string      // an IP address, or a name
	port      uint16      // 0: that of SRV records, or 5060
	transport string      // "udp", "tcp" or "tls"
	secure    wire.Secure // of tls
	secret    credentials
	allow     []netip.Prefix
	dids      []didBlock
	register  bool
	openRooms bool
	noFocus   bool               // it is not told that rooms are conferences
	untrusted bool               // it is told nothing of who calls but what callees are shown, and is believed nothing of who calls
	outside   []dialplan.Pattern // numbers that it carries
	atOnce    int                // calls outside; 0: no limit
	perDay    int                // likewise
	callerID  string             // empty: that of who calls
}

// NormalizeTrunk checks what an operator has written and returns it in the form that it is stored and shown in: networks
// without the bits behind their length, DID blocks with +. The error names each thing that is wrong and what would be
// right; it never holds the password.
func NormalizeTrunk(t store.Trunk) (store.Trunk, error) {
	c, err := newTrunkConfig(t)
	if err == nil && c.transport == "tls" {
		_, err = c.secure.Config() // a mistyped name is told now
	}
	if err != nil {
		return store.Trunk{}, err
	}
	t.Transport = c.transport
	t.CallerID = c.callerID
	t.Outside.Allow = nil
	for _, pattern := range c.outside {
		t.Outside.Allow = append(t.Outside.Allow, string(pattern))
	}
	t.Allow, t.DIDs = nil, nil
	for _, network := range c.allow {
		t.Allow = append(t.Allow, network.String())
	}
	for _, block := range c.dids {
		t.DIDs = append(t.DIDs, string(block))
	}
	slices.Sort(t.Allow)
	slices.Sort(t.DIDs)
	return t, nil
}

func newTrunkConfig(t store.Trunk) (trunkConfig, error) {
	c := trunkConfig{
		name:      t.Name,
		transport: strings.ToLower(t.Transport),
		secret:    credentials{t.User, t.Password},
		register:  t.Register,
		openRooms: t.OpenRooms,
		noFocus:   t.NoFocus,
		untrusted: t.Untrusted,
		atOnce:    t.Outside.AtOnce,
		perDay:    t.Outside.PerDay,
		callerID:  dialplan.Digits(t.CallerID),
	}
	errs := []error{checkTrunkName(t.Name), checkCredentials(c.secret, t.Register)}
	var err error
	if c.host, c.port, err = locate.ParseHost(t.Peer); err != nil {
		errs = append(errs, fmt.Errorf("peer %w", err))
	}
	if !slices.Contains([]string{"udp", "tcp", "tls"}, c.transport) {
		errs = append(errs, fmt.Errorf("transport %q: udp, tcp or tls is right", t.Transport))
	}
	errs = append(errs, c.checkTLS(t.TLS))
	if t.CallerID != "" && c.callerID == "" {
		errs = append(errs, fmt.Errorf("caller ID %q: it takes a number; +4930123456 would be right", t.CallerID))
	}
	if c.outside, err = dialplan.Parse(t.Outside.Allow...); err != nil {
		errs = append(errs, err)
	}
	for _, text := range t.Allow {
		network, err := parseNetwork(text)
		if err == nil && !slices.Contains(c.allow, network) {
			c.allow = append(c.allow, network)
		}
		errs = append(errs, err)
	}
	for _, text := range t.DIDs {
		block, err := parseDIDBlock(text)
		if err == nil && !slices.Contains(c.dids, block) {
			c.dids = append(c.dids, block)
		}
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

// checkTLS takes the files of TLS. They are read for each connection, and may be there only then.
func (c *trunkConfig) checkTLS(files store.TrunkTLS) error {
	switch {
	case c.transport != "tls" && files != store.TrunkTLS{}:
		return errors.New("files for TLS: they take transport tls")
	case c.transport != "tls":
		return nil
	case (files.Certificate == "") != (files.Key == ""):
		return errors.New("client certificate and its key: it takes both or neither")
	}
	c.secure = wire.Secure{Host: c.host, CA: files.CA, Certificate: files.Certificate, Key: files.Key}
	return nil
}

// checkTrunkName takes what can stand in a command line, a URL and a table without being escaped.
func checkTrunkName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	if name == "" || strings.Trim(name, letters) != "" || name[0] == '-' || len(name) > longestTrunkName {
		return fmt.Errorf("name %q: it takes 1 to %d letters, digits, dots, hyphens and underscores, not beginning with a hyphen", name, longestTrunkName)
	}
	return nil
}

// checkCredentials takes users that a From address holds without being escaped (RFC 3261 25.1).
func checkCredentials(c credentials, register bool) error {
	const marks = "-_.!~*'()&=+$,;?/"
	for _, r := range c.user {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(marks, r) {
			return fmt.Errorf("user %q: %q cannot be in it; the part before the @ is what a carrier calls user or account", c.user, r)
		}
	}
	switch {
	case len(c.user) > 64 || len(c.password) > 128:
		return errors.New("user and password: 64 and 128 characters are the most")
	case strings.ContainsFunc(c.password, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("the password holds a control character")
	case c.user == "" && c.password != "":
		return errors.New("a password without a user proves nothing: give the user, too")
	case c.user != "" && c.password == "":
		return errors.New("a user without a password proves nothing: give the password, too")
	case register && c.user == "":
		return errors.New("to register takes a user and a password")
	}
	return nil
}

// parseNetwork reads 192.0.2.0/24, or an address for the network of itself alone.
func parseNetwork(text string) (netip.Prefix, error) {
	const right = "192.0.2.0/24, 2001:db8::/32 or an address alone would be right"
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil || network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("network %q: %s", text, right)
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("network %s: it is everybody, and everybody would be this trunk; %s", text, right)
	}
	return network.Masked(), nil
}
