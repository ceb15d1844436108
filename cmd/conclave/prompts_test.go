package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
	"conclave/rooms"
	"conclave/sip/phone"
)

// promptCases has, for each row of the table of ConfBridge's prompts, what goes on in a room, and what each phone in it
// hears of it. Whatever else a phone hears is an error: so the cases tell, too, who hears nothing.
var promptCases = []struct {
	row  string
	room []string // of `room add`
	play func(p *party)
}{
	{"conf-getpin and conf-invalidpin", made("--pin", "12"), func(p *party) {
		anna := p.rings("anna")
		anna.hears("conf-getpin")
		anna.press("99")
		anna.hears("conf-invalidpin", "conf-getpin")
		anna.press("12")
		p.joins(anna)
		bert := p.rings("bert")
		for range 3 {
			bert.hears("conf-getpin")
			bert.press("99")
			bert.hears("conf-invalidpin")
		}
		bert.ends()
	}},
	{"vm-rec-name, beep and auth-thankyou; name with conf-hasjoin and conf-hasleft", made("--no-pin", "announce_join_leave=yes"), func(p *party) {
		anna := p.rings("anna")
		anna.saysName("digits/9")
		p.joins(anna)
		bert := p.rings("bert")
		bert.saysName("digits/7")
		anna.hearsUnlessQuiet("digits/7", "conf-hasjoin")
		p.joins(bert)
		carl := p.rings("carl")
		carl.saysName("") // is announced as a participant
		for _, e := range p.inside {
			e.hearsUnlessQuiet("conf-participant", "conf-hasjoin")
		}
		p.joins(carl)
		p.leaves(bert, "digits/7", "conf-hasleft")
	}},
	{"conf-locked; conf-lockednow and conf-unlockednow by a moderator's key", made("--no-pin", "--moderator-pin", "42"), func(p *party) {
		mary, anna := p.moderator("mary"), p.participant("anna")
		mary.press("2")
		mary.hears("conf-lockednow")
		bert := p.rings("bert")
		bert.hears("conf-getpin")
		bert.press("#")
		bert.hears("conf-locked")
		bert.ends()
		mary.press("2")
		mary.hears("conf-unlockednow")
		p.participant("carl")
		anna.press("2") // means nothing for participants
	}},
	{"conf-full", made("--no-pin", "max_members=1"), func(p *party) {
		p.participant("anna")
		bert := p.rings("bert")
		bert.hears("conf-full")
		bert.ends()
	}},
	{"auth-thankyou, also to those for whom there is no room", made("--no-pin", "announce_join_leave=yes", "max_members=1"), func(p *party) {
		anna := p.rings("anna")
		anna.saysName("digits/9")
		p.joins(anna)
		bert := p.rings("bert")
		bert.saysName("digits/7")
		bert.hears("conf-full")
		bert.ends()
	}},
	{"announcement, number, name and tone, in this order", made("--no-pin", "announce_join_leave=yes", "announce_user_count=yes", "announce_user_count_all=yes", "announcement=conf-lockednow"), func(p *party) {
		anna := p.rings("anna")
		anna.saysName("digits/9")
		anna.hears("conf-lockednow")
		p.joins(anna)
		bert := p.rings("bert")
		bert.saysName("digits/7")
		anna.hears("conf-onlyone")
		anna.hearsUnlessQuiet("digits/7", "conf-hasjoin")
		bert.hears("conf-lockednow", "conf-onlyone")
		p.joins(bert)
	}},
	{"conf-onlyone and conf-thereare to the caller", made("--no-pin", "announce_user_count=yes"), func(p *party) {
		p.participant("anna")
		bert := p.rings("bert")
		bert.hears("conf-onlyone")
		p.joins(bert)
		carl := p.rings("carl")
		carl.hears("conf-thereare", "digits/2", "conf-otherinparty")
		p.joins(carl)
	}},
	{"conf-onlyone and conf-thereare to all others", made("--no-pin", "announce_user_count_all=yes"), func(p *party) {
		anna := p.participant("anna")
		bert := p.rings("bert")
		anna.hears("conf-onlyone")
		p.joins(bert)
		carl := p.rings("carl")
		anna.hears("conf-thereare", "digits/2", "conf-otherinparty")
		bert.hears("conf-thereare", "digits/2", "conf-otherinparty")
		p.joins(carl)
	}},
	{"conf-thereare to all others above a number", made("--no-pin", "announce_user_count_all=2"), func(p *party) {
		anna, bert := p.participant("anna"), p.participant("bert")
		carl := p.rings("carl")
		for _, e := range []*ear{anna, bert} {
			e.hears("conf-thereare", "digits/2", "conf-otherinparty")
		}
		p.joins(carl)
	}},
	{"conf-onlyone and conf-thereare by a key", made("--no-pin", "menu=keys"), func(p *party) {
		anna := p.participant("anna")
		anna.press("#")
		anna.hears("conf-onlyperson") // asked for, and so said in a quiet room, too
		bert := p.participant("bert")
		anna.press("#")
		anna.hears("conf-onlyone")
		p.participant("carl")
		bert.press("#")
		bert.hears("conf-thereare", "digits/2", "conf-otherinparty")
	}},
	{"conf-onlyperson", made("--no-pin", "announce_only_user=yes"), func(p *party) {
		anna := p.rings("anna")
		anna.hearsUnlessQuiet("conf-onlyperson")
		p.joins(anna)
		bert := p.participant("bert")
		p.leaves(bert) // it is said on arrival alone
	}},
	{"no conf-onlyperson", made("--no-pin"), func(p *party) { p.participant("anna") }},
	{"conf-waitforleader and confbridge-conf-begin", made("--no-pin", "--moderator-pin", "42", "wait_marked=yes"), func(p *party) {
		var waiters []*ear
		for _, name := range []string{"anna", "bert"} {
			e := p.rings(name)
			e.hears("conf-getpin")
			e.press("#")
			// Not in the mix, they hear nothing of each other.
			e.hearsUnlessQuiet("conf-waitforleader", "confbridge-join")
			p.member(e)
			waiters = append(waiters, e)
		}
		p.inside = waiters
		mary := p.rings("mary")
		mary.hears("conf-getpin")
		mary.press("42")
		for _, e := range append(waiters, mary) {
			e.hearsUnlessQuiet("confbridge-conf-begin")
		}
		p.joins(mary)
		p.moderator("moni") // is not the first
		p.participant("carl")
	}},
	{"no confbridge-conf-begin without waiters", made("--no-pin", "--moderator-pin", "42", "wait_marked=yes"), func(p *party) {
		p.moderator("mary")
		p.participant("anna")
	}},
	{"confbridge-join and confbridge-leave", made("--no-pin"), func(p *party) {
		p.participant("anna")
		bert := p.participant("bert")
		p.participant("carl")
		p.leaves(bert)
	}},
	{"confbridge-join to the room alone", made("--no-pin", "hear_own_join_sound=no"), func(p *party) {
		anna := p.rings("anna")
		p.member(anna)
		bert := p.rings("bert")
		p.member(bert)
		anna.hearsUnlessQuiet("confbridge-join")
		p.inside = []*ear{anna, bert}
		p.leaves(bert)
	}},
	{"conf-leaderhasleft", made("--no-pin", "--moderator-pin", "42"), func(p *party) {
		p.participant("anna")
		mary, moni := p.moderator("mary"), p.moderator("moni")
		p.participant("bert")
		p.leaves(mary) // moni is there still
		p.leaves(moni)
		for _, e := range p.inside {
			e.hearsUnlessQuiet("conf-leaderhasleft")
		}
	}},
	{"conf-leaderhasleft to those who wait again", made("--no-pin", "--moderator-pin", "42", "wait_marked=yes"), func(p *party) {
		mary := p.moderator("mary")
		anna, bert := p.participant("anna"), p.participant("bert")
		mary.hangUp()
		for _, e := range []*ear{anna, bert} {
			e.hearsUnlessQuiet("conf-leaderhasleft")
		}
	}},
	{"conf-leaderhasleft to those who go with the leader", made("--no-pin", "--moderator-pin", "42", "end_marked=yes"), func(p *party) {
		mary := p.moderator("mary")
		anna, bert := p.participant("anna"), p.participant("bert")
		mary.hangUp()
		for _, e := range []*ear{anna, bert} {
			e.hearsUnlessQuiet("conf-leaderhasleft")
			e.ends()
		}
	}},
	{"conf-muted and conf-unmuted by one's own key", made("--no-pin"), func(p *party) {
		anna := p.participant("anna")
		p.participant("bert")
		anna.press("1")
		anna.hears("conf-muted")
		anna.press("1")
		anna.hears("conf-unmuted")
	}},
	{"conf-now-muted and conf-now-unmuted", made("--no-pin", "--moderator-pin", "42"), func(p *party) {
		mary := p.moderator("mary")
		p.participant("anna")
		p.participant("bert")
		for _, prompt := range []string{"conf-now-muted", "conf-now-unmuted"} {
			mary.press("5")
			for _, e := range p.inside {
				e.hears(prompt)
			}
		}
	}},
	{"conf-kicked", made("--no-pin", "--moderator-pin", "42"), func(p *party) {
		mary := p.moderator("mary")
		p.participant("anna")
		bert, carl := p.participant("bert"), p.participant("carl")
		mary.press("3")
		carl.hearsUnlessQuiet("conf-kicked")
		p.gone(carl)
		p.server.run("kick", p.extension, "3")
		bert.hearsUnlessQuiet("conf-kicked")
		p.gone(bert)
	}},
	{"conf-errormenu", made("--no-pin", "--moderator-pin", "42", "menu=keys"), func(p *party) {
		anna, mary := p.participant("anna"), p.moderator("mary")
		anna.press("2") // is for moderators
		anna.hears("conf-errormenu")
		mary.press("3") // came last herself, and is a moderator
		mary.hears("conf-errormenu")
		mary.press("5")
		for _, e := range p.inside {
			e.hears("conf-now-muted")
		}
		anna.press("1") // a moderator has muted her
		anna.hears("conf-errormenu")
	}},
	{"over what others say", made("--no-pin"), func(p *party) {
		anna, bert := p.participant("anna"), p.participant("bert")
		bert.call.Say(phone.Tone(330, -20))
		anna.hearsTone(330)
		anna.press("1")
		anna.hearsAmid("conf-muted")
		carl := p.rings("carl")
		carl.hearsTone(330)
		bert.hearsUnlessQuiet("confbridge-join")
		if !p.quiet {
			anna.hearsAmid("confbridge-join")
		}
		carl.hearsNot("conf-muted")
	}},
	{"over music", made("--no-pin", "music_on_hold_when_empty=yes", "announce_only_user=yes"), func(p *party) {
		anna := p.rings("anna")
		if !p.quiet {
			anna.hearsAmid("conf-onlyperson")
		}
		p.member(anna)
		anna.press("1")
		anna.hearsAmid("conf-muted")
		if p.quiet {
			anna.hearsNot("conf-onlyperson")
		}
	}},
}

