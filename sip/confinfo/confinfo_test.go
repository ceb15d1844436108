package confinfo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"conclave/sip/confinfo"
	"conclave/sip/phone"
)

const schema = "../../testdata/schema/conference-info.xsd"

// valid fails the test where documents are not as the schema of RFC 4575 has them.
func valid(t *testing.T, documents ...[]byte) {
	t.Helper()
	switch err := phone.Validate(schema, documents...); {
	case errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "":
		t.Skip("xmllint is missing: install Debian's libxml2-utils to run this test")
	case err != nil:
		t.Error(err)
	}
}

// moment is a conference of somebody's making, as told and as it is to be understood.
type moment struct {
	told  confinfo.Conference
	heard phone.Roster
}

func (m *moment) add(entity, name string, role confinfo.Role, status confinfo.Status, ssrc uint32) {
	when := time.Date(2030, 1, 2, 10, 20, 30, 0, time.UTC)
	m.told.Users = append(m.told.Users, confinfo.NewUser(entity, name, role,
		confinfo.Endpoint{Entity: entity, Status: status, Joined: when, SSRC: ssrc, DialedOut: ssrc%2 == 1}))
	m.told.Count++
	source, method := "", "dialed-in"
	if ssrc != 0 {
		source = fmt.Sprint(ssrc)
	}
	if ssrc%2 == 1 {
		method = "dialed-out"
	}
	media := map[confinfo.Status]string{confinfo.Connected: "sendrecv", confinfo.OnHold: "inactive", confinfo.MutedViaFocus: "recvonly"}[status]
	m.heard.Users = append(m.heard.Users, phone.RosterUser{Entity: entity, State: "full", Name: name, Roles: []string{string(role)},
		Endpoints: []phone.RosterEndpoint{{Entity: entity, Status: string(status), Method: method, When: "2030-01-02T10:20:30Z", Source: source, Media: media}}})
	m.heard.Count++
}

// same compares what was understood with what is, in whatever order users came.
func same(got, want phone.Roster) error {
	if got.Entity != want.Entity || got.Name != want.Name || got.Count != want.Count || got.Active != want.Active || got.Locked != want.Locked {
		return fmt.Errorf("understood %+v, want %+v", got, want)
	}
	users := make(map[string]string)
	for _, u := range got.Users {
		users[u.Entity] = fmt.Sprint(u)
	}
	for _, u := range want.Users {
		if users[u.Entity] != fmt.Sprint(u) {
			return fmt.Errorf("%s is understood as %s, want %v", u.Entity, users[u.Entity], u)
		}
		delete(users, u.Entity)
	}
	if len(users) > 0 {
		return fmt.Errorf("there are believed to be %v", users)
	}
	return nil
}

// Whatever comes after whatever, the subscriber knows what there is once he has been told all; and each document is valid.
func TestSubscriberFollowsAnyCourse(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var documents [][]byte
	for range 20 {
		var told confinfo.Told
		var roster phone.Roster
		for step := range 15 {
			var m moment
			m.told.Entity, m.told.URI, m.told.Name = "sip:1000@example.com", "sip:1000@192.0.2.1", []string{"Weekly", "Daily"}[random.IntN(2)]
			m.told.Active, m.told.Locked = random.IntN(2) == 0, random.IntN(2) == 0
			m.told.Most = random.IntN(2) * 25
			m.heard = phone.Roster{Entity: m.told.Entity, Name: m.told.Name, Active: m.told.Active, Locked: m.told.Locked}
			for n := range 12 {
				if random.IntN(2) == 0 {
					m.add(fmt.Sprintf("sip:%d@192.0.2.1", 200+n), fmt.Sprint("Phone ", n),
						[]confinfo.Role{confinfo.Moderator, confinfo.Participant}[random.IntN(2)],
						[]confinfo.Status{confinfo.Connected, confinfo.OnHold, confinfo.MutedViaFocus}[random.IntN(3)], uint32(random.IntN(3)))
				}
			}
			full, most := random.IntN(5) == 0, []int{0, 2500, 100_000}[random.IntN(3)]
			for more, n := true, 0; more; n++ {
				var document []byte
				if document, more = told.Next(m.told, full && n == 0, most); document == nil {
					break
				}
				if most > 2000 && len(document) > most {
					t.Errorf("a document of %d octets, want %d at most", len(document), most)
				}
				before := roster.Version
				if err := roster.Apply(document); err != nil || roster.Version != before+1 && step > 0 {
					t.Fatalf("version %d after %d, %v\n%s", roster.Version, before, err, document)
				}
				documents = append(documents, document)
			}
			if err := same(roster, m.heard); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if document, _ := told.Next(m.told, false, most); document != nil {
				t.Fatalf("nothing has changed, and he is told\n%s", document)
			}
		}
	}
	valid(t, documents...)
}

