package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"conclave/sip"
	"conclave/store"
)

// trunkCmd configures trunks: like rooms, in the database, whether or not a server runs.
type trunkCmd struct {
	Add  trunkAddCmd  `cmd:"" audit:"change" help:"Add a trunk."`
	List trunkListCmd `cmd:"" audit:"no" help:"List all trunks, and how they are where a server runs."`
	Show trunkShowCmd `cmd:"" audit:"no" help:"Show a trunk."`
	Set  trunkSetCmd  `cmd:"" audit:"change" help:"Change what is given of a trunk; calls that go on stay."`
	Rm   trunkRmCmd   `cmd:"" audit:"change" help:"Remove a trunk; calls that go on stay."`
}

type trunkAddCmd struct {
	Name      string `arg:"" help:"Name of the trunk."`
	Peer      string `required:"" placeholder:"HOST[:PORT]" help:"The PBX or carrier: an address or a name. A name without a port is looked up by its SRV records."`
	Transport string `default:"udp" enum:"udp,tcp,tls" help:"udp, tcp or tls (${default})."`
	trunkTLSFlags
	User      string   `help:"User that the peer knows us by, and we it, where its address does not tell."`
	Password  string   `audit:"secret" help:"Password of that user; - reads it from standard input."`
	Allow     []string `sep:"none" placeholder:"CIDR" help:"Network that its calls and their audio come from, too; may be repeated."`
	DID       []string `name:"did" sep:"none" placeholder:"PREFIX" help:"What its numbers begin with before the extension, as in +49301234; may be repeated."`
	Register  bool     `help:"Register with the peer."`
	OpenRooms bool     `negatable:"" default:"true" help:"Let its callers into rooms without a PIN, which is the default."`
	Focus     bool     `negatable:"" default:"true" help:"Tell it that rooms are conferences, by isfocus in Contact; which is the default."`
	Trusted   bool     `negatable:"" default:"true" help:"Believe it who its callers are, and tell it who ours are, also those who want to be private; which is the default."`
	CallerID  string   `name:"caller-id" placeholder:"NUMBER" help:"Number that those are shown who are called; without it that of who calls, behind the DID block."`
	outsideArgs
}

