package media

import "testing"

func TestKeysComeInTheOrderInWhichTheyWerePressed(t *testing.T) {
	type press struct {
		at      int64 // ms
		digit   byte
		stamp   uint32
		missing bool
	}
	tests := []struct {
		name    string
		presses []press
		want    map[int64]string // told so far, by time in ms
	}{
		{"without loss each is told at once", []press{{0, '1', 0, false}, {100, '2', 800, false}}, map[int64]string{0: "1", 100: "12"}},
		{"after a loss it waits", []press{{0, '1', 0, true}}, map[int64]string{0: "", 190: "", 200: "1"}},
		{"one that was overtaken comes first", []press{{0, '2', 800, true}, {60, '1', 0, false}}, map[int64]string{0: "", 60: "", 200: "12"}},
		{"over the wrap of the timestamp", []press{{0, '2', 300, true}, {60, '1', 1<<32 - 500, false}}, map[int64]string{200: "12"}},
		{"one that follows a waiting one keeps its place", []press{{0, '1', 0, true}, {100, '2', 800, false}}, map[int64]string{100: "", 200: "12"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var k keys
			var told []byte
			for ms := int64(0); ms <= 400; ms += 10 {
				for _, p := range tt.presses {
					if p.at == ms {
						if p.missing {
							k.gap(ms * 1e6)
						}
						k.add(p.digit, p.stamp, ms*1e6)
					}
				}
				told = k.take(told, ms*1e6)
				if want, ok := tt.want[ms]; ok && string(told) != want {
					t.Errorf("after %d ms %q, want %q", ms, told, want)
				}
			}
		})
	}
}
