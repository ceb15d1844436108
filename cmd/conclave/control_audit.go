package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"conclave/store"
)

// sudoUserHeader is how a command tells the server who has become its user by sudo, escaped as in a query. The kernel tells only
// who he has become.
const sudoUserHeader = "Conclave-Sudo-User"

// auditTime bounds how long an order waits for its line: a slow disk keeps no operator from his conference.
const auditTime = time.Second

// orderBody bounds what an order says in JSON, in octets.
const orderBody = 1 << 16

// orders are the orders over the control socket in the words of the commands that give them; {ext} and the others are parts of
// the path. What is in here with a body has that behind it. An order that is not in here is told as it comes.
var orders = map[string]struct {
	words string
	body  bool
}{
	"POST /v1/drain":                            {words: "drain"},
	"DELETE /v1/drain":                          {words: "drain --off"},
	"DELETE /v1/bans":                           {words: "bans clear"},
	"POST /v1/takeover":                         {words: "serve --takeover"},
	"POST /v1/rooms/{ext}/lock":                 {words: "lock {ext}"},
	"POST /v1/rooms/{ext}/unlock":               {words: "unlock {ext}"},
	"POST /v1/rooms/{ext}/record/start":         {words: "record start {ext}"},
	"POST /v1/rooms/{ext}/record/stop":          {words: "record stop {ext}"},
	"POST /v1/rooms/{ext}/say":                  {words: "say {ext}", body: true},
	"POST /v1/rooms/{ext}/play":                 {words: "play {ext}"},
	"POST /v1/rooms/{ext}/invite":               {words: "invite {ext}", body: true},
	"POST /v1/rooms/{ext}/members/{who}/mute":   {words: "mute {ext} {who}"},
	"POST /v1/rooms/{ext}/members/{who}/unmute": {words: "unmute {ext} {who}"},
	"POST /v1/rooms/{ext}/members/{who}/kick":   {words: "kick {ext} {who}"},
}

// audits tells whether a request is an order. To read again what was changed is none: that is in the audit.
func audits(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/reload")
}

// audit writes the line of an order; what it returns writes how the order has ended.
func (c *control) audit(who peer, r *http.Request) (ended func(context.Context, *outcome)) {
	if !audits(r) {
		return func(context.Context, *outcome) {}
	}
	line := store.AuditLine{UID: who.uid, User: loginName(who.uid), Door: store.DoorSocket}
	if sudo, err := url.QueryUnescape(r.Header.Get(sudoUserHeader)); err == nil {
		line.SudoUser = sudo
	}
	line.Command, line.Subject = c.orderText(r)
	if line.Subject != "" {
		line.Kind = "room"
	}
	order := store.NewOrder(line)
	ctx, cancel := context.WithTimeout(r.Context(), auditTime)
	defer cancel()
	c.trail.Begin(ctx, order)
	return func(ctx context.Context, o *outcome) {
		result, reason := o.result()
		c.trail.End(ctx, order, result, reason)
	}
}

// orderText is an order in words, and the extension of the room that it is about.
func (c *control) orderText(r *http.Request) (words, room string) {
	_, pattern := c.mux.Handler(r)
	order, known := orders[pattern]
	if !known {
		return r.Method + " " + r.URL.RequestURI(), ""
	}
	words = order.words
	given := strings.Split(r.URL.Path, "/")
	_, path, _ := strings.Cut(pattern, " ")
	for i, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, "{") && i < len(given) {
			words = strings.ReplaceAll(words, part, quoteWord(given[i]))
		}
		if part == "{ext}" && i < len(given) {
			room = given[i]
		}
	}
	if who := r.URL.Query().Get("who"); who != "" {
		words += " " + quoteWord(who)
	}
	if order.body {
		words += " " + peekBody(r)
	}
	return words, room
}

// peekBody is the body of a request in one line. Whoever reads the request next finds it as it came.
func peekBody(r *http.Request) string {
	text, err := io.ReadAll(io.LimitReader(r.Body, orderBody))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), &failed{r.Body, err}), r.Body}
	var line bytes.Buffer
	if json.Compact(&line, text) != nil {
		return "(no JSON)"
	}
	return line.String()
}

// failed is a reader that goes on with an error, if there is one.
type failed struct {
	io.Reader
	err error
}

func (f *failed) Read(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Reader.Read(b)
}

// outcome notes how a request was answered.
type outcome struct {
	http.ResponseWriter
	status int
	text   []byte // the begin of it
}

// Unwrap lets http.ResponseController find what sets deadlines.
func (o *outcome) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *outcome) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// refuse notes why nothing has come of a request whose connection is not HTTP's any more.
func (o *outcome) refuse(err error) {
	o.status = http.StatusConflict
	o.text, _ = json.Marshal(failure{err.Error()}) // it does not fail
}

func (o *outcome) Write(text []byte) (int, error) {
	o.text = append(o.text, text[:min(len(text), orderBody-len(o.text))]...)
	return o.ResponseWriter.Write(text)
}

// result is what came of the order. An invitation is answered step by step, and the last step tells.
func (o *outcome) result() (result store.AuditResult, reason string) {
	if o.status != 0 && o.status != http.StatusOK {
		var why failure
		if json.Unmarshal(o.text, &why) != nil || why.Error == "" {
			why.Error = http.StatusText(o.status)
		}
		return store.AuditRefused, why.Error
	}
	lines := bytes.Split(bytes.TrimSpace(o.text), []byte("\n"))
	var step invitationLine
	if json.Unmarshal(lines[len(lines)-1], &step) == nil && step.Event == invitationFailed {
		return store.AuditFailed, strings.TrimSpace(step.Result + " " + step.Reason)
	}
	return store.AuditDone, ""
}