func (c *trunkAddCmd) Run(ctx context.Context, data dataDir) error {
	password, err := readPassword(c.Password)
	if err != nil {
		return err
	}
	outside := store.Outside{AtOnce: store.TrunkOutsideAtOnce, PerDay: store.TrunkOutsidePerDay}
	if err := c.applyOutside(&outside); err != nil {
		return fmt.Errorf("add trunk: %w", err)
	}
	trunk, err := sip.NormalizeTrunk(store.Trunk{
		Name: c.Name, Peer: c.Peer, Transport: c.Transport, TLS: c.apply(store.TrunkTLS{}), User: c.User, Password: password,
		Allow: c.Allow, DIDs: c.DID, Register: c.Register, OpenRooms: c.OpenRooms, NoFocus: !c.Focus, Untrusted: !c.Trusted,
		Outside: outside, CallerID: c.CallerID,
	})
	if err != nil {
		return fmt.Errorf("add trunk: %w", err)
	}
	if err := data.create(); err != nil {
		return err
	}
	db, err := data.openOrCreate(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.AddTrunk(ctx, trunk); err != nil {
		return err
	}
	fmt.Printf("trunk %s added\n", trunk.Name)
	return reload(ctx, data, "rooms")
}

type trunkSetCmd struct {
	Name      string  `arg:"" help:"Name of the trunk."`
	Peer      *string `placeholder:"HOST[:PORT]" help:"The PBX or carrier."`
	Transport *string `help:"udp, tcp or tls."`
	trunkTLSFlags
	User      *string  `xor:"user" help:"User that the peer knows us by."`
	Password  *string  `audit:"secret" xor:"password" help:"Password of that user; - reads it from standard input."`
	NoUser    bool     `name:"no-user" xor:"user,password" help:"Have neither user nor password."`
	Allow     []string `sep:"none" xor:"allow" placeholder:"CIDR" help:"Networks in place of those there are; may be repeated."`
	NoAllow   bool     `name:"no-allow" xor:"allow" help:"Take calls from the peer's own addresses only."`
	DID       []string `name:"did" sep:"none" xor:"did" placeholder:"PREFIX" help:"DID blocks in place of those there are; may be repeated."`
	NoDID     bool     `name:"no-did" xor:"did" help:"Take numbers as they are dialled."`
	Register  *bool    `negatable:"" help:"Register with the peer, or not."`
	OpenRooms *bool    `negatable:"" help:"Let its callers into rooms without a PIN, or not."`
	Focus     *bool    `negatable:"" help:"Tell it that rooms are conferences, by isfocus in Contact, or not."`
	Trusted   *bool    `negatable:"" help:"Believe it who its callers are, and tell it who ours are, or not."`
	CallerID  *string  `name:"caller-id" placeholder:"NUMBER" help:"Number that those are shown who are called; empty: that of who calls, behind the DID block."`
	outsideSetArgs
}

func (c *trunkSetCmd) Run(ctx context.Context, data dataDir) error {
	if c.Peer == nil && c.Transport == nil && c.trunkTLSFlags == (trunkTLSFlags{}) && c.User == nil && c.Password == nil && !c.NoUser && len(c.Allow) == 0 && !c.NoAllow &&
		len(c.DID) == 0 && !c.NoDID && c.Register == nil && c.OpenRooms == nil && c.Focus == nil && c.Trusted == nil && c.CallerID == nil && !c.given() {
		return errors.New("nothing to set: give --peer, --transport, --tls-ca, --tls-client-cert, --user, --password, --allow, --did, --register, " +
			"--open-rooms, --trusted or their --no- forms, --caller-id, " + outsideFlags)
	}
	if c.Password != nil {
		password, err := readPassword(*c.Password)
		if err != nil {
			return err
		}
		c.Password = &password
	}
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.SetTrunk(ctx, c.Name, c.change); err != nil {
		return err
	}
	fmt.Printf("trunk %s changed\n", c.Name)
	return reload(ctx, data, "rooms")
}

// change makes of a trunk what is given.
func (c *trunkSetCmd) change(trunk *store.Trunk) error {
	wanted := *trunk
	for given, field := range map[*string]*string{c.Peer: &wanted.Peer, c.Transport: &wanted.Transport, c.User: &wanted.User, c.Password: &wanted.Password, c.CallerID: &wanted.CallerID} {
		if given != nil {
			*field = *given
		}
	}
	wanted.TLS = c.apply(wanted.TLS)
	if wanted.Transport != "tls" && c.trunkTLSFlags == (trunkTLSFlags{}) {
		wanted.TLS = store.TrunkTLS{}
	}
	if c.NoUser {
		wanted.User, wanted.Password = "", ""
	}
	if len(c.Allow) > 0 || c.NoAllow {
		wanted.Allow = c.Allow
	}
	if len(c.DID) > 0 || c.NoDID {
		wanted.DIDs = c.DID
	}
	if c.Register != nil {
		wanted.Register = *c.Register
	}
	if c.OpenRooms != nil {
		wanted.OpenRooms = *c.OpenRooms
	}
	if c.Focus != nil {
		wanted.NoFocus = !*c.Focus
	}
	if c.Trusted != nil {
		wanted.Untrusted = !*c.Trusted
	}
	if err := c.applyOutside(&wanted.Outside); err != nil {
		return err
	}
	wanted, err := sip.NormalizeTrunk(wanted)
	if err == nil {
		*trunk = wanted
	}
	return err
}

type trunkRmCmd struct {
	Name string `arg:"" help:"Name of the trunk."`
}

func (c *trunkRmCmd) Run(ctx context.Context, data dataDir) error {
	db, err := data.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.RemoveTrunk(ctx, c.Name); err != nil {
		return err
	}
	fmt.Printf("trunk %s removed\n", c.Name)
	return reload(ctx, data, "rooms")
}

// readPassword returns a password as given, or for - the first line of standard input; a terminal does not show it.
func readPassword(given string) (string, error) {
	if given != "-" {
		return given, nil
	}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		fmt.Fprint(os.Stderr, "password: ")
		text, err := term.ReadPassword(fd)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return string(text), nil
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !(errors.Is(err, io.EOF) && line != "") {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// loadTrunks makes the server know the trunks of the database. One that cannot be served keeps no other back.
func loadTrunks(ctx context.Context, db *store.DB, server *sip.Server, log *slog.Logger) error {
	trunks, err := db.Trunks(ctx)
	if err != nil {
		return err
	}
	if err := server.SetTrunks(trunks); err != nil {
		log.Error("not all trunks are served", "error", err)
	}
	if len(trunks) > 0 {
		log.Info("trunks loaded", "count", len(trunks))
	}
	return nil
}
