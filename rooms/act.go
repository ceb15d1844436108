package rooms

import (
	"context"
	"slices"
	"time"

	"conclave/media"
)

const (
	volumeStep = 3  // dB for each key
	volumeMost = 12 // dB up and down
)

// controls is what a member has set by his keys, and what they have begun. The goroutine of his conversation has it for
// itself, but for the volumes.
type controls struct {
	keys             *menuKeys
	hearing, talking int // volume in dB; the mutex of the conference guards them

	// Closed when what was last said to a key is over, and the last playback; nil: there was none.
	answer, whole <-chan struct{}
}

// moderatorActions are those of moderators alone.
var moderatorActions = []ActionKind{ActionKickLast, ActionToggleLock, ActionToggleMuteParticipants, ActionToggleRecording}

// act does what the keys of a member say, and answers him. It returns at once, so that whoever is spoken to can still be
// kicked; only where he leaves it returns when his last words have been said, or with the reason why ctx ended before.
func (v *Visit) act(ctx context.Context, m *member, do []Action) (leave bool, err error) {
	a := answers{visit: v, member: m}
	for _, action := range do {
		if slices.Contains(moderatorActions, action.Kind) {
			if !m.options.Admin {
				v.log.Info("key refused: only moderators may do this", "member", m.number, "action", action.Kind)
				a.say(promptErrorMenu)
				continue
			}
			v.log.Info("moderator's key", "member", m.number, "action", action.Kind)
		}
		switch action.Kind {
		case ActionToggleMute:
			a.say(v.toggleMute(m))
		case ActionToggleLock:
			if v.conference.toggleLock(m) {
				a.say(promptLockedNow)
			} else {
				a.say(promptUnlockedNow)
			}
		case ActionKickLast:
			if !v.conference.kickLastParticipant(m) {
				a.say(promptErrorMenu)
			}
		case ActionToggleMuteParticipants:
			v.conference.toggleParticipantsMute(m) // tells everybody
		case ActionToggleRecording:
			if err := v.conference.toggleRecording(m); err != nil {
				v.log.Warn("moderator's key: no recording", "member", m.number, "error", err)
				a.say(promptErrorMenu)
			}
		case ActionParticipantCount:
			if others := v.conference.others(m); others > 0 {
				a.add(v.line.voice.ThereAre(others)...)
			} else {
				a.say(promptOnlyPerson)
			}
		case ActionPlayback:
			a.add(v.files(m, action.Files)...)
			a.whole = true
		case ActionPlaybackAndContinue:
			a.open(v.files(m, action.Files))
		case ActionLeave:
			leave = true
		default:
			v.conference.turn(m, action.Kind)
		}
	}
	a.play()
	if !leave || a.over == nil {
		return leave, nil
	}
	return v.lastWords(ctx, a)
}

// toggleMute mutes a member for the others, or lets him be heard again, and returns what he is told.
func (v *Visit) toggleMute(m *member) (prompt string) {
	muted, allowed := v.conference.toggleOwnMute(m)
	switch {
	case !allowed:
		v.log.Info("key refused: a moderator or operator has muted him", "member", m.number)
		return promptErrorMenu
	case muted:
		return promptMuted
	}
	return promptUnmuted
}

// turn sets a member's volumes. At either end of the scale nothing happens.
func (c *conference) turn(m *member, kind ActionKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hearing, talking := m.hearing, m.talking
	switch kind {
	case ActionIncreaseListening:
		hearing = min(hearing+volumeStep, volumeMost)
	case ActionDecreaseListening:
		hearing = max(hearing-volumeStep, -volumeMost)
	case ActionResetListening:
		hearing = 0
	case ActionIncreaseTalking:
		talking = min(talking+volumeStep, volumeMost)
	case ActionDecreaseTalking:
		talking = max(talking-volumeStep, -volumeMost)
	case ActionResetTalking:
		talking = 0
	}
	if hearing != m.hearing {
		m.hearing = hearing
		m.seat.HearVolume(float64(hearing))
	}
	if talking != m.talking {
		m.talking = talking
		m.seat.TalkVolume(float64(talking))
	}
}

// files are the sounds that a menu names: the voice has the prompts, and by their paths the files that could be read. In
// place of others the member is told that something is wrong, once, and the log has their names.
func (v *Visit) files(m *member, names []string) []*media.Sound {
	var sounds []*media.Sound
	failed := false
	for _, name := range names {
		sound, ok := v.line.voice.Sound(name)
		if !ok {
			v.log.Warn("menu cannot play: no such prompt, or the file could not be read", "member", m.number, "file", name)
			failed = true
			continue
		}
		sounds = append(sounds, sound)
	}
	if failed {
		sounds = append(sounds, v.line.voice.Prompt(promptErrorMenu)...)
	}
	return sounds
}

// lastWords waits until a member who leaves has heard what his key says. If ctx ends meanwhile that is how he goes.
func (v *Visit) lastWords(ctx context.Context, a answers) (leave bool, err error) {
	limit := time.NewTimer(a.lasts + promptGrace)
	defer limit.Stop()
	for over := a.over; ; {
		select {
		case <-over:
			over = nil
			limit.Reset(hearTime)
		case <-limit.C:
			return true, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// answers is what is said to a member for his keys. It cuts the answer that he got before if that is not over: whoever
// mutes himself and thinks better of it is not to hear both to the end.
type answers struct {
	visit  *Visit
	member *member

	sounds []*media.Sound  // not yet played
	whole  bool            // they are a playback, which nothing may cut
	over   <-chan struct{} // closed when all that was played is over; nil: nothing was
	lasts  time.Duration
}

func (a *answers) say(name string) { a.add(a.visit.line.voice.Prompt(name)...) }

func (a *answers) add(sounds ...*media.Sound) { a.sounds = append(a.sounds, sounds...) }

// open plays what the next key cuts, to go on with its sequence.
func (a *answers) open(sounds []*media.Sound) {
	a.play()
	if len(sounds) == 0 {
		return
	}
	a.add(sounds...)
	a.play()
	a.member.keys.speaks(openPrompt{begun: a.member.whole, over: a.over, cut: a.visit.line.hush})
}

// play queues what was added.
func (a *answers) play() {
	if len(a.sounds) == 0 {
		return
	}
	line, m := a.visit.line, a.member
	if a.over == nil && !isOver(m.answer) && isOver(m.whole) {
		line.hush()
	}
	a.over = line.play(a.sounds...)
	a.lasts += duration(a.sounds)
	m.answer = a.over
	if a.whole {
		m.whole = a.over
	}
	a.sounds, a.whole = nil, false
}
