package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/sip"
	"conclave/sip/phone"
	"conclave/store"
)

// someCalls are calls of all kinds, the first with a caller who means harm.
func someCalls() []store.Call {
	started := time.Date(2030, 1, 2, 10, 20, 30, 0, time.Local).UTC()
	loss, narrow, wide := 1.234, 77.7, 115.3
	return []store.Call{
		{ID: "a", Direction: store.CallIn, Dialled: "=9\x1b[2J", Number: "=cmd|' /C calc'!A0", Name: "\u202e\"@evil\",\n\t", Address: "192.0.2.7",
			Started: started, Ended: started.Add(time.Millisecond), Result: "REFUSED", Reason: "404 no room has this number"},
		{ID: "b", Direction: store.CallIn, Dialled: "1000", Room: "1000", RoomName: "Weekly", Number: "+4930123456", Name: "030 123456", Address: "::1",
			Trunk: "carrier", Role: "moderator", Started: started.Add(time.Second), Answered: started.Add(2 * time.Second),
			Entered: started.Add(3 * time.Second), Ended: started.Add(67 * time.Second), Result: "HANGUP", Reason: "the caller hung up",
			CallAudio: store.CallAudio{Codec: "PCMA", Received: 960, Lost: 40, Late: 9, Sent: 1000, Jitter: 1.26, Delay: 20, RoundTrip: 12.5, FarLoss: &loss, MOS: 3.871,
				Scale: "narrow", Rating: &narrow}},
		{ID: "c", Direction: store.CallOut, Dialled: "+49 171 5550123", Number: "anna", Name: "Anna", Address: "192.0.2.8", Phone: "200",
			Started: started.Add(2 * time.Second), Answered: started.Add(2 * time.Second), Ended: started.Add(3 * time.Second), Result: "HANGUP", Reason: "over",
			CallAudio: store.CallAudio{Codec: "G722", Received: 50, MOS: 4.32, Scale: "wide", Rating: &wide}},
	}
}

// callData is a data directory that holds calls.
func callData(t *testing.T, calls ...store.Call) string {
	t.Helper()
	data := t.TempDir()
	db, err := store.Open(t.Context(), dataDir(data).database())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.AddCalls(t.Context(), calls); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCallsAreListedMaskedAndHarmless(t *testing.T) {
	data := callData(t, someCalls()...)
	out := conclave(t, nil, "calls", "--data", data).done(t)
	want := strings.Join([]string{
		`STARTED              ROOM       CALLER              NAME                FROM           ROLE       LASTED  RESULT   CODEC  LOSS   JITTER  MOS       REASON`,
		`2030-01-02 10:20:30  =9\x1b[2J  =cmd|' /C calc'!A0  \u202e"@evil",\n\t  guest                             REFUSED                                  404 no room has this number`,
		`2030-01-02 10:20:31  1000       +*******456         *** ***456          trunk carrier  moderator  1:05    HANGUP   PCMA   4.9 %  1.3 ms  3.9       the caller hung up`,
		`2030-01-02 10:20:32             anna                Anna                phone 200                 0:01    HANGUP   G722   0.0 %  0.0 ms  4.3 wide  over`,
		``,
	}, "\n")
	if out != want {
		t.Errorf("calls are\n%s\nwant\n%s", out, want)
	}
	if out := conclave(t, nil, "calls", "--data", data, "--show-numbers").done(t); !strings.Contains(out, "+4930123456         030 123456") {
		t.Errorf("with numbers calls are\n%s", out)
	}
}

func TestMaskLeavesThreeDigits(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"101":                      "101",
		"1001":                     "*001",
		"+49 (30) 1234-567":        "+** (**) ****-567",
		"anna":                     "anna",
		"anna.b2":                  "anna.b2",
		"030123@x 7":               "****23@x 7",
		"\u0661\u0662\u0663\u0664": "*\u0662\u0663\u0664", // Arabic digits
	} {
		if got := sip.Mask(text); got != want {
			t.Errorf("%q is masked as %q, want %q", text, got, want)
		}
	}
}

