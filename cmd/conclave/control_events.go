package main

import (
	"encoding/json"
	"net/http"
	"time"
)

// lastEvents is how long a stream of events goes on once the server ends: what happened by that is on its way.
const lastEvents = 200 * time.Millisecond

// tellEvents answers with what happens in a room, or in all, until the operator goes or the server ends.
func (c *control) tellEvents(w http.ResponseWriter, r *http.Request) {
	ext := r.URL.Query().Get("room")
	if ext != "" {
		if _, err := c.live(ext); err != nil {
			reply(w, nil, err)
			return
		}
	}
	events := c.conferences().Events(r.Context(), ext)
	connection := http.NewResponseController(w)
	// The deadline of other answers would end this one, too.
	if err := connection.SetWriteDeadline(time.Time{}); err != nil {
		c.log.Warn("a stream of events will be cut short", "error", err)
	}
	w.Header().Set("Content-Type", "application/jsonl")
	w.WriteHeader(http.StatusOK)
	if connection.Flush() != nil { // says that from now on nothing is missed
		return
	}
	lines := json.NewEncoder(w)
	ending := c.ending
	var end <-chan time.Time
	for {
		select {
		case e, open := <-events:
			if !open || lines.Encode(e) != nil || connection.Flush() != nil {
				return // the operator is gone
			}
		case <-ending:
			ending, end = nil, time.After(lastEvents)
		case <-end:
			return
		}
	}
}
