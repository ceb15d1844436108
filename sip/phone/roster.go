package phone

import (
	"encoding/xml"
	"fmt"
	"slices"
)

// Roster is what a subscriber makes of the conference documents that it gets (RFC 4575 4.6). The zero value has got none.
type Roster struct {
	Version        uint32
	Entity, Name   string
	Count          int
	Active, Locked bool
	Users          []RosterUser // in the order in which they were first told of
}

// RosterUser is one of a Roster.
type RosterUser struct {
	Entity    string           `xml:"entity,attr"`
	State     string           `xml:"state,attr"`
	Name      string           `xml:"display-text"`
	Roles     []string         `xml:"roles>entry"`
	Endpoints []RosterEndpoint `xml:"endpoint"`
}

// RosterEndpoint is a phone of a RosterUser.
type RosterEndpoint struct {
	Entity string `xml:"entity,attr"`
	Status string `xml:"status"`
	Method string `xml:"joining-method"`
	When   string `xml:"joining-info>when"`
	Source string `xml:"media>src-id"`
	Media  string `xml:"media>status"`
}

// Apply takes a document. The error says that one before it is lost, so that all has to be asked for anew, or that it is none.
func (r *Roster) Apply(document []byte) error {
	var doc struct {
		XMLName     xml.Name `xml:"urn:ietf:params:xml:ns:conference-info conference-info"`
		Entity      string   `xml:"entity,attr"`
		State       string   `xml:"state,attr"`
		Version     uint32   `xml:"version,attr"`
		Description *struct {
			Name string `xml:"display-text"`
		} `xml:"conference-description"`
		Conference *struct {
			Count  int  `xml:"user-count"`
			Active bool `xml:"active"`
			Locked bool `xml:"locked"`
		} `xml:"conference-state"`
		Users *struct {
			State string       `xml:"state,attr"`
			Users []RosterUser `xml:"user"`
		} `xml:"users"`
	}
	if err := xml.Unmarshal(document, &doc); err != nil {
		return fmt.Errorf("conference document: %w", err)
	}
	if doc.State == "full" {
		*r = Roster{}
	} else if doc.Version != r.Version+1 || r.Version == 0 {
		return fmt.Errorf("conference document: version %d after %d", doc.Version, r.Version)
	}
	r.Version, r.Entity = doc.Version, doc.Entity
	if d := doc.Description; d != nil {
		r.Name = d.Name
	}
	if c := doc.Conference; c != nil {
		r.Count, r.Active, r.Locked = c.Count, c.Active, c.Locked
	}
	if doc.Users == nil {
		return nil
	}
	if doc.Users.State == "full" {
		r.Users = nil
	}
	for _, u := range doc.Users.Users {
		i := slices.IndexFunc(r.Users, func(have RosterUser) bool { return have.Entity == u.Entity })
		switch {
		case u.State == "deleted" && i < 0:
			return fmt.Errorf("conference document: %s is deleted and was not there", u.Entity)
		case u.State == "deleted":
			r.Users = slices.Delete(r.Users, i, i+1)
		case i >= 0:
			r.Users[i] = u
		default:
			r.Users = append(r.Users, u)
		}
	}
	return nil
}
