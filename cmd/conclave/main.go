// Command conclave is a conference server for telephones, and the tool that configures and operates it.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line: one field for each command group, each in a file of its own.
type cli struct {
	Data dataDir `help:"Directory of the database and the control socket." default:"./data" env:"CONCLAVE_DATA" placeholder:"DIR"`

	KeyFile keyFile `name:"key-file" help:"File of the key that PINs and passwords are sealed with (DATA/secrets.key)." env:"CONCLAVE_KEY_FILE" placeholder:"FILE"`

	Serve      serveCmd      `cmd:"" audit:"no" help:"Run the server."`
	Room       roomCmd       `cmd:"" help:"Add, list, show, change, import and remove rooms."`
	Phone      phoneCmd      `cmd:"" help:"Add, list, show, change and remove phones."`
	Trunk      trunkCmd      `cmd:"" help:"Add, list, show, change and remove trunks: PBXs and carriers."`
	Cert       certCmd       `cmd:"" help:"Make a certificate for calls over TLS."`
	Menu       menuCmd       `cmd:"" help:"Say what the keys of members do."`
	Voice      voiceCmd      `cmd:"" help:"Add, list, check and remove voices."`
	Music      musicCmd      `cmd:"" help:"Add, list, show, change and remove hold music."`
	Live       liveCmd       `cmd:"" audit:"no" help:"Show the conferences and members of now."`
	Events     eventsCmd     `cmd:"" audit:"no" help:"Print what happens in conferences, as it happens."`
	Subs       subsCmd       `cmd:"" audit:"no" name:"subscriptions" help:"List the phones and trunks that are told what happens in rooms and to phones."`
	Calls      callsCmd      `cmd:"" audit:"no" help:"List the calls that are over."`
	Audit      auditCmd      `cmd:"" audit:"no" help:"List what operators have ordered: who, when, what, and what came of it."`
	Record     recordCmd     `cmd:"" help:"Begin and end to record a conference."`
	Recordings recordingsCmd `cmd:"" help:"List, show, export and remove recordings."`
	Invite     inviteCmd     `cmd:"" audit:"change" help:"Call somebody into a room."`
	Mute       muteCmd       `cmd:"" audit:"change" help:"Mute members."`
	Unmute     unmuteCmd     `cmd:"" audit:"change" help:"Let muted members speak again."`
	Kick       kickCmd       `cmd:"" audit:"change" help:"Put members out of a conference."`
	Play       playCmd       `cmd:"" audit:"change" help:"Play a sound file to a conference."`
	Say        sayCmd        `cmd:"" audit:"change" help:"Say prompts to a conference."`
	Lock       lockCmd       `cmd:"" audit:"change" help:"Let nobody but moderators into a conference any more."`
	Unlock     unlockCmd     `cmd:"" audit:"change" help:"Open a locked conference again."`
	Status     statusCmd     `cmd:"" audit:"no" help:"Show how the server is."`
	Drain      drainCmd      `cmd:"" audit:"change" help:"Have the server take no new calls, and wait until there are none."`
	Bans       bansCmd       `cmd:"" help:"List and clear who has failed too often."`
	Key        keyCmd        `cmd:"" help:"Change the key that PINs and passwords are sealed with."`
	Backup     backupCmd     `cmd:"" audit:"rescue" help:"Write all that is configured into one file."`
	Restore    restoreCmd    `cmd:"" audit:"change" help:"Put a backup in the place of what is there."`
	Bench      benchCmd      `cmd:"" audit:"no" help:"Measure a server of its own on this machine: cost, loss, lateness, and what is heard."`

	MusicDecode musicDecodeCmd `cmd:"" audit:"no" hidden:"" help:"Decode a file of music, for music add."`
	BenchFloor  floorCmd       `cmd:"" audit:"no" hidden:"" help:"Send and receive without a conference, for bench to compare with."`
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
	order := orderOf(command, args)
	ctx = order.within(line.KeyFile.within(ctx))
	command.BindTo(ctx, (*context.Context)(nil))
	if err := order.run(ctx, line.Data, func() error { return command.Run(line.Data) }); err != nil && !errors.Is(err, context.Canceled) {
		return fail(err, exitFailure)
	}
	return 0
}

func fail(err error, code int) int {
	warnf("conclave: %v", err)
	return code
}
