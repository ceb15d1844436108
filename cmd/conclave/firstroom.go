package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"conclave/sip/wire"
	"conclave/store"
)

// welcome prints what a newcomer can dial, from where. In an empty database it adds a room for that and prints its PIN,
// once; reload makes the server know the room.
func (c *serveCmd) welcome(ctx context.Context, data dataDir, db *store.DB, reload func(context.Context) error, listener wire.Listener) error {
	list, err := db.Rooms(ctx)
	if err != nil {
		return err
	}
	for _, room := range list {
		fmt.Printf("dial %s from a softphone: %s", dialURI(room.Extension, listener, c.Advertise.Addr), printable(room.Name))
		if room.PIN == "" {
			fmt.Println(", no PIN")
		} else {
			fmt.Printf(", PIN: %s --data %s room show %s --show-pin\n", os.Args[0], string(data), room.Extension)
		}
	}
	if len(list) > 0 {
		return nil
	}
	digits, err := newPIN()
	if err != nil {
		return err
	}
	room := store.Room{Extension: "1000", Name: "First room", PIN: string(digits)}
	order := newOrder("serve --first-room", "room", room.Extension)
	if err := db.For(order).AddRoom(ctx, room); err != nil {
		return err
	}
	if err := reload(ctx); err != nil {
		return err
	}
	fmt.Printf("dial %s from a softphone and key in PIN %s\n", dialURI(room.Extension, listener, c.Advertise.Addr), room.PIN)
	return nil
}

// dialURI is the SIP address of an extension as phones on other machines reach it.
func dialURI(extension string, listener wire.Listener, advertise netip.Addr) string {
	address := listener.Addr()
	switch {
	case advertise.IsValid():
		address = netip.AddrPortFrom(advertise, address.Port())
	case address.Addr().IsUnspecified():
		address = netip.AddrPortFrom(ownAddress(address.Addr().Is6()), address.Port())
	}
	uri := fmt.Sprintf("sip:%s@%s", extension, address)
	if transport := strings.ToLower(listener.Transport()); transport != "udp" {
		uri += ";transport=" + transport
	}
	return uri
}

// ownAddress is the address that this machine sends from towards the Internet, or loopback where it has no such route.
func ownAddress(v6 bool) netip.Addr {
	network, target, own := "udp4", "192.0.2.1:9", netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if v6 {
		network, target, own = "udp6", "[2001:db8::1]:9", netip.IPv6Loopback()
	}
	// Connecting a UDP socket sends nothing, it only looks up the route. The addresses are those of RFC 5737 and 3849.
	conn, err := net.Dial(network, target)
	if err != nil {
		return own
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}
