// Package dialoginfo writes documents of type application/dialog-info+xml (RFC 4235), by which phones light the lamps of their
// keys: whether a phone or a room is in use. It knows neither SIP nor rooms.
package dialoginfo

import (
	"encoding/xml"
	"slices"
)

// ContentType is the type of the documents.
const ContentType = "application/dialog-info+xml"

// State is that of a dialog (RFC 4235 3.7.1).
type State string

// The states that are told; a dialog that is over is told once.
const (
	Early      State = "early" // it rings
	Confirmed  State = "confirmed"
	terminated State = "terminated"
)

// Direction says who has begun a dialog, as seen from who is watched (RFC 4235 4.1.2).
type Direction string

// The directions.
const (
	Initiator Direction = "initiator" // he has called
	Recipient Direction = "recipient" // he was called
)

// Dialog is one that who is watched has now.
type Dialog struct {
	ID        string // its own among those of who is watched
	State     State
	Direction Direction // empty: of neither
}

// Told is what a subscriber has been told so far. The zero value is of one who has been told nothing.
type Told struct {
	begun   bool
	version uint32
	dialogs []Dialog
}

// Next is the document of the dialogs that there are now and of those that are over since the last one; nil where nothing has
// changed, unless full is set. Each document has all dialogs, so that a subscriber who has lost one is right again with the
// next.
func (t *Told) Next(entity string, now []Dialog, full bool) []byte {
	if t.begun && !full && slices.Equal(t.dialogs, now) {
		return nil
	}
	doc := documentXML{Version: t.version, State: "full", Entity: entity}
	for _, d := range now {
		doc.Dialogs = append(doc.Dialogs, dialogXML(d))
	}
	for _, d := range t.dialogs {
		if !slices.ContainsFunc(now, func(other Dialog) bool { return other.ID == d.ID }) {
			d.State = terminated
			doc.Dialogs = append(doc.Dialogs, dialogXML(d))
		}
	}
	if len(doc.Dialogs) == 0 {
		// It is right without any, but there are phones that take no document for one which leaves their lamp as it is.
		doc.Dialogs = []dialogXML{{ID: "idle", State: terminated}}
	}
	t.begun, t.version, t.dialogs = true, t.version+1, slices.Clone(now)
	text, err := xml.Marshal(doc)
	if err != nil {
		panic("write dialog-info: " + err.Error()) // whatever texts it holds, it can be written
	}
	return append([]byte(xml.Header), text...)
}

type (
	documentXML struct {
		XMLName xml.Name    `xml:"urn:ietf:params:xml:ns:dialog-info dialog-info"`
		Version uint32      `xml:"version,attr"`
		State   string      `xml:"state,attr"`
		Entity  string      `xml:"entity,attr"`
		Dialogs []dialogXML `xml:"dialog"`
	}
	dialogXML struct {
		ID        string    `xml:"id,attr"`
		State     State     `xml:"state"`
		Direction Direction `xml:"direction,attr,omitempty"`
	}
)
