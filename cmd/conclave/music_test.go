package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"conclave/media"
	"conclave/media/tone"
	"conclave/sip/phone"
)

// musicCLI runs `conclave music` on a data directory of its own.
func musicCLI(t *testing.T) (music func(args ...string) result, data dataDir) {
	t.Helper()
	data = dataDir(filepath.Join(t.TempDir(), "data"))
	return func(args ...string) result {
		t.Helper()
		return conclave(t, []string{"CONCLAVE_DATA=" + string(data)}, append([]string{"music"}, args...)...)
	}, data
}

// toneFile writes so many seconds of a tone as a WAV file of 8 kHz.
func toneFile(t *testing.T, dir, name string, hz, dBFS float64, seconds int) string {
	t.Helper()
	file := filepath.Join(dir, name)
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := media.WriteWAV(out, 8000, tone.Make(8000, hz, dBFS, 8000*seconds)); err != nil {
		t.Fatal(err)
	}
	return file
}

// storedMusic lists the files of all playlists, and of what was left half done.
func storedMusic(t *testing.T, data dataDir) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data.music(), "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestMusicIsAddedLevelledListedAndRemoved(t *testing.T) {
	music, data := musicCLI(t)
	dir := t.TempDir()
	toneFile(t, dir, "a loud.wav", 1000, -3, 3)
	toneFile(t, dir, "b soft.wav", 1000, -40, 3)
	broken := filepath.Join(dir, "c broken.mp3")
	if err := os.WriteFile(broken, []byte("This is no music."), 0o600); err != nil {
		t.Fatal(err)
	}
	formats, err := filepath.Abs("../../media/audiofile/testdata")
	if err != nil {
		t.Fatal(err)
	}
	out := music("add", "lobby", dir, filepath.Join(formats, "tone.mp3"), filepath.Join(formats, "tone.ogg"),
		filepath.Join(formats, "tone.flac"), filepath.Join(dir, "none.wav")).done(t)
	for _, want := range []string{"left out " + broken + ": it holds nothing that is known as sound", "none.wav: no such file",
		"a loud.wav: 0:03, -6.", "brought to -23.0", "playlist lobby: 5 tracks added"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	var view playlistView
	if err := json.Unmarshal([]byte(music("show", "lobby", "--json").done(t)), &view); err != nil {
		t.Fatal(err)
	}
	if len(view.Tracks) != 5 || view.Tracks[0].Title != "a loud" || view.Tracks[1].Title != "b soft" || view.Order != "order" {
		t.Fatalf("stored: %+v", view)
	}
	var levels []float64
	for i, track := range view.Tracks {
		if math.Abs(track.LUFS+23) > 1 {
			t.Errorf("%s at %.1f LUFS, want -23", track.Title, track.LUFS)
		}
		text, err := os.ReadFile(filepath.Join(data.music(), "lobby", track.File))
		if err != nil || len(text) <= 44 {
			t.Fatalf("%s: %d octets, %v", track.Title, len(text), err)
		}
		pcm := make([]int16, (len(text)-44)/2)
		for i := range pcm {
			pcm[i] = int16(binary.LittleEndian.Uint16(text[44+2*i:]))
		}
		if i < 2 {
			levels = append(levels, tone.LevelAt(pcm[8000:40000], media.PlaylistRate, 1000))
		}
	}
	// A tone of 997 Hz at 0 dBFS has -3.01 LUFS, so -20 dBFS is what is to come out.
	for i, level := range levels {
		if math.Abs(level+20) > 0.5 {
			t.Errorf("tone of %s at %.1f dBFS, want -20", view.Tracks[i].Title, level)
		}
	}
	music("set", "lobby", "--shuffle").done(t)
	if out := music("list").done(t); !strings.Contains(out, "lobby    5         0:0") || !strings.Contains(out, "shuffle") || !strings.Contains(out, "built in") {
		t.Errorf("list:\n%s", out)
	}
	room := func(args ...string) result {
		return conclave(t, []string{"CONCLAVE_DATA=" + string(data)}, append([]string{"room"}, args...)...)
	}
	room("add", "1000", "--name", "x", "-o", "music_on_hold_class=loby").refused(t, `no music "loby"`, "the nearest is lobby")
	room("add", "1000", "--name", "x", "-o", "music_on_hold_class=lobby").done(t)
	music("rm", "lobby").refused(t, "in use by room 1000", "music_on_hold_class=")
	room("set", "1000", "-o", "music_on_hold_class=").done(t)
	music("rm", "lobby").done(t)
	if files := storedMusic(t, data); len(files) != 0 {
		t.Errorf("files remain: %v", files)
	}
	for _, args := range [][]string{{"rm", "lobby"}, {"show", "lobby"}, {"set", "lobby", "--order"}} {
		music(args...).refused(t, "no such playlist")
	}
	music("add", "none", dir).refused(t, "stands for silence")
	music("add", "../x", dir).refused(t, "a name is")
}

