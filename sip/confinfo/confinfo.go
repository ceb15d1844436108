// Package confinfo writes documents of type application/conference-info+xml (RFC 4575): what a subscriber is told of a
// conference, at first all of it and then what has changed. It knows neither SIP nor rooms.
package confinfo

import (
	"encoding/xml"
	"strconv"
	"time"
)

// ContentType is the type of the documents.
const ContentType = "application/conference-info+xml"

// Conference is a conference at one moment, as far as a subscriber may know of it.
type Conference struct {
	Entity string // the URI that was subscribed to
	Name   string
	URI    string // to call it by
	Most   int    // users that there may be; 0: no limit
	Count  int    // users that there are, whether or not they are in Users
	Active bool   // it goes on
	Locked bool
	Users  []User // each with an entity of its own
}

// Role is what a user is in the conference.
type Role string

// The roles of RFC 4575 5.6.3.
const (
	Moderator   Role = "moderator"
	Participant Role = "participant"
)

// Status is how far an endpoint takes part.
type Status string

// Those of RFC 4575 5.7.3 that there are here.
const (
	Connected     Status = "connected"
	OnHold        Status = "on-hold"         // it neither hears nor is heard
	MutedViaFocus Status = "muted-via-focus" // it hears and is not heard
)

// Endpoint is a phone with which a user takes part.
type Endpoint struct {
	Entity    string // its URI
	Status    Status
	DialedOut bool // the conference has called it
	Joined    time.Time
	SSRC      uint32 // of what it sends; 0: not known
}

// User is somebody who takes part, as the XML that tells of him. The zero value is nobody.
type User struct {
	entity string
	text   string
}

// NewUser makes the element of a user (RFC 4575 5.6). Names may hold anything.
func NewUser(entity, name string, role Role, endpoints ...Endpoint) User {
	u := userXML{Entity: entity, State: stateFull, Name: name, Roles: []Role{role}}
	for _, e := range endpoints {
		method := "dialed-in"
		if e.DialedOut {
			method = "dialed-out"
		}
		m := mediumXML{ID: mainAudio, Type: "audio", Label: mainAudio, Status: e.Status.direction()}
		if e.SSRC != 0 {
			m.Source = strconv.FormatUint(uint64(e.SSRC), 10)
		}
		u.Endpoints = append(u.Endpoints, endpointXML{Entity: e.Entity, State: stateFull, Status: e.Status, Method: method,
			Joined: e.Joined.UTC().Format(time.RFC3339), Medium: m})
	}
	return User{entity: entity, text: marshal(u)}
}

// direction is what an endpoint does with the audio (RFC 4575 5.8.5).
func (s Status) direction() string {
	switch s {
	case OnHold:
		return "inactive"
	case MutedViaFocus:
		return "recvonly"
	}
	return "sendrecv"
}

// mainAudio is the name of the one stream that there is.
const mainAudio = "1"

// The states of an element (RFC 4575 4.5).
const (
	stateFull    = "full"
	statePartial = "partial"
	stateDeleted = "deleted"
)

// The elements, in the order of the schema.
type (
	documentXML struct {
		XMLName     xml.Name        `xml:"urn:ietf:params:xml:ns:conference-info conference-info"`
		Entity      string          `xml:"entity,attr"`
		State       string          `xml:"state,attr"`
		Version     uint32          `xml:"version,attr"`
		Description *descriptionXML `xml:"conference-description"`
		Conference  *stateXML       `xml:"conference-state"`
		Users       *usersXML       `xml:"users"`
	}
	descriptionXML struct {
		Name  string   `xml:"display-text,omitempty"`
		URI   uriXML   `xml:"conf-uris>entry"`
		Most  int      `xml:"maximum-user-count,omitempty"`
		Audio audioXML `xml:"available-media>entry"`
	}
	uriXML struct {
		URI     string `xml:"uri"`
		Purpose string `xml:"purpose"`
	}
	audioXML struct {
		Label  string `xml:"label,attr"`
		Type   string `xml:"type"`
		Status string `xml:"status"`
	}
	stateXML struct {
		Count  int  `xml:"user-count"`
		Active bool `xml:"active"`
		Locked bool `xml:"locked"`
	}
	usersXML struct {
		State string `xml:"state,attr"`
		Text  string `xml:",innerxml"`
	}
	userXML struct {
		XMLName   xml.Name      `xml:"user"`
		Entity    string        `xml:"entity,attr"`
		State     string        `xml:"state,attr"`
		Name      string        `xml:"display-text,omitempty"`
		Roles     []Role        `xml:"roles>entry"`
		Endpoints []endpointXML `xml:"endpoint"`
	}
	endpointXML struct {
		Entity string    `xml:"entity,attr"`
		State  string    `xml:"state,attr"`
		Status Status    `xml:"status"`
		Method string    `xml:"joining-method"`
		Joined string    `xml:"joining-info>when"`
		Medium mediumXML `xml:"media"`
	}
	mediumXML struct {
		ID     string `xml:"id,attr"`
		Type   string `xml:"type"`
		Label  string `xml:"label"`
		Source string `xml:"src-id,omitempty"`
		Status string `xml:"status"`
	}
)

// marshal writes an element. The elements here can be written, whatever texts they hold: what XML has no way to say becomes
// U+FFFD.
func marshal(element any) string {
	text, err := xml.Marshal(element)
	if err != nil {
		panic("write conference-info: " + err.Error())
	}
	return string(text)
}
