package main

import (
	"encoding/json"
	"testing"

	"conclave/cmd/conclave/bench"
)

func TestBenchCallsAndHearsEveryTalker(t *testing.T) {
	for _, codec := range []string{"pcmu", "g722"} {
		t.Run(codec, func(t *testing.T) { benchHears(t, codec) })
	}
}

func benchHears(t *testing.T, codec string) {
	r := conclave(t, nil, "bench", "--members", "8", "--rooms", "2", "--talkers", "1", "--seconds", "3", "--codec", codec, "--json")
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if report.Joined != 8 || report.Server <= 0 || report.Clockwork.Seats != 8 {
		t.Errorf("%+v", report)
	}
	if report.Pairs != 9 || len(report.Servers) != 9 || len(report.Floors) != 10 || report.Floor <= 0 ||
		report.RatioLow <= 0 || report.Ratio < report.RatioLow || report.RatioHigh < report.Ratio {
		t.Errorf("compared with the floor: %+v", report)
	}
	if h := report.Hearing; h == nil || h.Tones != 6 || h.Heard != 6 || h.Own > -60 || h.Stray > -60 {
		t.Errorf("heard: %+v", h)
	}
}

func TestBenchMeasuresWhatRecordingCosts(t *testing.T) {
	r := conclave(t, nil, "bench", "--members", "6", "--rooms", "2", "--talkers", "1", "--seconds", "1", "--record", "-o", "record_tracks=yes", "--json")
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Recorded) != 1 || len(report.Unrecorded) != 2 || report.RecordRatio <= 0 || report.Ratio != 0 || report.Log != "" {
		t.Errorf("%+v", report)
	}
}

func TestBenchMeasuresWhatEncryptionCosts(t *testing.T) {
	t.Parallel()
	r := conclave(t, nil, "bench", "--members", "6", "--talkers", "2", "--seconds", "3", "--srtp", "AEAD_AES_128_GCM", "-o", "agc=no", "--json")
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Encrypted) != 9 || len(report.Plain) != 10 || report.SRTPRatio <= 0 || report.Ratio != 0 || report.Log != "" {
		t.Errorf("%+v", report)
	}
	if h := report.Hearing; h == nil || h.Tones != 10 || h.Heard != 10 || h.Own > -60 {
		t.Errorf("heard: %+v", h)
	}
}

func TestBenchHasPhonesRegisterAndCountsThemAfterARestart(t *testing.T) {
	r := conclave(t, nil, "bench", "--members", "4", "--talkers", "1", "--seconds", "2", "--phones", "30", "--registers-per-second", "30", "--json")
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if g := report.Registering; g.Phones != 30 || g.Placed != 60 || g.Failed != 0 || g.Took.Count != 60 || g.Kept != 30 {
		t.Errorf("%+v", g)
	}
}

func TestBenchSoaksAndLeavesNothingBehind(t *testing.T) {
	r := conclave(t, nil, "bench", "--members", "4", "--talkers", "1", "--seconds", "4", "--calls-per-second", "5", "--soak", "--json")
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, r.stderr)
	}
	s := report.Soak
	if s == nil || len(s.Samples) < 3 || s.End.Descriptors == 0 || s.End.Goroutines == 0 || s.Left.Calls != 4 || s.Left.Members != 4 {
		t.Errorf("%+v", s)
	}
	if report.Visits.Placed != 20 || report.Visits.Failed != 0 || r.code != 0 && report.Lost == 0 {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

func TestBenchNamesWhatItCannotMeasure(t *testing.T) {
	for _, tt := range []struct{ args, words []string }{
		{[]string{"--members", "2", "--rooms", "3"}, []string{"2 members do not fill 3 rooms"}},
		{[]string{"--members", "0"}, []string{"at least one member"}},
		{[]string{"--codec", "g729"}, []string{"--codec", `"g729"`, "g722"}},
		{[]string{"--phones", "5"}, []string{"--registers-per-second"}},
		{[]string{"--soak"}, []string{"--calls-per-second"}},
		{[]string{"--seconds", "0"}, []string{"too short"}},
		{[]string{"--fill", "--flood", "100"}, []string{"--fill goes with"}},
		{[]string{"--fill", "--members", "3"}, []string{"not enough to fill the server: 0 were refused"}},
		{[]string{"-o", "agc=perhaps"}, []string{"agc", `"perhaps"`, "yes or no"}},
		{[]string{"--server-cpus", "one"}, []string{`"one"`, "2-3"}},
		{[]string{"--server-cpus", "5000"}, []string{"5000"}},
	} {
		conclave(t, nil, append([]string{"bench"}, tt.args...)...).refused(t, tt.words...)
	}
}