func TestCallsAsCSVAreNoFormulas(t *testing.T) {
	data := callData(t, someCalls()...)
	text := conclave(t, nil, "calls", "--csv", "--show-numbers", "--data", data).done(t)
	if !strings.HasSuffix(text, "\"\r\n") || strings.ContainsAny(strings.ReplaceAll(text, "\r\n", ""), "\x1b\n\t\u202e") {
		t.Errorf("CSV %q", text)
	}
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) != 4 || !slices.Equal(records[0], callFields) {
		t.Fatalf("read as %v, %v", records, err)
	}
	cell := func(line int, name string) string { return records[line][slices.Index(callFields, name)] }
	for _, tt := range []struct {
		line       int
		name, want string
	}{
		{1, "dialled", `'=9\x1b[2J`},
		{1, "caller", "'=cmd|' /C calc'!A0"},
		{1, "name", `\u202e"@evil",\n\t`},
		{1, "answered", ""},
		{1, "mos", ""},
		{2, "caller", "'+4930123456"},
		{2, "started", "2030-01-02 10:20:31"},
		{2, "lasted_s", "65.0"},
		{2, "packets_lost", "40"},
		{2, "loss_percent", "4.90"},
		{2, "far_loss_percent", "1.23"},
		{2, "round_trip_ms", "12.50"},
		{2, "mos", "3.87"},
		{2, "mos_scale", "narrow"},
		{3, "mos_scale", "wide"},
		{3, "rating", "115.3"},
		{2, "from", "trunk carrier"},
		{3, "dialled", "'+49 171 5550123"},
		{3, "direction", "out"},
		{1, "loss_percent", ""},
	} {
		if got := cell(tt.line, tt.name); got != tt.want {
			t.Errorf("call %d: %s is %q, want %q", tt.line, tt.name, got, tt.want)
		}
	}
	masked := conclave(t, nil, "calls", "--csv", "--data", data).done(t)
	for _, number := range []string{"30123456", "171", "5550"} {
		if strings.Contains(masked, number) {
			t.Errorf("%s stands in\n%s", number, masked)
		}
	}
}

func TestCellsThatSpreadsheetsWouldRun(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "  =1": "'  =1", "＝1": "'＝1",
		"\t=1": `\t=1`, "a=1": "a=1", "": "", "1;=1": "1;=1",
	} {
		if got := harmless(cell); got != want {
			t.Errorf("%q becomes %q, want %q", cell, got, want)
		}
	}
}

func TestCallsAsJSON(t *testing.T) {
	data := callData(t, someCalls()...)
	text := conclave(t, nil, "calls", "--json", "--data", data).done(t)
	var views []callView
	if err := json.Unmarshal([]byte(text), &views); err != nil || len(views) != 3 {
		t.Fatalf("%d calls, %v, in\n%s", len(views), err, text)
	}
	if strings.ContainsAny(text, "\x1b\u202e") || views[0].Name != "\u202e\"@evil\",\n\t" {
		t.Errorf("the hostile caller is\n%s", text)
	}
	b := views[1]
	if b.Caller != "+*******456" || b.Name != "*** ***456" || b.Dialled != "1000" || b.From != "trunk carrier" || b.Seconds != 65 ||
		*b.Loss != 4.9 || *b.Jitter != 1.26 || *b.MOS != 3.87 || *b.FarLoss != 1.23 || b.Received != 960 || b.Entered == nil {
		t.Errorf("the second is %+v", b)
	}
	if a := views[0]; a.Answered != nil || a.MOS != nil || a.Loss != nil || a.From != "guest" {
		t.Errorf("the first is %+v", a)
	}
	if c := views[2]; c.Dialled != "+** *** ****123" || c.Scale != "wide" || *c.Rating != 115.3 || *c.MOS != 4.32 {
		t.Errorf("the third is %+v", c)
	}
	if out := conclave(t, nil, "calls", "--json", "--data", callData(t)).done(t); out != "[]\n" {
		t.Errorf("no calls are %q", out)
	}
}