// made is how a room is made, of flags and options. Where a case does not say otherwise its members hear no music, and are
// not told that they are alone.
func made(args ...string) (flags []string) {
	for _, option := range []string{"music_on_hold_when_empty", "announce_only_user"} {
		if !slices.Contains(args, option+"=yes") {
			args = append(args, option+"=no")
		}
	}
	for _, arg := range args {
		if strings.Contains(arg, "=") {
			flags = append(flags, "-o")
		}
		flags = append(flags, arg)
	}
	return flags
}

func TestWhoHearsWhichPrompt(t *testing.T) {
	t.Parallel()
	server := startServer(t, "--guests", "all")
	server.run("menu", "set", "keys", "#", "participant_count")
	server.run("menu", "set", "keys", "1", "toggle_mute")
	server.run("menu", "set", "keys", "2", "admin_toggle_conference_lock")
	// Most of the time a case waits for a prompt to end: more go on at a time than there are cores.
	const atOnce = 16
	turn := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i, tt := range promptCases {
		for j, quiet := range []string{"no", "yes"} {
			turn <- struct{}{}
			wait.Go(func() {
				defer func() { <-turn }()
				t.Run(tt.row+", quiet="+quiet, func(t *testing.T) {
					own := *server
					own.t = t // whatever fails is this party's failure
					p := &party{t: t, server: &own, extension: fmt.Sprint(3000 + 2*i + j), quiet: quiet == "yes", asksPIN: slices.Contains(tt.room, "--moderator-pin")}
					own.run(slices.Concat([]string{"room", "add", p.extension, "--name", "Prompts", "-o", "quiet=" + quiet}, tt.room)...)
					tt.play(p)
					p.silent()
				})
			})
		}
	}
	wait.Wait()
}

