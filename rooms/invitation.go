package rooms

import (
	"context"
	"errors"
	"time"

	"conclave/media"
)

// Invitation is how somebody is received whom the room has called.
type Invitation struct {
	Callee    string // as the room calls him: a number or a SIP address
	Moderator bool   // he becomes one
	NoPIN     bool   // he is not asked for the PIN
}

// How an invitation is spoken. All in all it lasts well below a minute: what has answered may be a voicemail, which pays for
// nothing and must not hang on.
const (
	invitationTimes = 4
	invitationPause = 3 * time.Second // for the key, behind each time
)

// Why somebody who was called in does not become a member.
var (
	errDeclined = errors.New("the callee has declined by a key")
	errNoKey    = errors.New("it was answered, and nobody has pressed 1")
)

// askToJoin tells somebody which room calls him until he presses 1. Any other key declines, and so does silence: a voicemail
// that has answered never joins. The error is errDeclined, errNoKey or why ctx ended.
func (l *line) askToJoin(ctx context.Context, extension string) error {
	for range invitationTimes {
		key, err := l.interruptible(ctx, l.voice.Invitation(extension)...)
		if err == nil && key == 0 {
			key, err = l.key(ctx, invitationPause)
		}
		switch {
		case err != nil:
			return err
		case key == '1':
			return nil
		case key != 0:
			return errDeclined
		}
	}
	return errNoKey
}

// invite holds the part of the conversation that comes before all others where the room has called. The error is as that of
// askToJoin, with the result of the visit.
func (v *Visit) invite(ctx context.Context) (result string, err error) {
	err = v.line.askToJoin(ctx, v.room.Extension)
	switch {
	case errors.Is(err, errDeclined):
		_ = v.line.tell(ctx, promptThankYou) // who has hung up needs none
		return ResultDeclined, err
	case errors.Is(err, errNoKey):
		return ResultNoAnswer, err
	}
	return ResultHangup, err
}

// Invitation says that the room of an extension calls, and what to press.
func (v *Voice) Invitation(extension string) []*media.Sound {
	parts, whole := v.whole(promptInvited, promptJoinKey)
	if !whole && v.fallback != nil {
		return v.fallback.Invitation(extension)
	}
	if !whole {
		return v.Prompt(promptInvited, promptJoinKey)
	}
	sounds := append([]*media.Sound{parts[0]}, v.Digits(extension)...)
	return append(sounds, v.pause, parts[1])
}
