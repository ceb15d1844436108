package rooms_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/media/denoise"
	"conclave/rooms"
	"conclave/rooms/dialplan"
	"conclave/store"
)

// defaults are the options of a room for which none is given.
var defaults = rooms.Options{
	AnnounceOnlyUser: true, HearOwnJoinSound: true, MusicOnHoldWhenEmpty: true, MusicClass: "default", Announcements: true,
	TalkingThreshold: 160, SilenceThreshold: 2500 * time.Millisecond, JitterBuffer: true, AGC: true, ComfortNoise: true,
	RecordFileAppend: true, RecordFileTimestamp: true, RecordNotice: true,
	Encryption: rooms.EncryptionOptional,
	Language:   "en", CallerLanguage: true, Menu: "default", ModeratorMenu: "moderator",
	MaxOutCalls: 20, MaxOutPerDay: 200,
}

func with(change func(*rooms.Options)) rooms.Options {
	o := defaults
	change(&o)
	return o
}

// switches are the options that are yes or no, with where they go.
var switches = map[string]func(*rooms.Options) *bool{
	"quiet":                      func(o *rooms.Options) *bool { return &o.Quiet },
	"announce_only_user":         func(o *rooms.Options) *bool { return &o.AnnounceOnlyUser },
	"hear_own_join_sound":        func(o *rooms.Options) *bool { return &o.HearOwnJoinSound },
	"music_on_hold_when_empty":   func(o *rooms.Options) *bool { return &o.MusicOnHoldWhenEmpty },
	"startmuted":                 func(o *rooms.Options) *bool { return &o.StartMuted },
	"admin":                      func(o *rooms.Options) *bool { return &o.Admin },
	"marked":                     func(o *rooms.Options) *bool { return &o.Marked },
	"wait_marked":                func(o *rooms.Options) *bool { return &o.WaitMarked },
	"end_marked":                 func(o *rooms.Options) *bool { return &o.EndMarked },
	"end_marked_any":             func(o *rooms.Options) *bool { return &o.EndMarkedAny },
	"announce_user_count":        func(o *rooms.Options) *bool { return &o.AnnounceUserCount },
	"announce_join_leave":        func(o *rooms.Options) *bool { return &o.AnnounceJoinLeave },
	"announcements":              func(o *rooms.Options) *bool { return &o.Announcements },
	"dtmf_passthrough":           func(o *rooms.Options) *bool { return &o.DTMFPassthrough },
	"dsp_drop_silence":           func(o *rooms.Options) *bool { return &o.DropSilence },
	"talk_detection_events":      func(o *rooms.Options) *bool { return &o.TalkDetectionEvents },
	"jitterbuffer":               func(o *rooms.Options) *bool { return &o.JitterBuffer },
	"record_conference":          func(o *rooms.Options) *bool { return &o.RecordConference },
	"record_file_append":         func(o *rooms.Options) *bool { return &o.RecordFileAppend },
	"record_file_timestamp":      func(o *rooms.Options) *bool { return &o.RecordFileTimestamp },
	"record_tracks":              func(o *rooms.Options) *bool { return &o.RecordTracks },
	"record_notice":              func(o *rooms.Options) *bool { return &o.RecordNotice },
	"agc":                        func(o *rooms.Options) *bool { return &o.AGC },
	"comfort_noise":              func(o *rooms.Options) *bool { return &o.ComfortNoise },
	"call_out_pin":               func(o *rooms.Options) *bool { return &o.CallOutPIN },
	"caller_language":            func(o *rooms.Options) *bool { return &o.CallerLanguage },
	"text_messaging":             func(*rooms.Options) *bool { return new(bool) }, // taken, and without effect
	"echo_events":                func(*rooms.Options) *bool { return new(bool) },
	"announce_join_leave_review": nil, // implies another, see below
}

