package sip

import (
	"encoding/json"
	"reflect"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestDialogIsTheSameInAnotherProcess(t *testing.T) {
	uri := func(text string) sipgo.Uri {
		t.Helper()
		u, err := anyURI(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, d := range map[string]Dialog{
		"plain": {ID: DialogID{"c1", "ours", "theirs"}, Local: uri("sip:1000@192.0.2.1"), Remote: uri("sip:anna@example.com"),
			Target: uri("sip:anna@192.0.2.9:5062;transport=tcp;ob"), LocalSeq: 3, RemoteSeq: 7},
		"through proxies, from a telephone number": {ID: DialogID{"c2@host", "ours", ""}, Local: uri("sip:+4930123@192.0.2.1;user=phone"),
			Remote: uri("tel:+4930456;phone-context=x"), Target: uri("sips:a%20b@[2001:db8::1]:5061?X=y"), RemoteSeq: 1 << 31,
			Routes: []sipgo.Uri{uri("sip:p1.example.com;lr"), uri("sip:p2.example.com:5070;lr;x=1")}},
	} {
		text, err := json.Marshal(d.state())
		if err != nil {
			t.Fatal(err)
		}
		var s dialogState
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		again, err := s.dialog()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, want := d.Request(sipgo.BYE)
		_, got := again.Request(sipgo.BYE)
		if got.String() != want.String() || !reflect.DeepEqual(again.ID, d.ID) || again.RemoteSeq != d.RemoteSeq {
			t.Errorf("%s: its next request is\n%s\nit was\n%s", name, got, want)
		}
	}
}

// FuzzParseCall reads anything as a stored call: it may be refused, and nothing else.
func FuzzParseCall(f *testing.F) {
	f.Add([]byte(`{"dialog":{"call_id":"c","local_tag":"t","local":"sip:a@b","remote":"tel:+1","target":"sip:c@d"},"visit":{"room":"r"},` +
		`"leg":{"local":"127.0.0.1","port":40000,"remote":{"codec":"PCMU","rate":8000,"rtp":"127.0.0.1:4000"}}}`))
	f.Add([]byte(`{"dialog":{"call_id":"c","local_tag":"t","target":"sip:"},"party":{"side":200}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseCall(text)
		if err != nil {
			return
		}
		if d, err := s.Dialog.dialog(); err == nil {
			d.Request(sipgo.INVITE)
		}
	})
}
