package sip

import (
	"errors"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// subscribeWith is a SUBSCRIBE with these headers; an empty one is left out.
func subscribeWith(event, accept, expires string) *sipgo.Request {
	req := sipgo.NewRequest(sipgo.SUBSCRIBE, sipgo.Uri{Scheme: "sip", Host: "h"})
	req.AppendHeader(&sipgo.ContactHeader{Address: sipgo.Uri{Scheme: "sip", User: "200", Host: "192.0.2.7"}})
	for _, h := range [][2]string{{"Event", event}, {"Accept", accept}, {"Expires", expires}} {
		if h[1] != "" {
			req.AppendHeader(sipgo.NewHeader(h[0], h[1]))
		}
	}
	return req
}

func TestReadSubscribe(t *testing.T) {
	s := &Server{minExpires: time.Minute, maxExpires: time.Hour}
	brief := &briefError{time.Minute}
	for _, tt := range []struct {
		event, accept, expires string
		header                 string
		lasts                  time.Duration
		err                    error
	}{
		{"conference", "", "", "conference", time.Hour, nil},
		{"Conference ; ID=7", "", "600", "conference;id=7", 10 * time.Minute, nil},
		{"dialog;sla;call-id=x;id=a.b", "application/dialog-info+xml", "60", "dialog;id=a.b", time.Minute, nil},
		{"dialog", "text/plain, APPLICATION/*;q=0.5", "0", "dialog", 0, nil},
		{"conference", "*/*", "999999", "conference", time.Hour, nil},
		{"conference", "", "soon", "conference", time.Hour, nil},
		{"conference", "", "59", "", 0, brief},
		{"conference", "application/dialog-info+xml", "", "", 0, errNotAcceptable},
		{"conference", ";;,", "", "", 0, errNotAcceptable},
		{"", "", "", "", 0, errEvent},
		{"refer", "", "", "", 0, errEvent},
		{"presence", "", "", "", 0, errEvent},
		{"conference;id=", "", "", "", 0, errEvent},
		{"conference;id=a;id=b", "", "", "", 0, errEvent},
		{"conference;id=a b", "", "", "", 0, errEvent},
		{"conference;id=" + strings.Repeat("x", longestEventID+1), "", "", "", 0, errEvent},
	} {
		asked, err := s.readSubscribe(subscribeWith(tt.event, tt.accept, tt.expires))
		var tooBrief *briefError
		if tt.err == brief && errors.As(err, &tooBrief) {
			continue
		}
		if !errors.Is(err, tt.err) || asked.header != tt.header || err == nil && asked.lasts != tt.lasts {
			t.Errorf("Event: %s, Accept: %s, Expires: %s is %+v, %v; want %q for %v, %v", tt.event, tt.accept, tt.expires, asked, err, tt.header, tt.lasts, tt.err)
		}
	}
}

// Whatever a SUBSCRIBE says, a NOTIFY says no more than the name of a package and an id that is a token.
func FuzzReadSubscribe(f *testing.F) {
	f.Add("conference;id=7", "application/conference-info+xml", "3600")
	f.Add("dialog ;ID=\"x\";sla", "application/*;q=0", "-1")
	f.Add(";id=;;id==", ",,/", "4294967296")
	s := &Server{minExpires: time.Minute, maxExpires: time.Hour}
	f.Fuzz(func(t *testing.T, event, accept, expires string) {
		asked, err := s.readSubscribe(subscribeWith(event, accept, expires))
		if err != nil {
			if asked != (subscribeRequest{}) {
				t.Errorf("%+v with %v", asked, err)
			}
			return
		}
		if asked.lasts < 0 || asked.lasts > time.Hour || asked.lasts > 0 && asked.lasts < time.Minute {
			t.Errorf("it lasts for %v", asked.lasts)
		}
		name, id, has := strings.Cut(asked.header, ";id=")
		if documentTypes[name] == "" || name != asked.event || has && (id == "" || strings.Trim(id, tokenCharacters) != "") {
			t.Errorf("%q is taken for %+v", event, asked)
		}
		if again, header, err := readEvent(asked.header); err != nil || again != asked.event || header != asked.header {
			t.Errorf("%q is read as %q, %v", asked.header, header, err)
		}
	})
}
