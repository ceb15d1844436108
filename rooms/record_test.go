package rooms

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"conclave/media"
	"conclave/media/tone"
	"conclave/mixer"
	"conclave/rooms/recordings"
)

// recordingBuilding is a building whose conferences can be recorded into a directory.
func recordingBuilding(t *testing.T) (b *building, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "recordings")
	shelf := recordings.Open(recordings.Config{Dir: dir})
	t.Cleanup(shelf.Close) // after the house is empty
	b = newBuilding(t, mixer.Config{})
	b.house.recordings = shelf
	return b, dir
}

// complete waits until a recording is written to its end, and returns it.
func complete(t *testing.T, dir, file string) (r recordings.Recording) {
	t.Helper()
	eventually(t, func() string {
		var err error
		if r, err = recordings.Load(dir, file); err != nil {
			return err.Error()
		}
		if r.State != recordings.StateComplete {
			return "recording " + file + " is not complete"
		}
		return ""
	})
	return r
}

// only waits until there is one recording, and returns its file.
func only(t *testing.T, dir string) string {
	t.Helper()
	var all []recordings.Recording
	eventually(t, func() string {
		var err error
		if all, _, err = recordings.List(dir); err != nil || len(all) != 1 {
			return "there is not one recording"
		}
		return ""
	})
	return all[0].Name + ".wav"
}

// levels are how loud each tone is in the loudest eighth of a second of a file. Where a tone begins or ends, others have some of it.
func levels(t *testing.T, dir, file string, names ...string) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := media.LoadWAV(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, (len(text)-44)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(text[44+2*i:]))
	}
	all := map[string]float64{}
	for _, name := range names {
		all[name] = -99
		for part := range slices.Chunk(pcm, 1000) {
			if len(part) == 1000 {
				all[name] = max(all[name], tone.LevelAt(part, 8000, tones[name]))
			}
		}
	}
	return all
}

// talked waits until members have talked for long enough to be measured.
func (b *building) talked(callers ...string) {
	b.t.Helper()
	eventually(b.t, func() string {
		for _, m := range b.house.Live()[0].Members {
			if slices.Contains(callers, m.Caller) && m.TalkTime < 0.5 {
				return m.Caller + " has not talked for long"
			}
		}
		return ""
	})
}

func TestOperatorRecordsAndAllAreTold(t *testing.T) {
	b, dir := recordingBuilding(t)
	room := b.room("", map[string]string{"quiet": "yes", "music_on_hold_when_empty": "no", "agc": "no", "record_tracks": "yes"})
	ann := b.call("ann", room)
	b.members(1)
	bob := b.call("bob", room)
	b.members(2)
	events := b.house.Events(t.Context(), "1000")
	file, err := b.house.Record(t.Context(), "1000")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(file, "confbridge-1000-") || !strings.HasSuffix(file, ".wav") {
		t.Errorf("the file is %s", file)
	}
	ann.hears(t, promptNowRecording)
	bob.hears(t, promptNowRecording)
	if _, err := b.house.Record(t.Context(), "1000"); err == nil || !strings.Contains(err.Error(), "room 1000 has a recording already") {
		t.Errorf("recorded twice: %v", err)
	}
	eve := b.call("eve", room)
	eve.hears(t, promptNowRecording)
	ann.talks.Store(true)
	eve.hears(t, promptNowRecording, "ann")
	b.talked("ann")
	if live := b.house.Live()[0].Recording; live == nil || live.File != file || !live.Tracks {
		t.Errorf("shown is %+v", live)
	}
	stopped, err := b.house.StopRecording(t.Context(), "1000")
	if err != nil || stopped != file {
		t.Errorf("stopped %s, %v", stopped, err)
	}
	bob.hears(t, promptNowRecording, "ann", promptNotRecording)
	if _, err := b.house.StopRecording(t.Context(), "1000"); err == nil || err.Error() != "room 1000 has no recording now" {
		t.Errorf("stopped twice: %v", err)
	}
	r := complete(t, dir, file)
	if r.Room != "1000" || r.Title != "Board" || r.Reason != "stopped by an operator" || len(r.Members) != 3 {
		t.Errorf("%+v", r)
	}
	for i, name := range []string{"ANN", "BOB", "EVE"} {
		if m := r.Members[i]; m.Name != name || (m.Talked > 0) != (i == 0) || len(m.Stays) != 1 {
			t.Errorf("member %+v", m)
		}
	}
	if l := levels(t, dir, file, "ann", "bob", promptNowRecording); l["ann"] < -20 || l["bob"] > -35 || l[promptNowRecording] < -20 {
		t.Errorf("levels %v", l)
	}
	if l := levels(t, dir, r.Members[0].Track, "ann", promptNowRecording); l["ann"] < -20 || l[promptNowRecording] > -35 {
		t.Errorf("levels of Ann's track %v", l)
	}
	if l := levels(t, dir, r.Members[1].Track, "ann", "bob"); l["ann"] > -35 || l["bob"] > -35 {
		t.Errorf("levels of Bob's track %v", l)
	}
	var told []string
	for len(told) < 2 {
		if e := <-events; e.Kind == EventRecord || e.Kind == EventUnrecord {
			told = append(told, string(e.Kind)+" "+e.File+" "+e.Result)
		}
	}
	if want := []string{"record " + file + " ", "stoprecord " + file + " stopped by an operator"}; !slices.Equal(told, want) {
		t.Errorf("events %q, want %q", told, want)
	}
}