func TestCallsAreChosen(t *testing.T) {
	now := time.Now()
	var calls []store.Call
	for i, ago := range []time.Duration{0, 30 * time.Minute, 5 * time.Hour, 3 * 24 * time.Hour} {
		started := now.Add(-ago - time.Second)
		calls = append(calls, store.Call{ID: fmt.Sprint(i), Direction: store.CallIn, Room: []string{"1000", "1001"}[i%2], Started: started,
			Ended: started.Add(time.Second), Result: "HANGUP"})
	}
	data := callData(t, calls...)
	for args, want := range map[string]string{
		"":                       "3 2 1 0",
		"--since 1h":             "1 0",
		"--since 2d":             "2 1 0",
		"--until 1h":             "3 2",
		"--since 4d --until 10m": "3 2 1",
		"--room 1001":            "3 1",
		"--room 999":             "",
		"--limit 0":              "3 2 1 0",
		"--limit 4":              "3 2 1 0",
		"--since " + now.AddDate(0, 0, 1).Format(time.DateOnly):  "",
		"--until " + now.AddDate(0, 0, 1).Format(time.DateOnly):  "3 2 1 0",
		"--since " + now.Add(-time.Hour).Format(time.RFC3339):    "1 0",
		"--since " + now.AddDate(0, 0, -2).Format(time.DateOnly): "2 1 0",
	} {
		var views []callView
		text := conclave(t, nil, append([]string{"calls", "--json", "--data", data}, strings.Fields(args)...)...).done(t)
		if err := json.Unmarshal([]byte(text), &views); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, v := range views {
			ids = append(ids, v.ID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("calls %s: %s, want %s", args, got, want)
		}
	}
	// What the limit leaves out is told, and not among the calls.
	r := conclave(t, nil, "calls", "--csv", "--limit", "2", "--data", data)
	if r.code != 0 || strings.Count(r.stdout, "\r\n") != 3 || r.stderr != "the latest 2 of 4 calls; --limit 0 prints all\n" {
		t.Errorf("--limit 2: %+v", r)
	}
}

func TestCallsNameWhatIsWrong(t *testing.T) {
	data := callData(t)
	for name, tt := range map[string]struct {
		args  []string
		words []string
	}{
		"since of nothing":  {[]string{"--since", ""}, []string{"--since", `""`, "2026-11-01", "24h"}},
		"since of words":    {[]string{"--since", "yesterday"}, []string{"--since", "yesterday", "7d"}},
		"since no such day": {[]string{"--since", "2026-02-30"}, []string{"2026-02-30", "date"}},
		"since to come":     {[]string{"--since=-24h"}, []string{"-24h", "how long ago"}},
		"since far too old": {[]string{"--since", "99999999999d"}, []string{"99999999999d"}},
		"until of words":    {[]string{"--until", "now"}, []string{"--until", "now"}},
		"since after until": {[]string{"--since", "2026-11-02", "--until", "2026-11-01"}, []string{"--since", "--until"}},
		"since is until":    {[]string{"--since", "24h", "--until", "24h"}, []string{"--since", "--until"}},
		"limit below none":  {[]string{"--limit=-1"}, []string{"--limit", "-1", "0"}},
		"limit of words":    {[]string{"--limit", "all"}, []string{"--limit"}},
		"room of letters":   {[]string{"--room", "1O00"}, []string{"1O00", "digits"}},
		"two formats":       {[]string{"--csv", "--json"}, []string{"--csv", "--json"}},
		"no such data":      {[]string{"--data", filepath.Join(data, "x")}, []string{"--data"}},
	} {
		t.Run(name, func(t *testing.T) {
			conclave(t, nil, append([]string{"calls", "--data", data}, tt.args...)...).refused(t, tt.words...)
		})
	}
}

func TestCallsThatCannotBeReadAreAnError(t *testing.T) {
	broken := func(yield func(callView, error) bool) {
		_ = yield(callView{}, nil) && yield(callView{}, errors.New("disk is gone"))
	}
	for name, write := range map[string]func(*bufio.Writer) error{
		"table": func(out *bufio.Writer) error { return writeCalls(out, broken) },
		"JSON":  func(out *bufio.Writer) error { return writeList(out, broken) },
		"CSV":   func(out *bufio.Writer) error { return writeCSV(out, callFields, broken) },
	} {
		if err := write(bufio.NewWriter(&strings.Builder{})); err == nil || err.Error() != "disk is gone" {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// calls is the history once it holds n calls, by the caller's number.
func (s *testServer) calls(n int) map[string]callView {
	s.t.Helper()
	byCaller := map[string]callView{}
	s.wait(fmt.Sprint(n, " calls in the history"), 30*time.Second, func() bool {
		var views []callView
		if err := json.Unmarshal([]byte(s.run("calls", "--json", "--show-numbers")), &views); err != nil {
			s.t.Fatal(err)
		}
		clear(byCaller)
		for _, v := range views {
			byCaller[v.Caller] = v
		}
		return len(views) == n
	})
	return byCaller
}

func TestCallsComeIntoTheHistory(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	clean := s.dial("1000", phone.Options{From: "+4930123456", Codecs: []phone.Codec{phone.PCMA}})
	lossy := s.dial("1000", phone.Options{From: "bert", Impairment: phone.Impairment{Seed: 1, Loss: 0.05}})
	for _, call := range []*phone.Call{clean, lossy} {
		call.Say(phone.Tone(440, -20))
	}
	p, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var refused *phone.Refused
	if _, err := p.Dial(t.Context(), s.sip, "999", phone.Options{From: "stranger"}); !errors.As(err, &refused) || refused.Status() != 404 {
		t.Fatalf("call of no room: %v", err)
	}
	time.Sleep(8 * time.Second) // 400 packets
	s.wait("two members", 10*time.Second, func() bool { return len(s.live("1000").Members) == 2 })
	if err := clean.Hangup(); err != nil {
		t.Fatal(err)
	}
	s.run("kick", "1000", "--all")

	calls := s.calls(3)
	a, b, x := calls["+4930123456"], calls["bert"], calls["stranger"]
	for _, v := range []callView{a, b} {
		if v.Room != "1000" || v.RoomName != "Room 1000" || v.Dialled != "1000" || v.Role != "participant" || v.From != "guest" || v.Direction != "in" ||
			v.Address != "127.0.0.1" || v.Answered == nil || v.Entered == nil || v.Seconds < 7 || v.Seconds > 120 ||
			v.Received < 300 || v.Sent < 300 || v.Jitter == nil || *v.Jitter > 100 || v.MOS == nil {
			t.Fatalf("call %+v", v)
		}
	}
	if a.Result != "HANGUP" || a.Reason != "the caller hung up" || a.Codec != "PCMA" || a.Lost > a.Received/100 || *a.MOS < 3 || *a.MOS > 4.41 {
		t.Errorf("the call without loss is %+v, MOS %v", a, *a.MOS)
	}
	share := float64(b.Lost) / float64(b.Lost+b.Received)
	if b.Result != "KICKED" || b.Codec != "PCMU" || share < 0.015 || share > 0.1 || *b.Loss < 1.5 || *b.MOS > 4.35 || *b.MOS >= *a.MOS {
		t.Errorf("the call with a loss of 5 %% is %+v, loss %v, MOS %v", b, *b.Loss, *b.MOS)
	}
	if x.Result != "REFUSED" || x.Reason != "404 no room has this number" || x.Dialled != "999" || x.Room != "" || x.Answered != nil || x.MOS != nil {
		t.Errorf("the refused call is %+v", x)
	}
}

func TestServerThatEndsWritesItsLastCalls(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	s.dial("1000", phone.Options{From: "anna"})
	s.wait("a member", 10*time.Second, func() bool { return len(s.live("1000").Members) == 1 })
	s.stop()
	if v := s.calls(1)["anna"]; v.Result != "HANGUP" || v.Reason != "the server is shutting down" || v.Entered == nil {
		t.Errorf("the call is %+v", v)
	}
}

// Another program writes to the database for long, or the disk stands still: it is the same to the server.
func TestDatabaseThatWaitsHoldsNoCallUp(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--guests", "all")
	quiet(s, "1000")
	db, err := sql.Open("sqlite3", dataDir(s.data).database())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	writer, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if _, err := writer.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	const callers = 5
	for i := range callers {
		call := s.dial("1000", phone.Options{From: fmt.Sprint("caller", i)})
		s.wait("a member", 10*time.Second, func() bool { return len(s.live("1000").Members) == 1 })
		if err := call.Hangup(); err != nil {
			t.Fatal(err)
		}
		s.wait("nobody", 10*time.Second, func() bool { return len(s.live("1000").Members) == 0 })
	}
	s.wait("an alarm", 30*time.Second, func() bool { return s.logged("call history cannot be written") > 0 })
	call := s.dial("1000", phone.Options{From: "during"})
	s.wait("a member", 10*time.Second, func() bool { return len(s.live("1000").Members) == 1 })
	if _, err := writer.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(); err != nil {
		t.Fatal(err)
	}
	if calls := s.calls(callers + 1); calls["caller0"].Result != "HANGUP" || calls["during"].Result != "HANGUP" {
		t.Errorf("calls are %+v", calls)
	}
	if n := s.logged("call history cannot be written"); n != 1 {
		t.Errorf("%d alarms, want 1", n)
	}
}

// logged counts the lines of the server's log that hold some words.
func (s *testServer) logged(words string) int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Count(string(text), words)
}
