// Command conclave is a conference server for telephones, and the tool that configures and operates it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line: one field for each command group, each in a file of its own.
type cli struct {
	Data dataDir `help:"Directory of the database and the control socket." default:"./data" env:"CONCLAVE_DATA" placeholder:"DIR"`

	KeyFile keyFile `name:"key-file" help:"File of the key that PINs and passwords are sealed with (DATA/secrets.key)." env:"CONCLAVE_KEY_FILE" placeholder:"FILE"`

	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Room       roomCmd       `cmd:"" help:"Add, list, show, change, import and remove rooms."`
	Phone      phoneCmd      `cmd:"" help:"Add, list, show, change and remove phones."`
	Trunk      trunkCmd      `cmd:"" help:"Add, list, show, change and remove trunks: PBXs and carriers."`
	Cert       certCmd       `cmd:"" help:"Make a certificate for calls over TLS."`
	Menu       menuCmd       `cmd:"" help:"Say what the keys of members do."`
	Voice      voiceCmd      `cmd:"" help:"Add, list, check and remove voices."`
	Music      musicCmd      `cmd:"" help:"Add, list, show, change and remove hold music."`
	Live       liveCmd       `cmd:"" help:"Show the conferences and members of now."`
	Events     eventsCmd     `cmd:"" help:"Print what happens in conferences, as it happens."`
	Subs       subsCmd       `cmd:"" name:"subscriptions" help:"List the phones and trunks that are told what happens in rooms and to phones."`
	Calls      callsCmd      `cmd:"" help:"List the calls that are over."`
	Record     recordCmd     `cmd:"" help:"Begin and end to record a conference."`
	Recordings recordingsCmd `cmd:"" help:"List, show, export and remove recordings."`
	Invite     inviteCmd     `cmd:"" help:"Call somebody into a room."`
	Mute       muteCmd       `cmd:"" help:"Mute members."`
	Unmute     unmuteCmd     `cmd:"" help:"Let muted members speak again."`
	Kick       kickCmd       `cmd:"" help:"Put members out of a conference."`
	Play       playCmd       `cmd:"" help:"Play a sound file to a conference."`
	Say        sayCmd        `cmd:"" help:"Say prompts to a conference."`
	Lock       lockCmd       `cmd:"" help:"Let nobody but moderators into a conference any more."`
	Unlock     unlockCmd     `cmd:"" help:"Open a locked conference again."`
	Status     statusCmd     `cmd:"" help:"Show how the server is."`
	Drain      drainCmd      `cmd:"" help:"Have the server take no new calls, and wait until there are none."`
	Bans       bansCmd       `cmd:"" help:"List and clear who has failed too often."`
	Key        keyCmd        `cmd:"" help:"Change the key that PINs and passwords are sealed with."`
	Backup     backupCmd     `cmd:"" help:"Write all that is configured into one file."`
	Restore    restoreCmd    `cmd:"" help:"Put a backup in the place of what is there."`
	Bench      benchCmd      `cmd:"" help:"Measure a server of its own on this machine: cost, loss, lateness, and what is heard."`

	MusicDecode musicDecodeCmd `cmd:"" hidden:"" help:"Decode a file of music, for music add."`
	BenchFloor  floorCmd       `cmd:"" hidden:"" help:"Send and receive without a conference, for bench to compare with."`
}

// Exit codes, as usual among Unix tools.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	// The first SIGINT or SIGTERM asks the command to end; from then on a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	var line cli
	parser, err := kong.New(&line,
		kong.Name("conclave"),
		kong.Description("A conference server for telephones."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return fail(err, exitFailure)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fail(err, exitUsage)
	}
	command.BindTo(line.KeyFile.within(ctx), (*context.Context)(nil))
	if err := command.Run(line.Data); err != nil && !errors.Is(err, context.Canceled) {
		return fail(err, exitFailure)
	}
	return 0
}

func fail(err error, code int) int {
	fmt.Fprintf(os.Stderr, "conclave: %v\n", err)
	return code
}
