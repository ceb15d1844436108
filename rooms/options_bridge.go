package rooms

import "strconv"

// bridgeOptions are those of ConfBridge's bridge profiles, without its sounds.
var bridgeOptions = []option{
	{"max_members", count("members", 0, 100_000), "0", "turns callers away beyond this number; 0 is no limit",
		func(o *Options, v value) { o.MaxMembers = v.number }},
	{"language", voiceName, "en", "is the voice that speaks the prompts",
		func(o *Options, v value) { o.Language = v.text }},
	{"announcements", yesNo, "yes", "plays to the room who comes and goes: tones, names, counts",
		func(o *Options, v value) { o.Announcements = v.yes }},

	{"record_conference", yesNo, "no", "records the conference from its first member on",
		func(o *Options, v value) { o.RecordConference = v.yes }},
	{"record_file", recordingFile, noValue, "is where recordings go; none: confbridge-EXTENSION-TIME.wav",
		func(o *Options, v value) { o.RecordFile = v.text }},
	{"record_file_append", yesNo, "yes", "goes on with the file where a conference is recorded again, or has no timestamp; no: a new one",
		func(o *Options, v value) { o.RecordFileAppend = v.yes }},
	{"record_file_timestamp", yesNo, "yes", "adds the time of its begin, in seconds since 1970, to record_file",
		func(o *Options, v value) { o.RecordFileTimestamp = v.yes }},
	{"internal_sample_rate", oneOf(append([]string{"auto"}, sampleRates...)...), "auto",
		"limits the rate of the mix in Hz, which is 8000, 16000 or 48000; auto is the highest of the members' own", limitRate},
	{"maximum_sample_rate", oneOf(append([]string{noValue}, sampleRates...)...), noValue, "does the same", limitRate},
	{"mixing_interval", oneOf("10", "20", "40", "80"), "20", "has no effect, as 20 ms are mixed at a time, whatever it says", nothing},
	{"enable_events", always(false), "no", "sends events to phones as text, which this version does not do", nothing},
}

// sampleRates are those that ConfBridge takes, in Hz.
var sampleRates = []string{"8000", "12000", "16000", "24000", "32000", "44100", "48000", "96000", "192000"}

// limitRate takes the lowest of the rates that are given; words are no limit.
func limitRate(o *Options, v value) {
	if hz, err := strconv.Atoi(v.text); err == nil && (o.SampleRate == 0 || hz < o.SampleRate) {
		o.SampleRate = hz
	}
}

// ownOptions are those that ConfBridge has not, or gives to its application as an argument.
var ownOptions = []option{
	{"agc", yesNo, "yes", "brings the voices of all members to one level, -20 dBFS, by 12 dB at most either way",
		func(o *Options, v value) { o.AGC = v.yes }},
	{"comfort_noise", yesNo, "yes", "lets members hear very faint noise in place of silence",
		func(o *Options, v value) { o.ComfortNoise = v.yes }},
	{"encryption", oneOf(string(EncryptionRequired), string(EncryptionOptional), string(EncryptionNo)), string(EncryptionOptional),
		"says whether members' audio is encrypted (SRTP): required turns plain calls away, no negotiates none",
		func(o *Options, v value) { o.Encryption = Encryption(v.text) }},
	{"caller_language", yesNo, "yes", "lets a call's Accept-Language choose another voice than the room's",
		func(o *Options, v value) { o.CallerLanguage = v.yes }},
	{"record_notice", yesNo, "yes", "tells members that they are recorded, when it begins and when they join",
		func(o *Options, v value) { o.RecordNotice = v.yes }},
	{"record_tracks", yesNo, "no", "records each member into a file of his own, too",
		func(o *Options, v value) { o.RecordTracks = v.yes }},
	{"menu", menuName, menuDefault, "says what keys do; none: nothing",
		func(o *Options, v value) { o.Menu = v.text }},
	{"moderator_menu", menuName, menuModerator, "says what keys do for moderators; none: nothing",
		func(o *Options, v value) { o.ModeratorMenu = v.text }},
}

// soundPrompts are the prompts that options of bridge profiles replace, by the file names
// that Asterisk gives them.
var soundPrompts = []struct{ option, prompt string }{
	{"sound_join", "confbridge-join"},
	{"sound_leave", "confbridge-leave"},
	{"sound_has_joined", "conf-hasjoin"},
	{"sound_has_left", "conf-hasleft"},
	{"sound_kicked", "conf-kicked"},
	{"sound_muted", "conf-muted"},
	{"sound_unmuted", "conf-unmuted"},
	{"sound_only_person", "conf-onlyperson"},
	{"sound_only_one", "conf-onlyone"},
	{"sound_there_are", "conf-thereare"},
	{"sound_other_in_party", "conf-otherinparty"},
	{"sound_wait_for_leader", "conf-waitforleader"},
	{"sound_leader_has_left", "conf-leaderhasleft"},
	{"sound_get_pin", "conf-getpin"},
	{"sound_invalid_pin", "conf-invalidpin"},
	{"sound_locked", "conf-locked"},
	{"sound_locked_now", "conf-lockednow"},
	{"sound_unlocked_now", "conf-unlockednow"},
	{"sound_participants_muted", "conf-now-muted"},
	{"sound_participants_unmuted", "conf-now-unmuted"},
	{"sound_error_menu", "conf-errormenu"},
	{"sound_begin", "confbridge-conf-begin"},
}

// soundOptions makes the options of soundPrompts. The default of each is the prompt itself.
func soundOptions() []option {
	options := make([]option, len(soundPrompts))
	for i, s := range soundPrompts {
		options[i] = option{s.option, soundFile, s.prompt, "is played in place of the prompt " + s.prompt,
			func(o *Options, v value) {
				if v.text == s.prompt {
					return
				}
				if o.Sounds == nil {
					o.Sounds = make(map[string]string)
				}
				o.Sounds[s.prompt] = v.text
			}}
	}
	return options
}
