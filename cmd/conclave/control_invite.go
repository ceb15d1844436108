package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"conclave/sip"
)

// inviteOrder is the body of an order to call somebody into a room.
type inviteOrder struct {
	Callee    string `json:"callee"`
	Moderator bool   `json:"moderator"`
	NoPIN     bool   `json:"no_pin_needed"`
}

// invitationLine is how far an invitation has come, in a line of the answer.
type invitationLine struct {
	Time time.Time `json:"time"`
	// Event is calling, ringing, answered, joined, or failed at the end.
	Event  string `json:"event"`
	Result string `json:"result,omitempty"` // of failed: BUSY, DECLINED, NOANSWER … as of calls
	Reason string `json:"reason,omitempty"` // of failed, in words
}

// invitationFailed is the event of an invitation that came to nothing.
const invitationFailed = "failed"

// invite calls somebody into a room for as long as the operator waits for him to come.
func (c *control) invite(w http.ResponseWriter, r *http.Request) {
	var order inviteOrder
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<12)).Decode(&order); err != nil {
		answer(w, http.StatusBadRequest, failure{`the body is not as {"callee": "+4930123456"}: ` + err.Error()})
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	connection := http.NewResponseController(w)
	// Until an operator goes, and no longer: his connection is read meanwhile, and nothing more comes.
	if err := errors.Join(connection.SetReadDeadline(time.Time{}), connection.SetWriteDeadline(time.Time{})); err != nil {
		c.log.Warn("an invitation will be cut short", "error", err)
	}
	lines, begun := json.NewEncoder(w), false
	tell := func(line invitationLine) {
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "application/jsonl")
			w.WriteHeader(http.StatusOK)
		}
		line.Time = time.Now().UTC()
		if errors.Join(lines.Encode(line), connection.Flush()) != nil {
			cancel() // he is gone
		}
	}
	err := c.sip.Invite(ctx, sip.Invitation{Room: r.PathValue("ext"), Callee: order.Callee, Moderator: order.Moderator, NoPIN: order.NoPIN},
		func(step sip.InvitationStep) { tell(invitationLine{Event: string(step)}) })
	var refused *sip.NotJoinedError
	switch {
	case err == nil:
	case errors.As(err, &refused):
		tell(invitationLine{Event: invitationFailed, Result: refused.Result, Reason: refused.Reason})
	case begun:
		tell(invitationLine{Event: invitationFailed, Result: sip.ResultCancelled, Reason: err.Error()})
	default:
		reply(w, nil, err)
	}
}
