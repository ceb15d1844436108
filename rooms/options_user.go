package rooms

import "time"

// userOptions are those of ConfBridge's user profiles. Here they hold for every member of the room.
var userOptions = []option{
	{"admin", yesNo, "no", "gives every member the rights of a moderator",
		func(o *Options, v value) { o.Admin = v.yes }},
	{"marked", yesNo, "no", "makes every member a leader",
		func(o *Options, v value) { o.Marked = v.yes }},
	{"wait_marked", yesNo, "no", "keeps members waiting, apart from each other, until a leader is there",
		func(o *Options, v value) { o.WaitMarked = v.yes }},
	{"end_marked", yesNo, "no", "ends the others' calls when the last leader leaves",
		func(o *Options, v value) { o.EndMarked = v.yes }},
	{"end_marked_any", yesNo, "no", "ends all calls, leaders' too, when any leader leaves",
		func(o *Options, v value) { o.EndMarkedAny = v.yes }},

	{"startmuted", yesNo, "no", "lets members in muted",
		func(o *Options, v value) { o.StartMuted = v.yes }},
	{"music_on_hold_when_empty", yesNo, "yes", "plays music to a member who is alone or waits for a leader",
		func(o *Options, v value) { o.MusicOnHoldWhenEmpty = v.yes }},
	// After the line above, for it has the last word.
	{"music_on_hold_class", musicClass, musicDefault, "chooses the music: one of `conclave music list`; none is silence",
		func(o *Options, v value) {
			o.MusicClass = v.text
			o.MusicOnHoldWhenEmpty = o.MusicOnHoldWhenEmpty && v.text != noValue
		}},
	{"quiet", yesNo, "no", "keeps tones and prompts of joining and leaving away",
		func(o *Options, v value) { o.Quiet = v.yes }},
	{"hear_own_join_sound", yesNo, "yes", "plays the join tone to the one who joins, too",
		func(o *Options, v value) { o.HearOwnJoinSound = v.yes }},
	{"announce_user_count", yesNo, "no", "tells the one who joins how many others are there",
		func(o *Options, v value) { o.AnnounceUserCount = v.yes }},
	{"announce_user_count_all", above(100_000), "no", "tells the others how many are there when one joins; a number: above it only",
		func(o *Options, v value) { o.AnnounceUserCountAll = v.number }},
	{"announce_only_user", yesNo, "yes", "tells the first member that nobody else is there",
		func(o *Options, v value) { o.AnnounceOnlyUser = v.yes }},
	{"announce_join_leave", yesNo, "no", "asks callers for their name, and tells the others who joins and leaves",
		func(o *Options, v value) { o.AnnounceJoinLeave = v.yes }},
	// After the line above, which it implies.
	{"announce_join_leave_review", yesNo, "no", "does the same, and lets callers hear and repeat the recording of their name",
		func(o *Options, v value) {
			o.AnnounceJoinLeaveReview = v.yes
			o.AnnounceJoinLeave = o.AnnounceJoinLeave || v.yes
		}},
	{"announcement", optionalSoundFile, noValue, "is played to each one who joins, over the conference",
		func(o *Options, v value) { o.Announcement = v.text }},
	{"timeout", count("seconds", 0, 604_800), "0", "ends a member's call after this time; 0 is never",
		func(o *Options, v value) { o.Timeout = time.Duration(v.number) * time.Second }},

	{"dtmf_passthrough", yesNo, "no", "lets the others hear the keys that a member presses",
		func(o *Options, v value) { o.DTMFPassthrough = v.yes }},
	{"dsp_drop_silence", yesNo, "no", "keeps out of the mix what is not talk",
		func(o *Options, v value) { o.DropSilence = v.yes }},
	{"dsp_talking_threshold", count("mean magnitude", 0, 32_768), "160", "is the level from which on voice is told as talk; 0 is any voice",
		func(o *Options, v value) { o.TalkingThreshold = v.number }},
	{"dsp_silence_threshold", count("milliseconds", 1, 60_000), "2500", "is the silence after which talk has ended",
		func(o *Options, v value) { o.SilenceThreshold = time.Duration(v.number) * time.Millisecond }},
	{"talk_detection_events", yesNo, "no", "reports to `conclave events` who begins and ends to talk",
		func(o *Options, v value) { o.TalkDetectionEvents = v.yes }},
	{"denoise", yesNo, "no", "takes steady noise out of the members' voices, at 10 ms of delay",
		func(o *Options, v value) { o.Denoise = v.yes }},
	{"jitterbuffer", yesNo, "yes", "lets the jitter buffer adapt to the network; no keeps it at its minimum",
		func(o *Options, v value) { o.JitterBuffer = v.yes }},

	{"send_events", always(false), "no", "sends events to phones as text, which this version does not do", nothing},
	{"echo_events", yesNo, "no", "has no effect, as events are not sent to phones", nothing},
	{"text_messaging", yesNo, "yes", "has no effect, as there is no text in an audio conference", nothing},
	{"answer_channel", always(true), "yes", "answers the call before anything else, as this version always does", nothing},
}