// party is a room and who calls it.
type party struct {
	t         *testing.T
	server    *testServer
	extension string
	quiet     bool
	asksPIN   bool
	all       []*ear
	inside    []*ear // who hear what is played to the room
}

// rings calls the room.
func (p *party) rings(name string) *ear {
	p.t.Helper()
	e := &ear{party: p, name: name, call: p.server.dial(p.extension, phone.Options{From: name})}
	p.all = append(p.all, e)
	return e
}

// joins is for a caller who is being let in: he and the others hear the tone.
func (p *party) joins(e *ear) {
	p.t.Helper()
	p.member(e)
	p.inside = append(p.inside, e)
	for _, e := range p.inside {
		e.hearsUnlessQuiet("confbridge-join")
	}
}

// member waits until a caller is in the conference, or waits for a leader.
func (p *party) member(e *ear) {
	p.t.Helper()
	p.server.wait("member "+e.name, patience, func() bool {
		var all []rooms.Conference
		if err := newClient(dataDir(p.server.data)).call(p.t.Context(), "GET", "/v1/live", &all); err != nil {
			p.t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(c rooms.Conference) bool {
			return c.Extension == p.extension && slices.ContainsFunc(c.Members, func(m rooms.Member) bool { return m.Caller == e.name })
		})
	})
}

