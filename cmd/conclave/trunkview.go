package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"conclave/sip"
	"conclave/store"
)

// trunkView is a trunk as it is shown, never with its password.
type trunkView struct {
	Name        string   `json:"name"`
	Peer        string   `json:"peer"`
	Transport   string   `json:"transport"`
	TLSCA       string   `json:"tls_ca,omitempty"`
	TLSCert     string   `json:"tls_client_cert,omitempty"`
	TLSKey      string   `json:"tls_client_key,omitempty"`
	User        string   `json:"user,omitempty"`
	HasPassword bool     `json:"has_password"`
	Allow       []string `json:"allow"`
	DIDs        []string `json:"did"`
	Register    bool     `json:"register"`
	OpenRooms   bool     `json:"open_rooms"`
	Focus       bool     `json:"focus"`
	Trusted     bool     `json:"trusted"`
	CallerID    string   `json:"caller_id,omitempty"`
	outsideView
	Created time.Time       `json:"created"`
	Changed time.Time       `json:"changed"`
	State   *sip.TrunkState `json:"state,omitempty"` // nil where no server runs
}

type trunkListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *trunkListCmd) Run(ctx context.Context, data dataDir) error {
	views, err := viewTrunks(ctx, data)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(views)
	}
	table := newTable(os.Stdout, "NAME", "PEER", "DID", "REGISTERED", "STATE")
	for _, v := range views {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", printable(v.Name), printable(v.Transport+" "+v.Peer), printable(strings.Join(v.DIDs, " ")),
			escape(v.registered(time.Now()), longestLine), escape(strings.Join(v.states(time.Now()), "; "), longestLine))
	}
	return table.Flush()
}

type trunkShowCmd struct {
	Name string `arg:"" help:"Name of the trunk."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c *trunkShowCmd) Run(ctx context.Context, data dataDir) error {
	views, err := viewTrunks(ctx, data)
	if err != nil {
		return err
	}
	for _, v := range views {
		if v.Name == c.Name {
			return v.show(c.JSON)
		}
	}
	return fmt.Errorf("trunk %s: %w", printable(c.Name), store.ErrNoTrunk)
}

func (v trunkView) show(asJSON bool) error {
	if asJSON {
		return printJSON(v)
	}
	now := time.Now()
	table := newTable(os.Stdout, "name", v.Name)
	row(table, "peer", v.Peer)
	row(table, "transport", v.Transport)
	if v.Transport == "tls" {
		row(table, "authorities", cmp.Or(v.TLSCA, "this machine's"))
		row(table, "client certificate", cmp.Or(v.TLSCert, "none"))
	}
	row(table, "user", v.User)
	row(table, "password", pinText(v.HasPassword, ""))
	row(table, "allow", strings.Join(v.Allow, " "))
	row(table, "DID blocks", strings.Join(v.DIDs, " "))
	row(table, "open rooms", yesNo(v.OpenRooms))
	row(table, "focus", yesNo(v.Focus))
	row(table, "trusted", yesNo(v.Trusted))
	row(table, "allow out", v.text())
	row(table, "out calls", v.limits())
	row(table, "caller ID", v.CallerID)
	row(table, "created", v.Created.Local().Format(time.DateTime))
	row(table, "changed", v.Changed.Local().Format(time.DateTime))
	fmt.Fprintf(table, "registered\t%s\n", escape(v.registered(now), longestLine))
	heading := "state"
	for _, state := range v.states(now) {
		fmt.Fprintf(table, "%s\t%s\n", heading, escape(state, longestLine))
		heading = ""
	}
	return table.Flush()
}

// viewTrunks joins the trunks of the database with what a running server knows of them.
func viewTrunks(ctx context.Context, data dataDir) ([]trunkView, error) {
	db, err := data.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	trunks, err := db.Trunks(ctx)
	if err != nil {
		return nil, err
	}
	var states []sip.TrunkState
	if err := newClient(data).call(ctx, "GET", "/v1/trunks", &states); err != nil && !errors.Is(err, errNoServer) {
		return nil, err
	}
	views := []trunkView{}
	for _, t := range trunks {
		v := trunkView{Name: t.Name, Peer: t.Peer, Transport: t.Transport,
			TLSCA: t.TLS.CA, TLSCert: t.TLS.Certificate, TLSKey: t.TLS.Key, User: t.User, HasPassword: t.Password != "", Allow: t.Allow,
			DIDs: t.DIDs, Register: t.Register, OpenRooms: t.OpenRooms, Focus: !t.NoFocus, Trusted: !t.Untrusted, CallerID: t.CallerID, outsideView: viewOutside(t.Outside),
			Created: t.Created, Changed: t.Changed}
		for i := range states {
			if states[i].Name == t.Name {
				v.State = &states[i]
			}
		}
		views = append(views, v)
	}
	return views, nil
}

// states says in a line for each of the peer's addresses how it is, and where its host has none, why.
func (v trunkView) states(now time.Time) []string {
	if v.State == nil {
		return []string{"no server is running"}
	}
	var states []string
	for _, t := range v.State.Targets {
		switch {
		case t.Reachable && t.Failure == "":
			states = append(states, fmt.Sprintf("%s reachable, %.1f ms", t.Address, t.RoundTrip))
		case t.Reachable:
			states = append(states, fmt.Sprintf("%s silent since %s: %s", t.Address, shortTime(t.Since, now), t.Failure))
		case t.Failure != "":
			states = append(states, fmt.Sprintf("%s unreachable since %s: %s", t.Address, shortTime(t.Since, now), t.Failure))
		default:
			states = append(states, fmt.Sprintf("%s has not answered yet", t.Address))
		}
	}
	if v.State.Unresolved != "" {
		states = append(states, v.State.Unresolved)
	}
	if len(states) == 0 {
		states = append(states, "is being looked up")
	}
	return states
}

// registered says how our registration is.
func (v trunkView) registered(now time.Time) string {
	switch {
	case !v.Register:
		return "not wanted"
	case v.State == nil || v.State.Registration == nil:
		return "unknown"
	}
	r := v.State.Registration
	text := "not yet"
	switch {
	case r.Registered:
		text = fmt.Sprintf("at %s until %s", r.Address, shortTime(r.Until, now))
		if r.Failure != "" {
			text += ", refresh failed: " + r.Failure
		}
	case r.Failure != "":
		text = fmt.Sprintf("failed since %s: %s", shortTime(r.Since, now), r.Failure)
	}
	return text
}

// shortTime is a time of today without its date.
func shortTime(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}
