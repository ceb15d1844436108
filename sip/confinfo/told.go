package confinfo

import (
	"encoding/xml"
	"maps"
	"slices"
	"strings"
)

// Told is what a subscriber has been told so far, from which follows what he is to be told next. The zero value is of one who
// has been told nothing.
type Told struct {
	version     uint32
	description descriptionXML
	state       stateXML
	users       map[string]string // the element of each, by his entity; nil: none has been told
}

// overhead is what a document has beside its users, in octets, where the name is no longer than names of rooms are.
const overhead = 1200

// Next is the document of what has changed since the last one, nil where nothing has; full makes it one of all that there is,
// as the first one always is (RFC 4575 4.5, 5.1). Of users no more are told of than fit into most octets, but one at least:
// more says that some are left for the next document, which is a partial one then.
func (t *Told) Next(now Conference, full bool, most int) (document []byte, more bool) {
	full = full || t.users == nil
	doc := documentXML{Entity: now.Entity, State: statePartial, Version: t.version + 1}
	if full {
		doc.State = stateFull
		t.users = make(map[string]string, len(now.Users))
	}
	description := descriptionXML{Name: now.Name, URI: uriXML{now.URI, "participation"}, Most: now.Most,
		Audio: audioXML{mainAudio, "audio", "sendrecv"}}
	if full || description != t.description {
		doc.Description = &description
	}
	state := stateXML{Count: now.Count, Active: now.Active, Locked: now.Locked}
	if full || state != t.state {
		doc.Conference = &state
	}
	changes, more := t.changes(now.Users, most-overhead)
	if full || changes != "" {
		doc.Users = &usersXML{State: statePartial, Text: changes}
		if full && !more {
			doc.Users.State = stateFull
		}
	}
	if doc.Description == nil && doc.Conference == nil && doc.Users == nil {
		return nil, false
	}
	t.version, t.description, t.state = doc.Version, description, state
	return []byte(xml.Header + marshal(doc)), more
}

// changes are the elements of those who have gone, come or changed, who count as told then. Those who have gone are first, so
// that what is left out is never somebody whom the subscriber believes to be there.
func (t *Told) changes(users []User, most int) (text string, more bool) {
	here := make(map[string]bool, len(users))
	for _, u := range users {
		here[u.entity] = true
	}
	var b strings.Builder
	for _, entity := range slices.Sorted(maps.Keys(t.users)) {
		if here[entity] {
			continue
		}
		gone := marshal(goneXML{Entity: entity, State: stateDeleted})
		if b.Len() > 0 && b.Len()+len(gone) > most {
			return b.String(), true
		}
		b.WriteString(gone)
		delete(t.users, entity)
	}
	for _, u := range users {
		if t.users[u.entity] == u.text {
			continue
		}
		if b.Len() > 0 && b.Len()+len(u.text) > most {
			return b.String(), true
		}
		b.WriteString(u.text)
		t.users[u.entity] = u.text
	}
	return b.String(), false
}

// goneXML is a user who is there no more.
type goneXML struct {
	XMLName xml.Name `xml:"user"`
	Entity  string   `xml:"entity,attr"`
	State   string   `xml:"state,attr"`
}
