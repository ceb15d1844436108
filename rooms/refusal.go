package rooms

import (
	"fmt"
	"strings"

	"conclave/rooms/spelling"
)

// Reasons why an option of ConfBridge will stay refused.
const (
	runsPrograms = "it runs a program or a dialplan"
	notAudio     = "it means nothing for audio"
	roomHasPIN   = "the PIN is not an option but a setting of the room"
)

// refusedOptions are the options that operators know from ConfBridge and that this version
// does not take, each with the reason where there is one beyond that.
var refusedOptions = map[string]string{
	"admin": "", "marked": "", "wait_marked": "", "end_marked": "", "end_marked_any": "",
	"music_on_hold_class": "", "announce_user_count": "", "announce_user_count_all": "",
	"announce_join_leave": "", "announce_join_leave_review": "", "announcement": "",
	"moderator_pin": "", "dtmf_passthrough": "", "dsp_drop_silence": "",
	"dsp_talking_threshold": "", "dsp_silence_threshold": "", "talk_detection_events": "",
	"denoise": "", "jitterbuffer": "", "send_events": "", "echo_events": "",
	"text_messaging": "", "answer_channel": "", "menu": "",

	"record_conference": "", "record_file": "", "record_file_append": "",
	"record_file_timestamp": "", "internal_sample_rate": "", "maximum_sample_rate": "",
	"mixing_interval": "", "language": "", "announcements": "",

	"sound_join": "", "sound_leave": "", "sound_has_joined": "", "sound_has_left": "",
	"sound_kicked": "", "sound_muted": "", "sound_unmuted": "", "sound_only_person": "",
	"sound_only_one": "", "sound_there_are": "", "sound_other_in_party": "",
	"sound_wait_for_leader": "", "sound_leader_has_left": "", "sound_get_pin": "",
	"sound_invalid_pin": "", "sound_locked": "", "sound_locked_now": "",
	"sound_unlocked_now": "", "sound_participants_muted": "",
	"sound_participants_unmuted": "", "sound_error_menu": "", "sound_begin": "",

	"pin":            roomHasPIN,
	"record_command": runsPrograms, "record_options": runsPrograms,
	"regcontext": runsPrograms, "dialplan_exec": runsPrograms,
	"video_mode": notAudio, "video_update_discard": notAudio,
	"remb_send_interval": notAudio, "remb_behavior": notAudio,
	"remb_estimated_bitrate": notAudio, "binaural_active": notAudio,
	"set_as_single_video_src": notAudio, "release_as_single_video_src": notAudio,
}

// refusal is the error for an option that ParseOptions does not take: one of ConfBridge's by
// its reason, any other with the nearest name there is.
func refusal(name string) error {
	reason, known := refusedOptions[name]
	switch {
	case known && reason != "":
		return fmt.Errorf("option %s is not supported by this version: %s", name, reason)
	case known:
		return fmt.Errorf("option %s is not supported by this version; it takes %s",
			name, strings.Join(OptionNames(), ", "))
	}
	names := OptionNames()
	for other := range refusedOptions {
		names = append(names, other)
	}
	return fmt.Errorf("unknown option %q; the nearest known one is %s", name, spelling.Nearest(name, names))
}
