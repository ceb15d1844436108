package rooms

import (
	"fmt"

	"conclave/media"
)

// The prompts, by the file names that Asterisk gives them.
const (
	promptGetPIN     = "conf-getpin"
	promptInvalidPIN = "conf-invalidpin"
	promptOnlyPerson = "conf-onlyperson"
	promptFull       = "conf-full"
	promptLocked     = "conf-locked"
	promptKicked     = "conf-kicked"
	promptMuted      = "conf-muted"
	promptUnmuted    = "conf-unmuted"
	toneJoin         = "confbridge-join"
	toneLeave        = "confbridge-leave"
)

// promptNames lists what a voice must hold.
var promptNames = []string{
	promptGetPIN, promptInvalidPIN, promptOnlyPerson, promptFull, promptLocked,
	promptKicked, promptMuted, promptUnmuted, toneJoin, toneLeave,
}

// prompts holds every sound of promptNames.
type prompts map[string]*media.Sound

func loadPrompts(voice *Voice) (prompts, error) {
	p := make(prompts)
	for _, name := range promptNames {
		sound, ok := voice.Sound(name)
		if !ok {
			return nil, fmt.Errorf("the voice has no prompt %s", name)
		}
		p[name] = sound
	}
	return p, nil
}
