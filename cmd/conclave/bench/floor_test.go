package bench

import (
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"testing"
	"time"
)

// TestMain is the floor where the tests start it: the test program stands for conclave.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bench-floor" {
		if err := RunFloor(os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestFloorSendsToEverySocketAndEnds(t *testing.T) {
	const rooms, members = 5, 2
	plan := floorPlan{Rooms: make([][]uint16, rooms), Threads: 2}
	sockets := make([][]socket, rooms)
	for i := range rooms {
		for range members {
			s, err := openSocket()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.close)
			address, err := s.address()
			if err != nil {
				t.Fatal(err)
			}
			sockets[i] = append(sockets[i], s)
			plan.Rooms[i] = append(plan.Rooms[i], address.Port())
		}
	}
	in, toFloor := io.Pipe()
	fromFloor, out := io.Pipe()
	ended := make(chan error)
	go func() { ended <- RunFloor(in, out) }()
	if err := json.NewEncoder(toFloor).Encode(plan); err != nil {
		t.Fatal(err)
	}
	var ports [][]uint16
	if err := json.NewDecoder(fromFloor).Decode(&ports); err != nil {
		t.Fatal(err)
	}
	for i, room := range sockets {
		for k, s := range room {
			if err := s.connect(netip.AddrPortFrom(loopback, ports[i][k])); err != nil {
				t.Fatal(err)
			}
			got := 0
			var buffer [2048]byte
			for deadline := time.Now().Add(10 * time.Second); got < 3 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				if n := s.receive(buffer[:]); n == datagram {
					got++
				} else if n >= 0 {
					t.Fatalf("a packet of %d octets came", n)
				}
			}
			if got < 3 {
				t.Errorf("socket %d of room %d got %d packets", k, i, got)
			}
		}
	}
	if err := toFloor.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFloorRefusesAPlanThatIsNone(t *testing.T) {
	in, toFloor := io.Pipe()
	go toFloor.Close()
	if err := RunFloor(in, io.Discard); err == nil {
		t.Error("the floor ran without a plan")
	}
}
