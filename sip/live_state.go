package sip

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/media"
	"conclave/rooms"
	"conclave/sip/wire"
	"conclave/store"
)

// callState is a call whose dialog is confirmed, or about to be, as another process has to know it to go on with it.
type callState struct {
	Dialog    dialogState     `json:"dialog"`
	Direction store.Direction `json:"direction"`
	Dialled   string          `json:"dialled"`
	Number    string          `json:"number"` // user part of our Contact
	SIPS      bool            `json:"sips,omitempty"`
	Caller    rooms.Caller    `json:"caller"`
	Started   time.Time       `json:"started"`
	Answered  time.Time       `json:"answered"`
	Transport string          `json:"transport"`
	Local     netip.AddrPort  `json:"local"`  // of the signalling
	Remote    netip.AddrPort  `json:"remote"` // likewise
	SessionID uint64          `json:"session_id"`
	Version   uint64          `json:"session_version"`
	Payers    []payerState    `json:"payers,omitempty"` // of a call outside
	Leg       media.LegState  `json:"leg"`

	// One of them is there.
	Visit *rooms.VisitState `json:"visit,omitempty"`
	Party *rooms.PartyState `json:"party,omitempty"`
}

// dialogState is a Dialog whose URIs are text.
type dialogState struct {
	CallID    string   `json:"call_id"`
	LocalTag  string   `json:"local_tag"`
	RemoteTag string   `json:"remote_tag"`
	Local     string   `json:"local"`
	Remote    string   `json:"remote"`
	LocalSeq  uint32   `json:"local_seq"`
	RemoteSeq uint32   `json:"remote_seq"`
	Target    string   `json:"target"`
	Routes    []string `json:"routes,omitempty"`
}

// payerState is a payer by name.
type payerState struct {
	Phone string `json:"phone,omitempty"`
	Trunk string `json:"trunk,omitempty"`
	Room  string `json:"room,omitempty"`
}

func (d Dialog) state() dialogState {
	s := dialogState{CallID: d.ID.CallID, LocalTag: d.ID.Local, RemoteTag: d.ID.Remote, Local: d.Local.String(), Remote: d.Remote.String(),
		LocalSeq: d.LocalSeq, RemoteSeq: d.RemoteSeq, Target: d.Target.String()}
	for _, route := range d.Routes {
		s.Routes = append(s.Routes, route.String())
	}
	return s
}

// dialog is the Dialog that the state is of.
func (s dialogState) dialog() (Dialog, error) {
	d := Dialog{ID: s.id(), LocalSeq: s.LocalSeq, RemoteSeq: s.RemoteSeq}
	for _, uri := range []struct {
		text string
		to   *sipgo.Uri
	}{{s.Local, &d.Local}, {s.Remote, &d.Remote}, {s.Target, &d.Target}} {
		var err error
		if *uri.to, err = anyURI(uri.text); err != nil {
			return Dialog{}, err
		}
	}
	for _, text := range s.Routes {
		route, err := wire.ParseURI(text)
		if err != nil {
			return Dialog{}, err
		}
		d.Routes = append(d.Routes, route)
	}
	return d, nil
}

func (s dialogState) id() DialogID {
	return DialogID{CallID: s.CallID, Local: s.LocalTag, Remote: s.RemoteTag}
}

// anyURI reads a URI of any scheme: From and To may have telephone numbers.
func anyURI(text string) (sipgo.Uri, error) {
	addresses, err := wire.ParseAddresses("<" + text + ">")
	if err != nil {
		return sipgo.Uri{}, fmt.Errorf("read URI: %w", err)
	}
	if len(addresses) != 1 {
		return sipgo.Uri{}, fmt.Errorf("read URI: %d in place of one", len(addresses))
	}
	return addresses[0].URI, nil
}

// draft is what a call tells of itself, to be written. But for the leg and the stay, which may be asked from any goroutine,
// it does not change.
type draft struct {
	callState
	dialog Dialog
	leg    *media.Leg
	stay   stay
	tries  int
}

// state completes the draft by what the leg and the house know now. It is false where there is nothing to go on with.
func (d *draft) state() (callState, *media.Sound, bool) {
	s, ok := d.callState, false
	if s.Leg, ok = d.leg.State(); !ok {
		return callState{}, nil, false
	}
	s.Dialog = d.dialog.state()
	var name *media.Sound
	switch stay := d.stay.(type) {
	case *rooms.Visit:
		visit := stay.State()
		s.Visit, name = &visit, visit.Name
	case *rooms.Party:
		party := stay.State()
		s.Party = &party
	}
	return s, name, true
}

// parseCall reads what a process has written of a call. The error tells what it lacks.
func parseCall(text []byte) (callState, error) {
	var s callState
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read a call: %w", err)
	}
	if s.Dialog.CallID == "" || s.Dialog.LocalTag == "" || (s.Visit == nil) == (s.Party == nil) {
		return s, errors.New("read a call: its dialog or its place in the house is missing")
	}
	if s.Party != nil && s.Party.Side > rooms.CalledSide {
		return s, fmt.Errorf("read a call: a talk has no side %d", s.Party.Side)
	}
	return s, nil
}

// isEnding tells that the call was about to end.
func (s callState) isEnding() bool {
	return s.Visit != nil && s.Visit.Out || s.Party != nil && s.Party.Out
}

// draft is the call as it is now. It is false where there is nothing that another process could go on with.
func (c *Call) draft() (*draft, bool) {
	if c.leg == nil || c.stay == nil || c.leaving || c.state != answered && c.state != confirmed {
		return nil, false
	}
	d := &draft{dialog: c.dialog, leg: c.leg, stay: c.stay, tries: c.tries}
	d.callState = callState{Direction: c.past.direction, Dialled: c.past.dialled, Number: c.number, SIPS: c.sips, Caller: c.caller,
		Started: c.past.started, Answered: c.past.at(c.began), Transport: c.peer.Transport, Local: c.peer.Local, Remote: c.peer.Remote,
		SessionID: c.session.local.SessionID, Version: c.session.local.Version}
	if c.out != nil && c.out.charge != nil {
		for _, p := range c.out.charge.payers {
			d.Payers = append(d.Payers, payerState{p.phone, p.trunk, p.room})
		}
	}
	return d, true
}