func TestDenoiseThatTheBuildCannotDoIsWarnedOfAndTheRoomServed(t *testing.T) {
	stored := store.Room{Extension: "6000", Options: map[string]string{"denoise": "yes"}}
	room, warnings, err := rooms.NewRoom(stored, rooms.NewLibrary(nil, nil, nil))
	if err != nil || room.Extension != "6000" {
		t.Fatalf("%+v, %v", room, err)
	}
	warnings = slices.DeleteFunc(warnings, func(w error) bool { return !strings.Contains(w.Error(), "denoise") })
	if can := denoise.Available() == nil; room.Options.Denoise != can || (len(warnings) == 0) != can {
		t.Fatalf("denoise %v with warnings %v", room.Options.Denoise, warnings)
	}
	for _, word := range []string{"room 6000", "denoise=yes has no effect", "libspeexdsp-dev", "-tags speexdsp"} {
		if len(warnings) > 0 && !strings.Contains(warnings[0].Error(), word) {
			t.Errorf("warned of %v, want %q in it", warnings[0], word)
		}
	}
}

func TestSwitchesAreReadInEverySpelling(t *testing.T) {
	for name, field := range switches {
		if field == nil {
			continue
		}
		for on, spellings := range map[bool][]string{
			true:  {"yes", "true", "on", "1", "y", "t", " YES "},
			false: {"no", "false", "off", "0", "n", "f", "No"},
		} {
			for _, spelling := range spellings {
				got, err := rooms.ParseOptions(map[string]string{name: spelling})
				if want := with(func(o *rooms.Options) { *field(o) = on }); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s=%s: got %+v, %v; want %+v", name, spelling, got, err, want)
				}
			}
		}
	}
}

