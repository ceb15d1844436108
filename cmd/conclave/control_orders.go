package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"conclave/media"
	"conclave/rooms"
)

// What operators may send to be heard in a conference.
const (
	largestSound = 20 << 20 // octets; ten minutes at 16 kHz are less
	longestSound = 10 * time.Minute
	mostPrompts  = 50 // in one order
)

// changed is the answer to an order for members: for how many it changed something.
type changed struct {
	Changed int `json:"changed"`
}

// sayOrder is the body of an order to say prompts.
type sayOrder struct {
	Prompts []string `json:"prompts"` // their names, as in a directory of prompts
}

// playing is the answer to an order to play a file.
type playing struct {
	Seconds float64 `json:"duration_s"`
}

// recorded is the answer to an order about a recording.
type recorded struct {
	File string `json:"file"` // in the directory of recordings
}

// conferences is what takes the orders of this file.
func (c *control) conferences() *rooms.House { return c.house }

// routeOrders adds the orders that operators give about a conference.
func (c *control) routeOrders(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/rooms/{ext}/lock", func(w http.ResponseWriter, r *http.Request) {
		reply(w, struct{}{}, c.house.Lock(r.PathValue("ext"), true))
	})
	mux.HandleFunc("POST /v1/rooms/{ext}/unlock", func(w http.ResponseWriter, r *http.Request) {
		reply(w, struct{}{}, c.house.Lock(r.PathValue("ext"), false))
	})
	mux.HandleFunc("POST /v1/rooms/{ext}/record/start", func(w http.ResponseWriter, r *http.Request) {
		file, err := c.conferences().Record(r.Context(), r.PathValue("ext"))
		reply(w, recorded{file}, err)
	})
	mux.HandleFunc("POST /v1/rooms/{ext}/record/stop", func(w http.ResponseWriter, r *http.Request) {
		file, err := c.conferences().StopRecording(r.Context(), r.PathValue("ext"))
		reply(w, recorded{file}, err)
	})
	mux.HandleFunc("POST /v1/rooms/{ext}/say", c.say)
	mux.HandleFunc("POST /v1/rooms/{ext}/play", c.play)
	mux.HandleFunc("POST /v1/rooms/{ext}/members/{who}/mute", memberOrder(func(ext string, who rooms.Selection) (int, error) {
		return c.conferences().Mute(ext, who, true)
	}))
	mux.HandleFunc("POST /v1/rooms/{ext}/members/{who}/unmute", memberOrder(func(ext string, who rooms.Selection) (int, error) {
		return c.conferences().Mute(ext, who, false)
	}))
	mux.HandleFunc("POST /v1/rooms/{ext}/members/{who}/kick", memberOrder(c.conferences().Kick))
}

func memberOrder(order func(ext string, who rooms.Selection) (int, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := rooms.ParseSelection(r.PathValue("who"))
		if err != nil {
			answer(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		n, err := order(r.PathValue("ext"), who)
		reply(w, changed{n}, err)
	}
}

// say takes names of prompts and says them to everybody in the conference.
func (c *control) say(w http.ResponseWriter, r *http.Request) {
	var order sayOrder
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&order); err != nil {
		answer(w, http.StatusBadRequest, failure{`the body is not as {"prompts": ["conf-lockednow"]}: ` + err.Error()})
		return
	}
	if n := len(order.Prompts); n == 0 || n > mostPrompts {
		answer(w, http.StatusBadRequest, failure{fmt.Sprintf("%d prompts: it takes 1 to %d of them", n, mostPrompts)})
		return
	}
	reply(w, struct{}{}, c.conferences().Say(r.PathValue("ext"), order.Prompts...))
}

// play takes a WAV file and plays it to everybody in the conference. The file comes with the order, as the server may not
// be allowed to read what the operator may.
func (c *control) play(w http.ResponseWriter, r *http.Request) {
	ext := r.PathValue("ext")
	if err := c.occupied(ext); err != nil {
		reply(w, nil, err) // before the file is worked on
		return
	}
	deadline := time.Now().Add(time.Minute)
	connection := http.NewResponseController(w)
	if err := errors.Join(connection.SetReadDeadline(deadline), connection.SetWriteDeadline(deadline)); err != nil {
		c.log.Warn("the time for a sound file cannot be set", "error", err)
	}
	body := http.MaxBytesReader(w, r.Body, largestSound)
	sound, err := media.LoadWAV(body)
	_, _ = io.Copy(io.Discard, body) // an operator who still sends would not see the answer
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		answer(w, http.StatusRequestEntityTooLarge, failure{errTooLarge.Error()})
		return
	case err != nil:
		answer(w, http.StatusBadRequest, failure{err.Error()})
		return
	case sound.Duration() > longestSound:
		answer(w, http.StatusBadRequest, failure{fmt.Sprintf("it lasts %v, %v is the most", sound.Duration().Round(time.Second), longestSound)})
		return
	}
	reply(w, playing{sound.Duration().Seconds()}, c.conferences().Play(ext, sound))
}

var errTooLarge = fmt.Errorf("it is larger than %d MB, which is the most", largestSound>>20)

// occupied is an error unless a conference with members goes on in the room.
func (c *control) occupied(ext string) error {
	live, err := c.live(ext)
	if err == nil && len(live) == 0 {
		return fmt.Errorf("room %s has no members now", ext)
	}
	return err
}
