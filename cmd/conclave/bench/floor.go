package bench

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
)

// floorPlan is what the floor process is told: the client's ports, one list
// for each room, and how many threads to use.
type floorPlan struct {
	Rooms   [][]uint16
	Threads int
}

// The floor keeps the server's habits: its rooms take turns at so many instants of the 20 ms, since
// each time that an idle core wakes costs as much as ten packets; and a socket
// is read once, but every so many ticks until it is empty.
const (
	turns      = 4
	drainEvery = 16
)

// RunFloor is the least that any server must do, without a conference: it
// opens a connected socket for each port of the plan that it reads from in, tells its own ports on
// out, and then reads one packet from each socket and writes one to each, every
// 20 ms, until in ends. What it costs is what the kernel takes for the packets.
func RunFloor(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	var plan floorPlan
	if err := decoder.Decode(&plan); err != nil {
		return fmt.Errorf("read the plan of the floor: %w", err)
	}
	rooms := make([][]socket, len(plan.Rooms))
	ports := make([][]uint16, len(plan.Rooms))
	for i, room := range plan.Rooms {
		for _, client := range room {
			s, err := openSocket()
			if err != nil {
				return fmt.Errorf("open the floor's sockets: %w", err)
			}
			defer s.close()
			if err := s.connect(netip.AddrPortFrom(loopback, client)); err != nil {
				return fmt.Errorf("open the floor's sockets: %w", err)
			}
			address, err := s.address()
			if err != nil {
				return err
			}
			rooms[i], ports[i] = append(rooms[i], s), append(ports[i], address.Port())
		}
	}
	if err := json.NewEncoder(out).Encode(ports); err != nil {
		return fmt.Errorf("tell the floor's ports: %w", err)
	}

	clock, err := newClock()
	if err != nil {
		return err
	}
	var stop atomic.Bool
	var threads sync.WaitGroup
	start := clock.now() + perTick
	for t := range plan.Threads {
		share := make([][]socket, len(rooms))
		for i, room := range rooms {
			share[i] = room[len(room)*t/plan.Threads : len(room)*(t+1)/plan.Threads]
		}
		threads.Go(func() { floorThread(clock, start, share, &stop) })
	}
	_, err = io.Copy(io.Discard, io.MultiReader(decoder.Buffered(), in))
	stop.Store(true)
	threads.Wait()
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("wait for the end: %w", err)
	}
	return nil
}

// floorThread is the loop, with its share of each room.
func floorThread(clock clock, start int64, rooms [][]socket, stop *atomic.Bool) {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	prefer()
	var packet [datagram]byte
	var buffer [2048]byte
	packet[0] = 2 << 6 // RTP, PCMU
	for n := int64(0); !stop.Load(); n++ {
		// It was stopped: as the server does, it leaves out what it missed.
		n += max(0, (clock.now()-start)/perTick-n)
		binary.BigEndian.PutUint16(packet[2:], uint16(n))
		binary.BigEndian.PutUint32(packet[4:], uint32(n)*rtpTick)
		for turn := range min(turns, len(rooms)) {
			clock.sleep(start + n*perTick + int64(turn)*perTick/turns)
			for i := turn; i < len(rooms); i += turns {
				for _, s := range rooms[i] {
					for s.receive(buffer[:]) >= 0 && n%drainEvery == 0 {
					}
				}
				for _, s := range rooms[i] {
					s.send(packet[:])
				}
			}
		}
	}
}

// floorProcess is the bare loop over sockets, in a process of its own.
type floorProcess struct {
	command *exec.Cmd
	in      io.WriteCloser
	ports   [][]uint16
}

func startFloor(program string, cpus []int, plan floorPlan) (*floorProcess, error) {
	f := &floorProcess{command: exec.Command(program, "bench-floor")}
	f.command.Stderr = os.Stderr
	in, err := f.command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the floor: %w", err)
	}
	f.in = in
	out, err := f.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the floor: %w", err)
	}
	if err := startOn(cpus, f.command); err != nil {
		return nil, err
	}
	err = json.NewEncoder(in).Encode(plan)
	if err == nil {
		err = json.NewDecoder(out).Decode(&f.ports)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("talk to the floor: %w", err), f.close())
	}
	return f, nil
}

func (f *floorProcess) close() error {
	f.in.Close()
	if err := f.command.Wait(); err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}
