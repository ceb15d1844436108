package bench

import (
	"slices"
	"testing"
	"time"
)

func TestRatioIsTheMedianOfPairs(t *testing.T) {
	us := func(values ...int) (all []time.Duration) {
		for _, v := range values {
			all = append(all, time.Duration(v)*time.Microsecond)
		}
		return all
	}
	// The machine slows down, and is disturbed in one window.
	c := comparison{floors: us(100, 120, 140, 160, 180), servers: us(165, 260, 900, 340)}
	if got, want := c.ratios(), []float64{1.5, 2, 2, 6}; !slices.Equal(got, want) {
		t.Errorf("ratios %v, want %v", got, want)
	}
	var r Report
	r.compare(c)
	if r.Ratio != 2 || r.RatioLow != 1.875 || r.RatioHigh != 3 || r.Pairs != 4 || r.Floor != 140 {
		t.Errorf("ratio %v, quartiles %v and %v of %d, floor %v; want 2, 1.875 and 3 of 4, 140",
			r.Ratio, r.RatioLow, r.RatioHigh, r.Pairs, r.Floor)
	}
	if !slices.Equal(r.Floors, []float64{100, 120, 140, 160, 180}) || !slices.Equal(r.Servers, []float64{165, 260, 900, 340}) {
		t.Errorf("windows %v and %v", r.Floors, r.Servers)
	}
}

func TestQuantilesLieBetweenValues(t *testing.T) {
	for _, tt := range []struct {
		values      []float64
		share, want float64
	}{
		{nil, 0.5, 0},
		{[]float64{3}, 0.75, 3},
		{[]float64{1, 2}, 0.5, 1.5},
		{[]float64{1, 2, 4}, 0.5, 2},
		{[]float64{1, 2, 4}, 0.75, 3},
		{[]float64{1, 2, 4}, 1, 4},
	} {
		if got := quantile(tt.values, tt.share); got != tt.want {
			t.Errorf("%g of %v: %v, want %v", tt.share, tt.values, got, tt.want)
		}
	}
}
