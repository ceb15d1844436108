package wire_test

import (
	"net/netip"
	"testing"
	"time"

	"conclave/sip/wire"
)

// paused is a wire with a listener for UDP and one for TCP, on which half of a request has come, and a whole one by UDP since the pause.
func paused(t *testing.T) (w *wire.Wire, sink *recorder, specs []string, udp, tcp *phone, rest string) {
	t.Helper()
	sink = &recorder{}
	w, overUDP := listen(t, "udp://127.0.0.1:0", sink)
	overTCP, err := w.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, tcp = dial(t, overUDP), dial(t, overTCP)
	whole := request("OPTIONS", 2, "UDP 192", "TCP 192")
	tcp.send(request("OPTIONS", 1, "UDP 192", "TCP 192") + whole[:50])
	tcp.response()
	if !w.Pause(5 * time.Second) {
		t.Fatal("the readers do not come to rest")
	}
	udp.send(request("OPTIONS", 3))
	if got := sink.events(); got != "OPTIONS 1" {
		t.Fatalf("heard %s in the pause", got)
	}
	return w, sink, []string{overUDP.String(), overTCP.String()}, udp, tcp, whole[50:]
}

func TestWhatComesInAPauseIsReadAfterIt(t *testing.T) {
	w, sink, _, udp, tcp, rest := paused(t)
	w.Resume()
	tcp.send(rest)
	tcp.response()
	udp.response()
	if got := sink.events(); got != "OPTIONS 1, OPTIONS 2, OPTIONS 3" && got != "OPTIONS 1, OPTIONS 3, OPTIONS 2" {
		t.Errorf("heard %s", got)
	}
}

func TestAnotherWireReadsWhatComesInAPause(t *testing.T) {
	w, sink, specs, udp, tcp, rest := paused(t)
	left, files, place, err := w.Bequeath()
	if err != nil {
		t.Fatal(err)
	}
	if len(left.Listeners) != 2 || len(left.Streams) != 1 || len(place) != 1 || len(files) != 3 {
		t.Fatalf("left %+v with %d descriptors", left, len(files))
	}
	heir := &recorder{}
	next := wire.New(wire.Config{Log: discard, Sink: heir, Methods: served, Paused: true})
	t.Cleanup(next.Close)
	peers := next.Inherit(left, files)
	for _, spec := range specs {
		if l, err := next.Listen(spec); err != nil || l.String() != spec {
			t.Fatalf("%v is listened on in place of %s: %v", l, spec, err)
		}
	}
	next.Disclaim()
	w.Close() // which cuts nobody off
	next.Resume()
	tcp.send(rest)
	tcp.response()
	udp.response()
	if got := heir.events(); got != "OPTIONS 2, OPTIONS 3" && got != "OPTIONS 3, OPTIONS 2" {
		t.Errorf("the heir heard %s", got)
	}
	if got := sink.events(); got != "OPTIONS 1" {
		t.Errorf("the wire of before heard %s", got)
	}
	if want := netip.MustParseAddrPort(tcp.conn.LocalAddr().String()); len(peers) != 1 || peers[0].Remote != want {
		t.Errorf("the way to the far end is %+v", peers)
	}
	if again := dialAddr(t, "tcp", netip.MustParseAddrPort(specs[1][len("tcp://"):])); again != nil {
		again.send(request("OPTIONS", 4, "UDP 192", "TCP 192"))
		again.response()
	}
}
