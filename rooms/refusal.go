package rooms

import (
	"fmt"

	"conclave/rooms/spelling"
)

// Reasons why an option of ConfBridge is refused.
const (
	runsPrograms = "it runs a program or a dialplan"
	notAudio     = "it means nothing for audio"
	oneEar       = "a telephone is heard with one ear"
	ofFunction   = "it belongs to the CONFBRIDGE function of a dialplan"
	neverPlayed  = "ConfBridge itself does not play it any more"
	roomHasPIN   = "the PIN is not an option but a setting of the room: --pin, --moderator-pin"
	ofMenu       = "it is an action of a menu, and it means nothing for audio"
)

// refusedOptions are the options that operators know from ConfBridge and that this version
// does not take, each with the reason.
var refusedOptions = map[string]string{
	"pin": roomHasPIN, "moderator_pin": roomHasPIN,
	"record_command": runsPrograms, "record_options": runsPrograms,
	"regcontext": runsPrograms, "dialplan_exec": runsPrograms,
	"video_mode": notAudio, "video_update_discard": notAudio,
	"remb_send_interval": notAudio, "remb_behavior": notAudio,
	"remb_estimated_bitrate":  notAudio,
	"set_as_single_video_src": ofMenu, "release_as_single_video_src": ofMenu,
	"binaural_active": oneEar, "sound_binaural_on": oneEar, "sound_binaural_off": oneEar,
	"sound_place_into_conference": neverPlayed,
	"template":                    ofFunction,
}

// refusal is the error for an option that ParseOptions does not take: one of ConfBridge's by
// its reason, any other with the nearest name there is.
func refusal(name string) error {
	if reason, known := refusedOptions[name]; known {
		return fmt.Errorf("option %s is not supported by this version: %s", name, reason)
	}
	names := OptionNames()
	for other := range refusedOptions {
		names = append(names, other)
	}
	return fmt.Errorf("unknown option %q; the nearest known one is %s", name, spelling.Nearest(name, names))
}