func TestMusicOfWhichNothingCanBeReadLeavesNothing(t *testing.T) {
	music, data := musicCLI(t)
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.wav"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "silence.wav"), silentWAV(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hostile.ogg"), hostileVorbis(t), 0o600); err != nil {
		t.Fatal(err)
	}
	got := music("add", "lobby", dir)
	for _, want := range []string{"pipe.wav: it is no file of", "silence.wav: it is silent", "hostile.ogg: it is damaged"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is not in:\n%s", want, got.stdout)
		}
	}
	if got.code == 0 || !strings.Contains(got.stderr, "none of 3 files can be read") {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
	if files := storedMusic(t, data); len(files) != 0 {
		t.Errorf("files remain: %v", files)
	}
}

func silentWAV(t *testing.T) []byte {
	var out strings.Builder
	if err := media.WriteWAV(&out, 8000, make([]int16, 8000)); err != nil {
		t.Fatal(err)
	}
	return []byte(out.String())
}

// hostileVorbis says that it has four billion comments, with the checksum right (RFC 3533 6).
func hostileVorbis(t *testing.T) []byte {
	data, err := os.ReadFile("../../media/audiofile/testdata/tone.ogg")
	if err != nil {
		t.Fatal(err)
	}
	comment := strings.Index(string(data), "\x03vorbis")
	page := strings.LastIndex(string(data[:comment]), "OggS")
	vendor := int(binary.LittleEndian.Uint32(data[comment+7:]))
	binary.LittleEndian.PutUint32(data[comment+11+vendor:], math.MaxUint32)
	end := page + 27 + int(data[page+26])
	for _, n := range data[page+27 : end] {
		end += int(n)
	}
	binary.LittleEndian.PutUint32(data[page+22:], 0)
	var crc uint32
	for _, b := range data[page:end] {
		crc ^= uint32(b) << 24
		for range 8 {
			if crc&0x80000000 != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	binary.LittleEndian.PutUint32(data[page+22:], crc)
	return data
}

func TestMusicThatTheOperatorMayNotReadIsLeftOut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	// Where nobody may go on all the way.
	dir, err := os.MkdirTemp("", "music")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	secret := toneFile(t, dir, "secret.wav", 440, -20, 1)
	data := filepath.Join(dir, "data")
	const nobody = 65534
	for _, err := range []error{os.Chmod(secret, 0o600), os.Chmod(dir, 0o755), os.Mkdir(data, 0o700), os.Chown(data, nobody, nobody),
		os.Chmod(filepath.Dir(path), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "music", "add", "lobby", secret, "--data", data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if got := finish(t, cmd); got.code == 0 || !strings.Contains(got.stdout, "secret.wav: permission denied") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

func TestAFullDiskEndsAnImportAndLeavesNothing(t *testing.T) {
	music, data := musicCLI(t)
	dir := t.TempDir()
	short := toneFile(t, dir, "short.wav", 440, -20, 1)
	long := toneFile(t, dir, "long.wav", 440, -20, 30)
	music("add", "lobby", short).done(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	// Files of more than a limit fail as on a full disk: while it is decoded (1 MB of 1.9), and while the track is written
	// would be the same call. The database, which is smaller, is not touched by it.
	cmd := exec.Command("sh", "-c", `ulimit -f 2048; exec "$0" music add lobby "$1" "$2" --data "$3"`, path, short, long, string(data))
	got := finish(t, cmd)
	if got.code == 0 || !strings.Contains(got.stderr, "file too large") || !strings.Contains(got.stderr, "nothing was added") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if files := storedMusic(t, data); len(files) != 1 {
		t.Errorf("files %v, want the one of before", files)
	}
	if out := music("list").done(t); !strings.Contains(out, "lobby    1 ") {
		t.Errorf("list:\n%s", out)
	}
}

func TestAKilledImportLeavesNothingHalf(t *testing.T) {
	music, data := musicCLI(t)
	dir := t.TempDir()
	short := toneFile(t, dir, "a.wav", 440, -20, 1)
	long := toneFile(t, dir, "b.wav", 440, -20, 600)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "music", "add", "lobby", short, long, "--data", string(data))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The first file is done, the second one under way.
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if out := music("list").done(t); strings.Contains(out, "lobby") {
		t.Errorf("half an import is there:\n%s", out)
	}
	music("add", "lobby", short).done(t)
	if files := storedMusic(t, data); len(files) != 1 {
		t.Errorf("files %v, want that of the second import", files)
	}
	if drafts, err := filepath.Glob(filepath.Join(data.music(), draftPrefix+"*")); err != nil || len(drafts) != 0 {
		t.Errorf("drafts remain: %v, %v", drafts, err)
	}
}

func TestALoneCallerHearsThePlaylistOfHisRoomAndItsChanges(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	dir := t.TempDir()
	s.run("music", "add", "lobby", toneFile(t, dir, "a.wav", 700, -20, 2))
	s.run("room", "add", "1000", "--name", "x", "--no-pin", "-o", "quiet=yes", "-o", "music_on_hold_class=lobby")
	call := s.dial("1000", phone.Options{})
	hears := func(hz, other float64) func() bool {
		return func() bool {
			pcm := call.Listen(500 * time.Millisecond)
			return math.Abs(tone.LevelAt(pcm, 8000, hz)+20) < 1.5 && (other == 0 || tone.LevelAt(pcm, 8000, other) < -45)
		}
	}
	s.wait("music", 10*time.Second, hears(700, 0))
	// Another track follows, once the one that is being heard is over, without a new call.
	s.run("music", "add", "lobby", toneFile(t, dir, "b.wav", 1300, -20, 2))
	s.wait("second track", 15*time.Second, hears(1300, 700))
	rm := func(track string) result { return conclave(t, nil, "music", "rm", "lobby", track, "--data", s.data) }
	rm("3").refused(t, "no track 3", "2 tracks", "conclave music show lobby")
	if out := s.run("music", "rm", "lobby", "1"); out != "playlist lobby: a removed\n" {
		t.Errorf("told %q", out)
	}
	rm("1").refused(t, "the only one", "conclave music rm lobby")
	if files := storedMusic(t, dataDir(s.data)); len(files) != 1 {
		t.Errorf("files %v, want one", files)
	}
	s.run("room", "set", "1000", "-o", "music_on_hold_class=")
	s.run("music", "rm", "lobby")
	s.wait("music of a playlist that was removed meanwhile", 15*time.Second, func() bool {
		return hears(1300, 0)() || hears(700, 0)()
	})
}

// Playlists of a database whose files have gone are silence for the others, and named in the log.
func TestTracksThatHaveVanishedAreNamedInTheLog(t *testing.T) {
	s := startServer(t, "--guests", "all")
	dir := t.TempDir()
	s.run("music", "add", "default", toneFile(t, dir, "a.wav", 700, -20, 1), toneFile(t, dir, "b.wav", 1300, -20, 60))
	var view playlistView
	if err := json.Unmarshal([]byte(s.run("music", "show", "default", "--json")), &view); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(s.data, "music", "default", view.Tracks[0].File)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	s.run("room", "add", "1000", "--name", "x", "--no-pin", "-o", "quiet=yes")
	call := s.dial("1000", phone.Options{})
	s.wait("the other track", 10*time.Second, func() bool {
		return math.Abs(tone.LevelAt(call.Listen(500*time.Millisecond), 8000, 1300)+20) < 1.5
	})
	log, err := os.ReadFile(filepath.Join(s.data, "log"))
	if err != nil || !strings.Contains(string(log), gone) {
		t.Errorf("the log does not name %s: %v", gone, err)
	}
}

// Each step of an import on a disk that is full or read-only says so by name, and leaves the playlists as they are.
func TestMusicOnADiskThatCannotTakeIt(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk can only be made as root")
	}
	disk, dir := t.TempDir(), t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=600k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	data := dataDir(filepath.Join(disk, "data"))
	music := func(args ...string) result {
		t.Helper()
		return conclave(t, []string{"CONCLAVE_DATA=" + string(data)}, append([]string{"music"}, args...)...)
	}
	short, long := toneFile(t, dir, "short.wav", 440, -20, 1), toneFile(t, dir, "long.wav", 440, -20, 60)
	music("add", "lobby", short).done(t)
	unchanged := func(step string) {
		t.Helper()
		if files := storedMusic(t, data); len(files) != 1 {
			t.Errorf("%s: files %v, want the one of before", step, files)
		}
	}
	music("add", "lobby", long).refused(t, "no space left on device", "nothing was added")
	unchanged("while it is decoded")
	fill, err := os.Create(filepath.Join(disk, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = fill.Write(make([]byte, 4096))
	}
	fill.Close()
	music("add", "lobby", short).refused(t, "no space left on device")
	unchanged("where there is no room at all")
	if err := os.Remove(fill.Name()); err != nil {
		t.Fatal(err)
	}
	for step, place := range map[string]string{"the directory of music": data.music(), "all data": string(data)} {
		if err := errors.Join(syscall.Mount(place, place, "", syscall.MS_BIND, ""),
			syscall.Mount("", place, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"add", "lobby", short}, {"rm", "lobby"}} {
			music(args...).refused(t, place, "read-only file system")
		}
		if err := syscall.Unmount(place, 0); err != nil {
			t.Fatal(err)
		}
		unchanged(step)
	}
	music("add", "lobby", short).done(t)
}

func TestMusicOfUnusualSize(t *testing.T) {
	music, data := musicCLI(t)
	dir := t.TempDir()
	var wide bytes.Buffer // 192 kHz, eight channels of 24 bits: a second
	wide.WriteString("RIFF\xff\xff\xff\x7fWAVEfmt \x10\x00\x00\x00")
	const rate, channels, width = 192000, 8, 3
	for _, v := range []any{uint16(1), uint16(channels), uint32(rate), uint32(rate * channels * width), uint16(channels * width), uint16(8 * width)} {
		if err := binary.Write(&wide, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	wide.WriteString("data")
	wide.Write(binary.LittleEndian.AppendUint32(nil, rate*channels*width))
	for i := range rate {
		v := int32(1 << 20 * math.Sin(2*math.Pi*440*float64(i)/rate))
		for range channels {
			wide.Write([]byte{byte(v), byte(v >> 8), byte(v >> 16)})
		}
	}
	sparse := filepath.Join(dir, "b sparse.mp3")
	for _, err := range []error{os.WriteFile(filepath.Join(dir, "a wide.wav"), wide.Bytes(), 0o600), os.WriteFile(sparse, nil, 0o600),
		os.Truncate(sparse, 4<<30), os.WriteFile(filepath.Join(dir, "c empty.flac"), nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out := music("add", "lobby", dir).done(t)
	for _, want := range []string{"a wide.wav: 0:01, ", "b sparse.mp3: it holds nothing that is known as sound", "c empty.flac: the file is empty", "1 track added"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if files := storedMusic(t, data); len(files) != 1 {
		t.Errorf("files %v, want one", files)
	}
}

// A file that lasts too long is refused before it is decoded, where it says so, or else where that has come out.
func TestMusicThatLastsTooLongIsLeftOut(t *testing.T) {
	music, data := musicCLI(t)
	dir := t.TempDir()
	huge := filepath.Join(dir, "a huge.wav") // 149 hours: 4 GB of 8 kHz and 8 bits
	head := []byte("RIFF\x24\x00\x00\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x00\x00\x00\xff")
	if err := errors.Join(os.WriteFile(huge, head, 0o600), os.Truncate(huge, 0xff000000+44)); err != nil {
		t.Fatal(err)
	}
	told, untold := toneFile(t, dir, "b told.wav", 440, -20, 30), toneFile(t, dir, "c untold.wav", 440, -20, 30)
	pipe, err := os.OpenFile(untold, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.WriteAt([]byte{0xff, 0xff, 0xff, 0xff}, 40); err != nil { // as a program leaves it that writes into a pipe
		t.Fatal(err)
	}
	pipe.Close()
	short := toneFile(t, dir, "d short.wav", 440, -20, 5)
	out := music("add", "lobby", "--longest", "20s", dir).done(t)
	for _, want := range []string{
		"a huge.wav: it lasts 148:32:54, and 0:20 is the most; --longest takes more",
		filepath.Base(told) + ": it lasts 0:30, and 0:20 is the most",
		filepath.Base(untold) + ": it has no end at 0:20, and 0:20 is the most",
		filepath.Base(short) + ": 0:05, ", "1 track added",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if files := storedMusic(t, data); len(files) != 1 {
		t.Errorf("files %v, want one", files)
	}
	if got := music("add", "lobby", huge); got.code == 0 || !strings.Contains(got.stdout, "and 6:00:00 is the most") || !strings.Contains(got.stderr, "nothing was added") {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	music("add", "lobby", "--longest", "25h", short).refused(t, "--longest 25h0m0s", "at most 24h0m0s")
	music("add", "lobby", "--longest", "40s", told, untold).done(t)
}

func TestLongImportShowsHowFarItIsOnATerminal(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	x := newTerminal(t, 24, 80)
	cmd := exec.Command(path, "music", "add", "lobby", toneFile(t, t.TempDir(), "song.wav", 440, -20, 120), "--data", t.TempDir())
	cmd.Stderr = x.far
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), "playlist lobby") {
		t.Fatalf("%v: %s", err, out)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if text := x.text.String(); strings.Count(text, "1 of 1, song.wav: ") < 3 || !strings.Contains(text, "song.wav: 100 %") {
		t.Errorf("the terminal shows %q", text)
	}
}