// participant calls the room and joins.
func (p *party) participant(name string) *ear {
	p.t.Helper()
	return p.admitted(name, "#")
}

func (p *party) moderator(name string) *ear {
	p.t.Helper()
	return p.admitted(name, "42")
}

// admitted joins by keys where the room asks for a PIN.
func (p *party) admitted(name, keys string) *ear {
	p.t.Helper()
	e := p.rings(name)
	if p.asksPIN {
		e.hears("conf-getpin")
		e.press(keys)
	}
	p.joins(e)
	return e
}

// leaves hangs up; the others hear of it, and then the tone.
func (p *party) leaves(e *ear, of ...string) {
	p.t.Helper()
	e.hangUp()
	p.without(e, of...)
}

// gone waits until the call of one who was put out has ended; the others hear the tone.
func (p *party) gone(e *ear) {
	p.t.Helper()
	e.ends()
	p.without(e)
}

func (p *party) without(e *ear, of ...string) {
	p.t.Helper()
	p.inside = slices.DeleteFunc(p.inside, func(other *ear) bool { return other == e })
	for _, e := range p.inside {
		e.hearsUnlessQuiet(append(of, "confbridge-leave")...)
	}
}

// silent waits for what may still be heard, which is to be nothing.
func (p *party) silent() {
	p.t.Helper()
	for _, e := range p.all {
		e.hearsNothingElse()
	}
}

// patience is how long anything may take, on a machine that has much else to do.
const patience = 30 * time.Second

// ear is one who calls, and what he has heard.
type ear struct {
	party *party
	name  string
	call  *phone.Call
	wants []string // what he is to have heard so far, in this order
	heard []string

	pcm     []int16
	at      int // up to where heard tells what is in pcm
	packets int // that are in pcm
	last    uint16
}

// press presses keys.
func (e *ear) press(keys string) {
	e.party.t.Helper()
	if err := e.call.Press(keys, phone.Press{}); err != nil {
		e.party.t.Fatalf("%s: %v", e.name, err)
	}
}

// saysName goes through the name phase, which a quiet room leaves out. Who is to say nothing as his name says nothing.
func (e *ear) saysName(name string) {
	e.party.t.Helper()
	e.hearsUnlessQuiet("vm-rec-name", "beep")
	if e.party.quiet {
		return
	}
	time.Sleep(300 * time.Millisecond) // the recording begins when the tone has ended
	if name != "" {
		pcm := e.party.sounds()[name].whole
		e.call.Say(phone.PCM(pcm))
		time.Sleep(time.Duration(len(pcm))*time.Second/8000 + 300*time.Millisecond)
	}
	e.press("#")
	e.hears("auth-thankyou")
}

