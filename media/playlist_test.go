package media

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// storeTrack writes a track whose samples are all of one value.
func storeTrack(t *testing.T, dir string, value int16, samples int) Track {
	t.Helper()
	file := filepath.Join(dir, fmt.Sprintf("%d.wav", value))
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = value
	}
	if err := WriteWAV(out, PlaylistRate, pcm); err != nil {
		t.Fatal(err)
	}
	return Track{file, int64(samples)}
}

// read reads so many samples.
func read(t *testing.T, p *Playlist, samples int) []int16 {
	t.Helper()
	pcm := make([]int16, samples)
	if err := p.Read(pcm); err != nil {
		t.Error(err)
	}
	return pcm
}

// runs tells the values in pcm with how often each comes in a row.
func runs(pcm []int16) (values, lengths []int) {
	for i, v := range pcm {
		if i == 0 || v != pcm[i-1] {
			values, lengths = append(values, int(v)), append(lengths, 0)
		}
		lengths[len(lengths)-1]++
	}
	return values, lengths
}

func TestTracksFollowWithoutAGapAndWithoutAnEnd(t *testing.T) {
	dir := t.TempDir()
	p := NewPlaylist([]Track{storeTrack(t, dir, 1, 500), storeTrack(t, dir, 2, 333), storeTrack(t, dir, 3, 1)}, false)
	defer p.Close()
	var all []int16
	for range 10 {
		all = append(all, read(t, p, 320)...)
	}
	values, lengths := runs(all)
	if want := []int{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2}; !slices.Equal(values, want) {
		t.Errorf("tracks %v, want %v", values, want)
	}
	if !slices.Equal(lengths[:4], []int{500, 333, 1, 500}) {
		t.Errorf("samples %v, want 500 333 1 500 …", lengths)
	}
}

func TestSkippingIsAsGoodAsReading(t *testing.T) {
	dir := t.TempDir()
	tracks := []Track{storeTrack(t, dir, 1, 500), storeTrack(t, dir, 2, 333)}
	paused := NewPlaylist(tracks, false)
	before := read(t, paused, 600)
	paused.Close()
	if values, lengths := runs(append(before, read(t, paused, 300)...)); !slices.Equal(lengths, []int{500, 333, 67}) {
		t.Errorf("closed within the second track: %v for %v samples, want 500, 333, 67", values, lengths)
	}
	paused.Close()
	for _, n := range []int64{1, 499, 500, 501, 832, 833, 834, 5000, 833_000_000_499} {
		read1, skipped := NewPlaylist(tracks, false), NewPlaylist(tracks, false)
		read(t, read1, int(n%833))
		if err := skipped.Skip(n); err != nil {
			t.Error(err)
		}
		if a, b := read(t, read1, 900), read(t, skipped, 900); !slices.Equal(a, b) {
			t.Errorf("after %d samples: other music than when they are read", n)
		}
		read1.Close()
		skipped.Close()
	}
}

func TestShuffledTracksAllComeAndNoneTwiceInARow(t *testing.T) {
	dir := t.TempDir()
	var tracks []Track
	for i := range 5 {
		tracks = append(tracks, storeTrack(t, dir, int16(i+1), 10))
	}
	p := NewPlaylist(tracks, true)
	defer p.Close()
	values, lengths := runs(read(t, p, 20*50))
	orders := map[string]bool{}
	for i := 0; i < len(values); i += 5 {
		round := values[i : i+5]
		orders[fmt.Sprint(round)] = true
		if sorted := slices.Sorted(slices.Values(round)); !slices.Equal(sorted, []int{1, 2, 3, 4, 5}) {
			t.Fatalf("round %v, want each track once", round)
		}
	}
	if slices.Max(lengths) != 10 {
		t.Errorf("a track was played twice in a row: %v", lengths)
	}
	if len(orders) < 5 {
		t.Errorf("%d orders in 20 rounds", len(orders))
	}
}

func TestChangedPlaylistGoesOnWithTheTrackThatIsPlayed(t *testing.T) {
	dir := t.TempDir()
	one, two, three := storeTrack(t, dir, 1, 100), storeTrack(t, dir, 2, 100), storeTrack(t, dir, 3, 100)
	for _, c := range []struct {
		name   string
		tracks []Track
		want   []int
	}{
		{"another comes behind it", []Track{one, three, two}, []int{1, 3, 2}},
		{"it is the last now", []Track{three, two, one}, []int{1, 3, 2}},
		{"it is gone", []Track{two, three}, []int{1, 2, 3}},
		{"all are gone", nil, []int{1}},
	} {
		p := NewPlaylist([]Track{one, two}, false)
		first := read(t, p, 50)
		p.Change(c.tracks, false)
		values, lengths := runs(append(first, read(t, p, 210)...))
		if !slices.Equal(values, c.want) || lengths[0] != 100 && len(c.want) > 1 {
			t.Errorf("%s: %v for %v samples, want %v, the first for 100", c.name, values, lengths, c.want)
		}
		p.Close()
	}
}

func TestTracksThatCannotBeReadAreLeftOutAndTold(t *testing.T) {
	dir := t.TempDir()
	one, two := storeTrack(t, dir, 1, 100), storeTrack(t, dir, 2, 100)
	short := Track{two.File, 1000}
	p := NewPlaylist([]Track{one, {filepath.Join(dir, "none.wav"), 100}, short}, false)
	defer p.Close()
	pcm := make([]int16, 400)
	told := 0
	for _, block := range [][]int16{pcm[:200], pcm[200:]} {
		if p.Read(block) != nil {
			told++
		}
	}
	if values, _ := runs(pcm); !slices.Equal(values, []int{1, 2, 1, 2}) || told != 2 {
		t.Errorf("heard %v, %d errors; want 1 2 1 2 and both files told", values, told)
	}
	nothing := NewPlaylist([]Track{{filepath.Join(dir, "none.wav"), 100}}, true)
	for i := range pcm {
		pcm[i] = 1
	}
	if err := nothing.Read(pcm); err == nil || slices.Max(pcm) != 0 {
		t.Errorf("of nothing: %v and %d, want an error and silence", err, slices.Max(pcm))
	}
}