func TestWhoTakesAPlaceIsToldAndHasATrackOfHisOwn(t *testing.T) {
	b, dir := recordingBuilding(t)
	room := b.room("", map[string]string{"quiet": "yes", "music_on_hold_when_empty": "no", "agc": "no", "record_tracks": "yes"})
	ann := b.call("ann", room)
	b.members(1)
	bob := b.call("bob", room)
	b.members(2)
	file, err := b.house.Record(t.Context(), "1000")
	if err != nil {
		t.Fatal(err)
	}
	ann.hears(t, promptNowRecording)
	bob.hears(t, promptNowRecording)
	eve := b.takesOver("eve", bob)
	bob.over(t, ResultHangup)
	eve.hears(t, promptNowRecording)
	eve.talks.Store(true)
	ann.hears(t, promptNowRecording, "eve")
	b.talked("eve")
	if _, err := b.house.StopRecording(t.Context(), "1000"); err != nil {
		t.Fatal(err)
	}
	r := complete(t, dir, file)
	if len(r.Members) != 3 || r.Members[1].Name != "BOB" || r.Members[1].Talked > 0 || r.Members[2].Name != "EVE" || r.Members[2].Talked == 0 {
		t.Fatalf("members %+v", r.Members)
	}
	if l := levels(t, dir, r.Members[2].Track, "eve"); l["eve"] < -20 {
		t.Errorf("levels of Eve's track %v", l)
	}
}

func TestRoomIsRecordedFromItsFirstMemberToItsLast(t *testing.T) {
	for _, notice := range []bool{true, false} {
		t.Run(map[bool]string{true: "with notice", false: "without"}[notice], func(t *testing.T) {
			b, dir := recordingBuilding(t)
			options := map[string]string{"quiet": "yes", "music_on_hold_when_empty": "no", "agc": "no", "record_conference": "yes", "record_file": "board/weekly.wav", "record_file_timestamp": "no"}
			heard := []string{promptNowRecording}
			if !notice {
				options["record_notice"], heard = "no", nil
			}
			room := b.room("", options)
			for range 2 { // both conferences go to the same file
				ann := b.call("ann", room)
				b.members(1)
				bob := b.call("bob", room)
				b.members(2)
				ann.talks.Store(true)
				bob.hears(t, append(slices.Clone(heard), "ann")...)
				b.talked("ann")
				ann.talks.Store(false)
				bob.talks.Store(true)
				ann.hears(t, append(slices.Clone(heard), "bob")...)
				b.talked("bob")
				ann.cancel()
				ann.over(t, ResultHangup)
				bob.cancel()
				bob.over(t, ResultHangup)
				complete(t, dir, "board/weekly.wav")
			}
			r := complete(t, dir, only(t, dir))
			if r.Reason != "the last member has left" || len(r.Members) != 2 || len(r.Members[0].Stays) != 2 {
				t.Errorf("%+v", r)
			}
			if l := levels(t, dir, r.Name+".wav", "ann", "bob"); l["ann"] < -20 || l["bob"] < -20 {
				t.Errorf("levels %v", l)
			}
		})
	}
}

func TestModeratorRecordsByKey(t *testing.T) {
	for _, notice := range []string{"yes", "no"} {
		t.Run("record_notice="+notice, func(t *testing.T) {
			b, dir := recordingBuilding(t)
			room := b.room("", map[string]string{"quiet": "yes", "music_on_hold_when_empty": "no", "admin": "yes", "record_notice": notice})
			room.ModeratorMenu = ModeratorMenu()
			ann := b.call("ann", room)
			b.members(1)
			ann.press("0")
			ann.hears(t, promptNowRecording)
			file := only(t, dir)
			ann.press("0")
			ann.hears(t, promptNowRecording, promptNotRecording)
			if r := complete(t, dir, file); r.Reason != "stopped by a moderator" {
				t.Errorf("%+v", r)
			}
			ann.press("0") // goes on with the same file
			ann.hears(t, promptNowRecording, promptNotRecording, promptNowRecording)
			if again := only(t, dir); again != file {
				t.Errorf("it goes on in %s, not in %s", again, file)
			}
		})
	}
}

func TestRecordingThatCannotBeginIsRefusedWithItsReason(t *testing.T) {
	b, dir := recordingBuilding(t)
	room := b.room("", map[string]string{"quiet": "yes", "music_on_hold_when_empty": "no", "admin": "yes"})
	room.ModeratorMenu = ModeratorMenu()
	if _, err := b.house.Record(t.Context(), "1000"); err == nil || err.Error() != "room 1000 has no members now" {
		t.Errorf("an empty room is recorded: %v", err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // where the directory should be
		t.Fatal(err)
	}
	ann, bob := b.call("ann", room), b.call("bob", room)
	b.members(2)
	if _, err := b.house.Record(t.Context(), "1000"); err == nil || !strings.Contains(err.Error(), "room 1000 cannot be recorded") || !strings.Contains(err.Error(), dir) {
		t.Errorf("recorded nowhere: %v", err)
	}
	ann.press("0")
	ann.hears(t, promptErrorMenu)
	bob.talks.Store(true) // the conference goes on
	ann.hears(t, promptErrorMenu, "bob")
	if live := b.house.Live()[0].Recording; live != nil {
		t.Errorf("shown is %+v", live)
	}
	if n := strings.Count(b.log.String(), "recording has ended"); n != 2 {
		t.Errorf("%d alarms for two orders", n)
	}
}