func TestOptionsAreRead(t *testing.T) {
	tests := []struct {
		name, value string
		want        rooms.Options
	}{
		{"max_members", "0", defaults},
		{"max_members", "12", with(func(o *rooms.Options) { o.MaxMembers = 12 })},
		{"max_members", "100000", with(func(o *rooms.Options) { o.MaxMembers = 100_000 })},
		{"timeout", "90", with(func(o *rooms.Options) { o.Timeout = 90 * time.Second })},
		{"announce_join_leave_review", "yes", with(func(o *rooms.Options) { o.AnnounceJoinLeave, o.AnnounceJoinLeaveReview = true, true })},
		{"announce_join_leave_review", "no", defaults},
		{"announce_user_count_all", "no", defaults},
		{"announce_user_count_all", "0", defaults},
		{"announce_user_count_all", "yes", with(func(o *rooms.Options) { o.AnnounceUserCountAll = 2 })},
		{"announce_user_count_all", "1", with(func(o *rooms.Options) { o.AnnounceUserCountAll = 2 })},
		{"announce_user_count_all", "5", with(func(o *rooms.Options) { o.AnnounceUserCountAll = 6 })},
		{"music_on_hold_class", "default", defaults},
		{"music_on_hold_class", "none", with(func(o *rooms.Options) { o.MusicOnHoldWhenEmpty, o.MusicClass = false, "none" })},
		{"music_on_hold_class", "lobby", with(func(o *rooms.Options) { o.MusicClass = "lobby" })},
		{"dsp_talking_threshold", "0", with(func(o *rooms.Options) { o.TalkingThreshold = 0 })},
		{"dsp_talking_threshold", "160", defaults},
		{"dsp_talking_threshold", "32768", with(func(o *rooms.Options) { o.TalkingThreshold = 32768 })},
		{"dsp_silence_threshold", "2500", defaults},
		{"dsp_silence_threshold", "1", with(func(o *rooms.Options) { o.SilenceThreshold = time.Millisecond })},
		{"encryption", "optional", defaults},
		{"encryption", "required", with(func(o *rooms.Options) { o.Encryption = rooms.EncryptionRequired })},
		{"encryption", "no", with(func(o *rooms.Options) { o.Encryption = rooms.EncryptionNo })},
		{"language", "de", with(func(o *rooms.Options) { o.Language = "de" })},
		{"menu", "none", with(func(o *rooms.Options) { o.Menu = "none" })},
		{"moderator_menu", " staff_2.b-c ", with(func(o *rooms.Options) { o.ModeratorMenu = "staff_2.b-c" })},
		{"announcement", "/srv/hello.wav", with(func(o *rooms.Options) { o.Announcement = "/srv/hello.wav" })},
		{"announcement", "none", defaults},
		{"record_file", "none", defaults},
		{"record_file", "board/weekly.wav", with(func(o *rooms.Options) { o.RecordFile = "board/weekly" })},
		{"call_out", "none", defaults},
		{"call_out", "200, +49 (30) 1,200", with(func(o *rooms.Options) { o.CallOut = []string{"200", "+49301"} })},
		{"call_out_allow", "none", defaults},
		{"call_out_allow", "0049* !0900*", with(func(o *rooms.Options) { o.CallOutAllow = []dialplan.Pattern{"+49*", "!0900*"} })},
		{"max_out_calls", "0", with(func(o *rooms.Options) { o.MaxOutCalls = 0 })},
		{"max_out_per_day", "7", with(func(o *rooms.Options) { o.MaxOutPerDay = 7 })},
		{"sound_join", "confbridge-join", defaults},
		{"sound_join", "beep", with(func(o *rooms.Options) { o.Sounds = map[string]string{"confbridge-join": "beep"} })},

		// What describes the server is taken, and changes nothing.
		{"denoise", "no", defaults}, {"send_events", "off", defaults}, {"enable_events", "no", defaults},
		{"answer_channel", "yes", defaults},
		{"internal_sample_rate", "auto", defaults}, {"maximum_sample_rate", "none", defaults},
		{"internal_sample_rate", "8000", with(func(o *rooms.Options) { o.SampleRate = 8000 })},
		{"maximum_sample_rate", "16000", with(func(o *rooms.Options) { o.SampleRate = 16000 })},
		{"mixing_interval", " 20 ", defaults}, {"mixing_interval", "80", defaults},
	}
	tested := map[string]bool{}
	for _, test := range tests {
		tested[test.name] = true
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			got, err := rooms.ParseOptions(map[string]string{test.name: test.value})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
	if got, err := rooms.ParseOptions(nil); err != nil || !reflect.DeepEqual(got, defaults) {
		t.Errorf("without options: got %+v, %v; want %+v", got, err, defaults)
	}
	for _, name := range rooms.OptionNames() {
		_, isSwitch := switches[name]
		if !tested[name] && !isSwitch && soundPrompts[name] == "" {
			t.Errorf("option %s is not tested", name)
		}
	}
}

// soundPrompts are the prompts of Asterisk that ConfBridge's sound options replace.
var soundPrompts = map[string]string{
	"sound_join": "confbridge-join", "sound_leave": "confbridge-leave",
	"sound_has_joined": "conf-hasjoin", "sound_has_left": "conf-hasleft", "sound_kicked": "conf-kicked",
	"sound_muted": "conf-muted", "sound_unmuted": "conf-unmuted", "sound_only_person": "conf-onlyperson",
	"sound_only_one": "conf-onlyone", "sound_there_are": "conf-thereare", "sound_other_in_party": "conf-otherinparty",
	"sound_wait_for_leader": "conf-waitforleader", "sound_leader_has_left": "conf-leaderhasleft",
	"sound_get_pin": "conf-getpin", "sound_invalid_pin": "conf-invalidpin", "sound_locked": "conf-locked",
	"sound_locked_now": "conf-lockednow", "sound_unlocked_now": "conf-unlockednow",
	"sound_participants_muted": "conf-now-muted", "sound_participants_unmuted": "conf-now-unmuted",
	"sound_error_menu": "conf-errormenu", "sound_begin": "confbridge-conf-begin",
}

func TestSoundOptionsReplacePrompts(t *testing.T) {
	all, want := map[string]string{}, map[string]string{}
	for option, prompt := range soundPrompts {
		all[option], want[prompt] = "/srv/"+option+".wav", "/srv/"+option+".wav"
	}
	got, err := rooms.ParseOptions(all)
	if err != nil || !maps.Equal(got.Sounds, want) {
		t.Errorf("got %v, %v; want %v", got.Sounds, err, want)
	}
}

func TestMusicIsOffByClassOrSwitch(t *testing.T) {
	for _, given := range []map[string]string{
		{"music_on_hold_class": "none", "music_on_hold_when_empty": "yes"},
		{"music_on_hold_class": "default", "music_on_hold_when_empty": "no"},
	} {
		if got, err := rooms.ParseOptions(given); err != nil || got.MusicOnHoldWhenEmpty {
			t.Errorf("%v: got %+v, %v; want no music", given, got, err)
		}
	}
}

func TestReviewImpliesNames(t *testing.T) {
	got, err := rooms.ParseOptions(map[string]string{"announce_join_leave": "no", "announce_join_leave_review": "yes"})
	if err != nil || !got.AnnounceJoinLeave {
		t.Errorf("got %+v, %v; want announce_join_leave as well", got, err)
	}
}

func TestWrongOptionsAreNamedWithWhatWouldBeRight(t *testing.T) {
	tests := []struct {
		name, value string
		want        []string
	}{
		{"quiet", "maybe", []string{"quiet", `"maybe"`, "yes or no", "default no"}},
		{"quiet", "", []string{"quiet", `""`, "yes or no"}},
		{"wait_marked", "2", []string{"wait_marked", `"2"`, "yes or no", "until a leader is there"}},
		{"max_members", "many", []string{"max_members", `"many"`, "whole number of members from 0 to 100000", "default 0"}},
		{"max_members", "-1", []string{"max_members", `"-1"`, "from 0 to 100000"}},
		{"max_members", "100001", []string{"max_members", `"100001"`, "from 0 to 100000"}},
		{"max_members", "99999999999999999999", []string{"max_members", "from 0 to 100000"}},
		{"timeout", "1.5", []string{"timeout", `"1.5"`, "whole number of seconds from 0 to 604800"}},
		{"timeout", "10s", []string{"timeout", `"10s"`, "seconds"}},
		{"announce_user_count_all", "some", []string{"announce_user_count_all", `"some"`, "yes, no or a whole number of members from 0 to 100000"}},
		{"announce_user_count_all", "-1", []string{"announce_user_count_all", `"-1"`}},
		{"dsp_talking_threshold", "32769", []string{"dsp_talking_threshold", "mean magnitude from 0 to 32768", "any voice"}},
		{"dsp_silence_threshold", "0", []string{"dsp_silence_threshold", "milliseconds from 1 to 60000", "default 2500"}},
		{"dsp_silence_threshold", "60001", []string{"dsp_silence_threshold", `"60001"`}},
		{"language", "", []string{"language", `""`, "name of a voice", "en would be right"}},
		{"language", "../etc", []string{"language", `"../etc"`, "name of a voice"}},
		{"menu", "a b", []string{"menu", `"a b"`, "name of a menu"}},
		{"moderator_menu", "", []string{"moderator_menu", "name of a menu"}},
		{"menu", strings.Repeat("m", 65), []string{"menu", "name of a menu"}},
		{"announcement", "", []string{"announcement", "path of a WAV file"}},
		{"sound_begin", " ", []string{"sound_begin", "path of a WAV file", "name of a prompt", "confbridge-conf-begin"}},
		{"sound_join", "a\nb", []string{"sound_join", "control character"}},
		{"sound_join", strings.Repeat("/x", 2049), []string{"sound_join", "4098 octets", "4096"}},

		{"send_events", "yes", []string{"send_events", "not supported by this version", "takes no"}},
		{"answer_channel", "no", []string{"answer_channel", "not supported by this version", "takes yes"}},
		{"record_conference", "x", []string{"record_conference", "yes or no"}},
		{"internal_sample_rate", "11025", []string{"internal_sample_rate", `"11025"`, "not supported by this version", "auto, 8000"}},
		{"maximum_sample_rate", "auto", []string{"maximum_sample_rate", "not supported by this version", "takes none, 8000"}},
		{"mixing_interval", "30", []string{"mixing_interval", "not supported by this version", "takes 10, 20, 40 or 80"}},
		{"music_on_hold_class", "smooth jazz", []string{"music_on_hold_class", "not the name of a playlist", "default"}},

		{"record_file", "/x.wav", []string{"record_file", "not in the directory of recordings", "board.wav"}},
		{"record_file", "../x.wav", []string{"record_file", "not in the directory of recordings"}},
		{"record_file", "x.gsm", []string{"record_file", "WAV"}},
		{"record_command", "rm", []string{"record_command", "not supported by this version", "runs a program"}},
		{"record_options", "x", []string{"record_options", "runs a program"}},
		{"regcontext", "x", []string{"regcontext", "dialplan"}},
		{"dialplan_exec", "x", []string{"dialplan_exec", "dialplan"}},
		{"video_mode", "none", []string{"video_mode", "not supported by this version", "audio"}},
		{"remb_behavior", "lowest", []string{"remb_behavior", "audio"}},
		{"set_as_single_video_src", "yes", []string{"set_as_single_video_src", "action of a menu", "audio"}},
		{"binaural_active", "yes", []string{"binaural_active", "one ear"}},
		{"sound_place_into_conference", "x", []string{"sound_place_into_conference", "ConfBridge itself"}},
		{"template", "x", []string{"template", "CONFBRIDGE function"}},
		{"pin", "1", []string{"option pin", "setting of the room", "--pin"}},
		{"moderator_pin", "1", []string{"option moderator_pin", "setting of the room", "--moderator-pin"}},

		{"max_member", "3", []string{`"max_member"`, "nearest", "max_members"}},
		{"Quiet", "yes", []string{`"Quiet"`, "nearest", "quiet"}},
		{"startmutet", "yes", []string{`"startmutet"`, "startmuted"}},
		{"wait_market", "yes", []string{`"wait_market"`, "wait_marked"}},
		{"sound_joined", "x", []string{`"sound_joined"`, "sound_join"}},
		{"", "yes", []string{`unknown option ""`}},
	}
	for _, test := range tests {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			got, err := rooms.ParseOptions(map[string]string{test.name: test.value})
			if err == nil {
				t.Fatalf("taken: %+v", got)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestAllWrongOptionsAreNamedAtOnce(t *testing.T) {
	_, err := rooms.ParseOptions(map[string]string{"quiet": "x", "timeout": "y", "colour": "z", "startmuted": "yes"})
	if err == nil {
		t.Fatal("taken")
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 {
		t.Errorf("got %d lines, want 3:\n%v", len(lines), err)
	}
}

func TestOptionsAreDescribed(t *testing.T) {
	names := rooms.OptionNames()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names are not sorted, or not unique: %v", names)
	}
	described := rooms.DescribeOptions()
	if len(described) != len(names) {
		t.Fatalf("%d options are described, there are %d", len(described), len(names))
	}
	for i, o := range described {
		if o.Name != names[i] || o.Standard == "" || o.Takes == "" || o.Meaning == "" {
			t.Errorf("option %s is described as %+v", names[i], o)
		}
		// The default is a value like any other.
		if got, err := rooms.ParseOptions(map[string]string{o.Name: o.Standard}); err != nil || !reflect.DeepEqual(got, defaults) {
			t.Errorf("%s=%s: got %+v, %v; want the defaults", o.Name, o.Standard, got, err)
		}
	}
}
