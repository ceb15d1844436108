package sip

import (
	"net/netip"

	"conclave/sip/wire"
)

// here is the address of this machine that leads to remote: local, where the listener is
// bound to one address, else the one that the kernel would send from.
func here(local, remote netip.Addr) (netip.Addr, error) {
	if local.IsValid() && !local.IsUnspecified() {
		return local.Unmap(), nil
	}
	return wire.AddrToward(remote)
}

// shown is what the far end is told of our address local: the one that was set to be
// advertised, if it is of the same family. A zone means nothing to others.
func (s *Server) shown(local netip.Addr) netip.Addr {
	if a := s.advertise; a.IsValid() && a.Is4() == local.Is4() {
		return a
	}
	return local.WithZone("")
}
