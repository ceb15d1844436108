package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"
)

// For each second of the time measured so many windows of the server are compared with the floor, but at most
// mostPairs: that takes half a minute.
const (
	pairsPerSecond = 3
	mostPairs      = 24
)

// comparison is what the windows of the floor and of the server took per participant-second. Each of the
// server's stands between two of the floor's.
type comparison struct {
	floors, servers []time.Duration
}

// compare has the server and the floor run by turns, each with as many callers. They share what else the
// machine does: the ratio of two windows side by side means something where the figures themselves drift.
func (b *bench) compare(ctx context.Context, server *os.Process, crowd *crowd) (c comparison, err error) {
	pairs := min(mostPairs, int(pairsPerSecond*b.Length/time.Second))
	fmt.Fprintf(b.Progress, "server and %d bare sockets by turns on CPU %v, for %v\n", b.Members, b.server,
		time.Duration(2*pairs+1)*(warm+counted+handOver))
	callers, err := b.newCallers(false)
	if err != nil {
		return c, err
	}
	floorCrowd := newCrowd(b.clock, callers, len(b.client))
	defer floorCrowd.close()
	floor, err := b.startFloor(callers)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, floor.close()) }()
	bare := &contender{process: floor.command.Process, crowd: floorCrowd}
	conference := &contender{process: server, crowd: crowd}
	if err := alternate(ctx, bare, conference, pairs); err != nil {
		return c, err
	}
	c.fill(bare, conference, b.Members)
	return c, nil
}

// fill takes what the windows of two contenders took.
func (c *comparison) fill(floor, server *contender, members int) {
	for _, w := range floor.windows {
		c.floors = append(c.floors, w.perParticipantSecond(members))
	}
	for _, w := range server.windows {
		c.servers = append(c.servers, w.perParticipantSecond(members))
	}
}

// startFloor starts the bare loop for these callers and connects them.
func (b *bench) startFloor(callers []*caller) (*floorProcess, error) {
	plan := floorPlan{Rooms: make([][]uint16, b.Rooms), Threads: len(b.server)}
	for i, c := range callers {
		media, err := c.socket.address()
		if err != nil {
			return nil, err
		}
		plan.Rooms[i%b.Rooms] = append(plan.Rooms[i%b.Rooms], media.Port())
	}
	floor, err := startFloor(b.Program, b.server, plan)
	if err != nil {
		return nil, err
	}
	for i, c := range callers {
		if err := c.connect(netip.AddrPortFrom(loopback, floor.ports[i%b.Rooms][i/b.Rooms])); err != nil {
			return nil, errors.Join(err, floor.close())
		}
	}
	return floor, nil
}

// ratios returns by how many times each window of the server took more than the mean of the two of the floor
// beside it, in order of size.
func (c comparison) ratios() []float64 {
	var all []float64
	for i, server := range c.servers {
		if beside := c.floors[i] + c.floors[i+1]; beside > 0 {
			all = append(all, 2*float64(server)/float64(beside))
		}
	}
	slices.Sort(all)
	return all
}

// quantile returns the value below which a share of the sorted values lie, between two of them if need be.
func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := share * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}
