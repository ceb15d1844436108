package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"conclave/cmd/conclave/bench"
)

// benchCmd measures a server of its own on this machine.
type benchCmd struct {
	Members            int               `default:"500" placeholder:"N" help:"Members in all rooms together (${default})."`
	Rooms              int               `default:"1" placeholder:"R" help:"Rooms that the members are spread over (${default})."`
	Talkers            int               `default:"3" placeholder:"K" help:"Members in each room that talk; the others are faint noise (${default})."`
	Option             map[string]string `short:"o" mapsep:"none" placeholder:"OPTION=VALUE" help:"Set an option of the rooms; may be repeated."`
	Codec              string            `default:"pcmu" enum:"pcmu,g722,opus,opus16" placeholder:"NAME" help:"What the members speak: pcmu, g722, opus in full band, or opus16 in wide band (${default})."`
	SRTP               string            `name:"srtp" placeholder:"SUITE" help:"Encrypt the members' audio by this suite, and measure what that costs against plain members; no floor."`
	Seconds            int               `default:"20" placeholder:"S" help:"How long to measure, before the comparison with the floor (${default})."`
	ServerCPUs         cpuList           `name:"server-cpus" placeholder:"LIST" help:"CPUs of the server, such as 1 or 2-3; the callers have the others. Without it, the last one."`
	CallsPerSecond     int               `placeholder:"N" help:"Calls beside the members that come and go in each second."`
	Phones             int               `placeholder:"N" help:"Phones that register beside the members, and are counted after a restart; no floor."`
	RegistersPerSecond int               `placeholder:"N" help:"Registrations of all phones together in each second, each with a challenge."`
	Flood              int               `placeholder:"N" help:"SIP messages in each second from one source beside the members; no floor."`
	Record             bool              `help:"Measure what recording all rooms costs, and not the floor; with -o record_tracks=yes each member has a track."`
	Fill               bool              `help:"Have members call until the server refuses more of them for its load, and measure those who are in; no floor."`
	Delay              bool              `help:"Measure the delay from mouth to ear that the server adds; no floor."`
	Soak               bool              `help:"Watch what the server holds while calls come and go, and fail if it grows or anything is lost; no floor."`
	Kills              int               `placeholder:"N" help:"Kill the server so many times at random moments and tell what calls and orders that it had acknowledged come to; fail if too much is lost. Nothing else is measured."`
	Takeovers          int               `name:"takeover" placeholder:"N" help:"Have a new process take the server over so many times, and tell what members hear of it; fail if a call is lost or a gap is longer than 60 ms. Nothing else is measured."`
	JSON               bool              `name:"json" help:"Print JSON."`
}

// Run prints the report.
func (c *benchCmd) Run(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	report, err := bench.Run(ctx, bench.Config{
		Program:            program,
		Members:            c.Members,
		Rooms:              c.Rooms,
		Talkers:            c.Talkers,
		Codec:              c.Codec,
		SRTP:               c.SRTP,
		Options:            c.Option,
		Length:             time.Duration(c.Seconds) * time.Second,
		ServerCPUs:         c.ServerCPUs,
		CallsPerSecond:     c.CallsPerSecond,
		Phones:             c.Phones,
		RegistersPerSecond: c.RegistersPerSecond,
		Flood:              c.Flood,
		Record:             c.Record,
		Fill:               c.Fill,
		Delay:              c.Delay,
		Kills:              c.Kills,
		Takeovers:          c.Takeovers,
		Soak:               c.Soak,
		Progress:           os.Stderr,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(report)
	} else {
		err = report.Write(os.Stdout)
	}
	if report.Soak != nil {
		err = errors.Join(err, report.Flat())
	}
	if report.Takeover != nil {
		err = errors.Join(err, report.Takeover.Err())
	}
	if report.Killing != nil {
		err = errors.Join(err, report.Killing.Err())
	}
	return err
}

// floorCmd is the process that bench compares the server with.
type floorCmd struct{}

func (floorCmd) Run() error { return bench.RunFloor(os.Stdin, os.Stdout) }

// cpuList is a list of CPUs as taskset(1) takes it.
type cpuList []int

// UnmarshalText takes numbers and ranges, separated by commas.
func (l *cpuList) UnmarshalText(text []byte) (err error) {
	*l, err = bench.ParseCPUs(string(text))
	return err
}
