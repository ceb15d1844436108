package dialoginfo_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"conclave/sip/dialoginfo"
	"conclave/sip/phone"
)

// lamp is a document in short: its version, and of each dialog id, direction and state.
func lamp(t *testing.T, document []byte) string {
	t.Helper()
	var doc struct {
		XMLName xml.Name `xml:"urn:ietf:params:xml:ns:dialog-info dialog-info"`
		Version int      `xml:"version,attr"`
		State   string   `xml:"state,attr"`
		Entity  string   `xml:"entity,attr"`
		Dialogs []struct {
			ID        string `xml:"id,attr"`
			Direction string `xml:"direction,attr"`
			State     string `xml:"state"`
		} `xml:"dialog"`
	}
	if err := xml.Unmarshal(document, &doc); err != nil || doc.State != "full" || doc.Entity != "sip:200@example.com" {
		t.Fatalf("%v\n%s", err, document)
	}
	text := fmt.Sprint(doc.Version)
	for _, d := range doc.Dialogs {
		text += strings.TrimRight(fmt.Sprintf(" %s %s %s", d.ID, d.State, d.Direction), " ")
	}
	return text
}

func TestLampFollowsTheDialogs(t *testing.T) {
	in := dialoginfo.Dialog{ID: "a", State: dialoginfo.Early, Direction: dialoginfo.Recipient}
	talks := in
	talks.State = dialoginfo.Confirmed
	out := dialoginfo.Dialog{ID: "b", State: dialoginfo.Confirmed, Direction: dialoginfo.Initiator}
	var told dialoginfo.Told
	var documents [][]byte
	for _, step := range []struct {
		what string
		now  []dialoginfo.Dialog
		full bool
		want string // empty: nothing
	}{
		{"nothing goes on", nil, false, "0 idle terminated"},
		{"still nothing", nil, false, ""},
		{"asked again", nil, true, "1 idle terminated"},
		{"it rings", []dialoginfo.Dialog{in}, false, "2 a early recipient"},
		{"it still rings", []dialoginfo.Dialog{in}, false, ""},
		{"it is answered, and another one called", []dialoginfo.Dialog{talks, out}, false, "3 a confirmed recipient b confirmed initiator"},
		{"one is over", []dialoginfo.Dialog{out}, false, "4 b confirmed initiator a terminated recipient"},
		{"asked again", []dialoginfo.Dialog{out}, true, "5 b confirmed initiator"},
		{"all is over", nil, false, "6 b terminated initiator"},
		{"asked again", nil, true, "7 idle terminated"},
	} {
		document := told.Next("sip:200@example.com", step.now, step.full)
		got := ""
		if document != nil {
			got = lamp(t, document)
			documents = append(documents, document)
		}
		if got != step.want {
			t.Errorf("%s: %q, want %q", step.what, got, step.want)
		}
	}
	switch err := phone.Validate("../../testdata/schema/dialog-info.xsd", documents...); {
	case errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "":
		t.Skip("xmllint is missing: install Debian's libxml2-utils to run this test")
	case err != nil:
		t.Error(err)
	}
}