func (e *ear) hangUp() {
	e.party.t.Helper()
	if err := e.call.Hangup(); err != nil {
		e.party.t.Errorf("%s: %v", e.name, err)
	}
}

// ends waits until the server has ended the call.
func (e *ear) ends() {
	e.party.t.Helper()
	select {
	case <-e.call.Done():
	case <-time.After(patience):
		e.party.t.Fatalf("%s: the call goes on", e.name)
	}
}

// hearsUnlessQuiet is for prompts that a quiet room suppresses.
func (e *ear) hearsUnlessQuiet(prompts ...string) {
	e.party.t.Helper()
	if !e.party.quiet {
		e.hears(prompts...)
	}
}

// hears waits until prompts were heard, each to its end, after what was heard before and with nothing in between.
func (e *ear) hears(prompts ...string) {
	e.party.t.Helper()
	e.wants = append(e.wants, prompts...)
	e.poll(strings.Join(prompts, ", "), func() bool {
		e.recognise(len(e.wants))
		return len(e.heard) >= len(e.wants) || !slices.Equal(e.heard, e.wants[:len(e.heard)])
	})
	if !slices.Equal(e.heard, e.wants) {
		e.party.t.Fatalf("%s heard %q, want %q", e.name, e.heard, e.wants)
	}
}

// hearsNothingElse listens for a second more.
func (e *ear) hearsNothingElse() {
	e.party.t.Helper()
	if e.amid() {
		return
	}
	e.listen()
	before := len(e.pcm)
	e.poll("sound", func() bool { return len(e.pcm) >= before+8000 || e.over() })
	if e.recognise(len(e.wants) + 1); len(e.heard) > len(e.wants) {
		e.party.t.Errorf("%s heard %q, want %q", e.name, e.heard, e.wants)
	}
}

// poll listens until something holds.
func (e *ear) poll(what string, holds func() bool) {
	e.party.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		over := e.over()
		e.listen()
		if holds() {
			return
		}
		if over || time.Now().After(end) {
			e.party.t.Fatalf("%s has not heard %s, but %q; ending of the call: %q", e.name, what, e.heard, e.call.Ending())
		}
	}
}

func (e *ear) over() bool {
	select {
	case <-e.call.Done():
		return true
	default:
		return false
	}
}

// listen takes what has been received, in the order in which it was sent: where the server has left out a tick because
// this machine stood still the prompt goes on after it, and is whole so.
func (e *ear) listen() {
	packets := e.call.Packets()
	for _, p := range packets[e.packets:] {
		ahead := int(int16(p.Sequence - e.last))
		switch {
		case p.PCM == nil || len(e.pcm) > 0 && ahead < 1:
			continue
		case len(e.pcm) > 0:
			e.pcm = append(e.pcm, make([]int16, (ahead-1)*len(p.PCM))...)
		}
		e.pcm, e.last = append(e.pcm, p.PCM...), p.Sequence
	}
	e.packets = len(packets)
}

const (
	faint = 96 // magnitude of samples that are heard
	edge  = 48 // and of those that a prompt begins and ends with

	alike   = 0.8 // correlation of what is the same, and may have been turned down or be heard over something else
	unalike = 0.5 // and of what is not
)

// sound is a prompt as its file has it.
type sound struct {
	whole []int16
	core  []int16 // without the silence around it
}

// recognise tells what is heard until it is most prompts, and silence between them.
func (e *ear) recognise(most int) {
	for len(e.heard) < most {
		for e.at < len(e.pcm) && e.pcm[e.at] < faint && e.pcm[e.at] > -faint {
			e.at++
		}
		if e.at == len(e.pcm) {
			return
		}
		name, end, complete := e.next()
		if !complete {
			return
		}
		e.heard, e.at = append(e.heard, name), end
	}
}