func TestHostileNamesAreTextAndNothingElse(t *testing.T) {
	for name, want := range map[string]string{
		`</display-text><user entity="sip:evil">&amp;]]>`:           `</display-text><user entity="sip:evil">&amp;]]>`,
		"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;": "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
		"\x00\x1b[2J\ufffe\xff":                                     "\ufffd\ufffd[2J\ufffd\ufffd",
		"Zoë 😀\t\"'":                                                "Zoë 😀\t\"'",
	} {
		var m moment
		m.told.Entity, m.told.Name, m.told.URI = `sip:1000@example.com;x="<>&`, name, "sip:1000@192.0.2.1"
		m.add("sip:200@192.0.2.1", name, confinfo.Moderator, confinfo.Connected, 4711)
		var told confinfo.Told
		document, _ := told.Next(m.told, true, 100_000)
		var roster phone.Roster
		if err := roster.Apply(document); err != nil {
			t.Errorf("%q: %v", name, err)
		} else if roster.Name != want || roster.Entity != m.told.Entity || len(roster.Users) != 1 || roster.Users[0].Name != want {
			t.Errorf("%q: understood %+v", name, roster)
		}
		valid(t, document)
	}
}

func TestEmptyRoom(t *testing.T) {
	var told confinfo.Told
	document, more := told.Next(confinfo.Conference{Entity: "sip:1000@example.com", Name: "Weekly", URI: "sip:1000@192.0.2.1"}, false, 10_000)
	want := `<?xml version="1.0" encoding="UTF-8"?>
<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:1000@example.com" state="full" version="1">` +
		`<conference-description><display-text>Weekly</display-text><conf-uris><entry><uri>sip:1000@192.0.2.1</uri><purpose>participation</purpose></entry></conf-uris>` +
		`<available-media><entry label="1"><type>audio</type><status>sendrecv</status></entry></available-media></conference-description>` +
		`<conference-state><user-count>0</user-count><active>false</active><locked>false</locked></conference-state>` +
		`<users state="full"></users></conference-info>`
	if string(document) != want || more {
		t.Errorf("got %v\n%s\nwant\n%s", more, document, want)
	}
	valid(t, document)
}

// A phone that is there with two devices is one user, with an endpoint each.
func TestUserWithTwoEndpoints(t *testing.T) {
	user := confinfo.NewUser("sip:200@192.0.2.1", "Anna", confinfo.Participant,
		confinfo.Endpoint{Entity: "sip:member-1@192.0.2.1", Status: confinfo.Connected}, confinfo.Endpoint{Entity: "sip:member-2@192.0.2.1", Status: confinfo.OnHold})
	var told confinfo.Told
	document, _ := told.Next(confinfo.Conference{Entity: "sip:1000@example.com", URI: "sip:1000@192.0.2.1", Count: 2, Users: []confinfo.User{user}}, true, 10_000)
	var roster phone.Roster
	if err := roster.Apply(document); err != nil || len(roster.Users) != 1 || len(roster.Users[0].Endpoints) != 2 {
		t.Errorf("%v, understood %+v", err, roster)
	}
	valid(t, document)
}

func BenchmarkFullDocumentOf500(b *testing.B) {
	var m moment
	for n := range 500 {
		m.add(fmt.Sprintf("sip:%d@192.0.2.1", n), strings.Repeat("x", 20), confinfo.Participant, confinfo.Connected, 4711)
	}
	b.ReportAllocs()
	for b.Loop() {
		var told confinfo.Told
		told.Next(m.told, true, 1<<20)
	}
}
