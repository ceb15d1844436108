package sip

import (
	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/confinfo"
)

// conferenceNotices tell who is in a room (RFC 4575).
type conferenceNotices struct {
	server    *Server
	who       party
	extension string
	entity    string
	at        sipgo.Uri // an address of ours as the subscriber knows it
	told      confinfo.Told
}

func (*conferenceNotices) contentType() string { return confinfo.ContentType }

func (c *conferenceNotices) next(full bool, most int) (body []byte, more bool, over string) {
	if over := c.server.watchOver(c.who, eventConference, c.extension); over != "" {
		return nil, false, over
	}
	if full {
		c.server.sheets.outdate(c.extension) // who sends what is no event
	}
	sheet, ok := c.server.sheet(c.extension, c.at)
	if !ok {
		return nil, false, overNoResource
	}
	now := sheet.Conference
	now.Entity = c.entity
	if !sheet.mayList(c.who) {
		now.Users = nil
	}
	body, more = c.told.Next(now, full, most)
	return body, more, ""
}