// next is the prompt that begins at e.at, and where it ends. What is wanted is looked for first: all others only have
// to be named in an error.
func (e *ear) next() (name string, end int, complete bool) {
	sounds := e.party.sounds()
	names := make([]string, 0, len(sounds)+1)
	if n := len(e.heard); n < len(e.wants) {
		names = append(names, e.wants[n])
	}
	for name := range sounds {
		names = append(names, name)
	}
	// In samples: a prompt may begin so faintly that it is heard later.
	const before, after = 1600, 400
	over, complete := e.over(), true
	for i, name := range names {
		core := sounds[name].core
		from, to := max(0, e.at-before), e.at+len(core)+after
		if to > len(e.pcm) && !over {
			if complete = false; i == 0 {
				return "", 0, false
			}
			continue
		}
		if at, similarity := tone.Find(e.pcm[from:min(to, len(e.pcm))], core); similarity > alike {
			return name, from + at + len(core), true
		}
		if i > 0 || !strings.HasPrefix(name, "digits/") || len(e.wants) < len(e.heard)+2 {
			continue
		}
		// A name that was said: where this machine stood still meanwhile, parts of it are missing or late in the recording.
		verb := sounds[e.wants[len(e.heard)+1]].core
		to = from + 2*len(core) + len(verb) + 4000
		if to > len(e.pcm) && !over {
			return "", 0, false
		}
		begins, similarity := tone.Find(e.pcm[from:min(to, len(e.pcm))], verb)
		for part := range slices.Chunk(core, len(core)/6) {
			if _, same := tone.Find(e.pcm[from:max(from, from+begins)], part); similarity > alike && same > alike {
				return name, from + begins, true
			}
		}
	}
	return "something else", len(e.pcm), complete
}

// hearsTone waits until a tone is heard, which goes on: what follows is heard over it.
func (e *ear) hearsTone(hz float64) {
	e.party.t.Helper()
	e.poll("the tone", func() bool {
		n := len(e.pcm)
		return n >= 1600 && tone.LevelAt(e.pcm[n-1600:], 8000, hz) > -30
	})
	e.at = len(e.pcm)
}

// amid tells that something else goes on, so that silence is not to be expected.
func (e *ear) amid() bool { return slices.Contains(e.wants, amid) }

const amid = "what goes on"

// hearsAmid waits until a prompt is heard while something else goes on, the talk of others or music.
func (e *ear) hearsAmid(prompt string) {
	e.party.t.Helper()
	e.wants = append(e.wants, amid)
	core := e.party.sounds()[prompt].core
	looked := 0
	e.poll(prompt, func() bool {
		// Not all of it each time: this is slow.
		if len(e.pcm) < looked+8000 && !e.over() {
			return false
		}
		from := max(e.at, looked-len(core))
		looked = len(e.pcm)
		at, similarity := tone.Find(e.pcm[from:], core)
		if similarity <= alike {
			return false
		}
		e.at = from + at + len(core)
		return true
	})
}

// hearsNot tells that a spoken prompt was not heard while something else went on; a tone may be like music.
func (e *ear) hearsNot(prompt string) {
	e.party.t.Helper()
	e.wants = append(e.wants, amid)
	e.listen()
	if _, similarity := tone.Find(e.pcm, e.party.sounds()[prompt].core); similarity > unalike {
		e.party.t.Errorf("%s heard %s", e.name, prompt)
	}
}

// sounds are all prompts of the voice that is built in, as a telephone hears them.
func (p *party) sounds() map[string]sound {
	p.t.Helper()
	sounds, err := builtInVoice()
	if err != nil {
		p.t.Fatal(err)
	}
	return sounds
}

var builtInVoice = sync.OnceValues(func() (map[string]sound, error) {
	const dir = "../../rooms/voice/en"
	sounds := make(map[string]sound)
	for _, pattern := range []string{"*.wav", "digits/[0-9].wav"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				return nil, err
			}
			loaded, err := media.LoadWAV(f)
			f.Close()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			name, err := filepath.Rel(dir, strings.TrimSuffix(file, ".wav"))
			if err != nil {
				return nil, err
			}
			pcm := loaded.PCM(8000)
			loud := func(s int16) bool { return s >= edge || s <= -edge }
			first, last := slices.IndexFunc(pcm, loud), len(pcm)
			for last > first && !loud(pcm[last-1]) {
				last--
			}
			sounds[name] = sound{whole: pcm, core: pcm[first:last]}
		}
	}
	return sounds, nil
})
