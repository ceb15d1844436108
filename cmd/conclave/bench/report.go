package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"conclave/mixer"
)

// Report is what a run found. Durations are in ns unless the name says otherwise.
type Report struct {
	Members    int     `json:"members"`
	Rooms      int     `json:"rooms"`
	Talkers    int     `json:"talkers_per_room"`
	Codec      string  `json:"codec"`
	Seconds    float64 `json:"seconds"`
	ServerCPUs []int   `json:"server_cpus"`
	ClientCPUs []int   `json:"client_cpus"`

	Overload *Overload `json:"overload,omitempty"` // where the server was filled: Members are those who are in then

	Joined   int       `json:"joined"`
	JoinTime quantiles `json:"join_ns"` // from INVITE to 200

	Server float64 `json:"server_us_per_participant_second"`
	// After the time measured the floor and the server ran by turns: Floors and Servers are what each window took,
	// each of the server's between two of the floor's. Floor is the median.
	Floor   float64   `json:"floor_us_per_participant_second,omitempty"`
	Floors  []float64 `json:"floors_us_per_participant_second,omitempty"`
	Servers []float64 `json:"servers_us_per_participant_second,omitempty"`
	// Ratio is the median over the windows of the server of what each took in terms of the mean of the floor's two
	// beside it; RatioLow and RatioHigh are the quartiles, Pairs the number of windows.
	Ratio     float64 `json:"ratio,omitempty"`
	RatioLow  float64 `json:"ratio_q1,omitempty"`
	RatioHigh float64 `json:"ratio_q3,omitempty"`
	Pairs     int     `json:"ratio_pairs,omitempty"`

	// Unrecorded and Recorded are what windows of the server took by turns, each of those in which everything was recorded
	// between two without. RecordRatio is the median over them in terms of the mean of the two beside each.
	Unrecorded      []float64 `json:"unrecorded_us_per_participant_second,omitempty"`
	Recorded        []float64 `json:"recorded_us_per_participant_second,omitempty"`
	RecordRatio     float64   `json:"record_ratio,omitempty"`
	RecordRatioLow  float64   `json:"record_ratio_q1,omitempty"`
	RecordRatioHigh float64   `json:"record_ratio_q3,omitempty"`

	// Plain and Encrypted are what windows of the server with encrypted members and of another one with plain members took by
	// turns, and SRTPRatio is as Ratio, of the one in terms of the other.
	SRTP          string    `json:"srtp,omitempty"` // suite
	Plain         []float64 `json:"plain_us_per_participant_second,omitempty"`
	Encrypted     []float64 `json:"encrypted_us_per_participant_second,omitempty"`
	SRTPRatio     float64   `json:"srtp_ratio,omitempty"`
	SRTPRatioLow  float64   `json:"srtp_ratio_q1,omitempty"`
	SRTPRatioHigh float64   `json:"srtp_ratio_q3,omitempty"`

	RSSPerLeg int64 `json:"rss_per_leg_bytes,omitempty"`
	RSS       int64 `json:"rss_bytes"`
	RSSGrowth int64 `json:"rss_growth_bytes"` // in the time measured

	Sent       int64 `json:"sent"`
	Received   int64 `json:"received"`
	Lost       int64 `json:"lost"`        // on the way to the members, by RTP sequence
	Skipped    int64 `json:"skipped"`     // 20 ms that the server left out, by RTP timestamp
	Starved    int   `json:"starved"`     // members that got less than 99 % of what was due
	Refused    int64 `json:"refused"`     // sends that our own kernel did not take
	ServerLost int64 `json:"server_lost"` // on the way to the server, by its RTCP
	Reported   int   `json:"reported"`    // members that had RTCP from the server

	Clockwork  mixer.EngineStats `json:"clockwork"`
	Deviation  quantiles         `json:"arrival_deviation_ns"` // from the 20 ms between packets
	ClientLate quantiles         `json:"client_late_ns"`       // of the callers' own sending
	// ClientMissed is how often the callers missed their turn in the time measured: if it
	// happens the machine is too slow, or busy with other things, for the figures to mean much.
	ClientMissed int64 `json:"client_missed"`

	Hearing     *Hearing    `json:"hearing,omitempty"`
	Delay       *Delay      `json:"delay,omitempty"`
	Visits      Visits      `json:"visits"`
	Registering Registering `json:"registering"`
	Soak        *Soak       `json:"soak,omitempty"`
	Flood       Flood       `json:"flood"`
	Killing     *Killing    `json:"killing,omitempty"`
	Takeover    *Takeover   `json:"takeover,omitempty"`
	Log         string      `json:"server_log,omitempty"` // its warnings
}

func microseconds(d time.Duration) float64 { return math.Round(float64(d)/100) / 10 }

// fill takes what the measurement left behind. The crowd has been stopped.
func (r *Report) fill(b *bench, crowd *crowd, spent cost, empty int64, stats mixer.EngineStats) {
	r.Server = microseconds(spent.perParticipantSecond(b.Members))
	r.RSS, r.RSSGrowth = spent.after, spent.after-spent.before
	if b.CallsPerSecond == 0 && b.Phones == 0 && b.Flood == 0 { // else it is not the members' alone
		r.RSSPerLeg = (spent.after - empty) / int64(b.Members)
	}
	r.Clockwork = stats
	r.ClientLate, r.ClientMissed = crowd.lateness(), crowd.missed()

	due := int64(spent.elapsed / tick)
	var deviations []time.Duration
	for _, c := range crowd.callers {
		r.Sent += c.counts.sent
		r.Received += c.counts.received
		r.Lost += c.counts.lost
		r.Skipped += c.counts.skipped
		r.Refused += c.counts.refused
		if c.active.Load() && c.counts.received < due*99/100 {
			r.Starved++
		}
		if c.lossAfter >= 0 {
			r.Reported++
			r.ServerLost += c.lossAfter - max(0, c.lossBefore)
		}
		if c.ear != nil {
			deviations = append(deviations, c.ear.deviations()...)
		}
	}
	r.Deviation = quantilesOf(deviations)
	switch {
	case b.Delay:
		d := b.delay(crowd.callers)
		r.Delay = &d
	case !b.Fill: // of whom nobody knows beforehand who will be in
		h := b.hearing(crowd.callers)
		r.Hearing = &h
	}
}

// compare takes what the windows of the server and the floor took.
func (r *Report) compare(c comparison) {
	for _, floor := range c.floors {
		r.Floors = append(r.Floors, microseconds(floor))
	}
	for _, server := range c.servers {
		r.Servers = append(r.Servers, microseconds(server))
	}
	r.Floor = quantile(slices.Sorted(slices.Values(r.Floors)), 0.5)
	ratios := c.ratios()
	at := func(share float64) float64 { return math.Round(1000*quantile(ratios, share)) / 1000 }
	r.Ratio, r.RatioLow, r.RatioHigh, r.Pairs = at(0.5), at(0.25), at(0.75), len(ratios)
}

// Write prints the report for people.
func (r *Report) Write(out io.Writer) error {
	var text strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&text, "%-24s"+format+"\n", append([]any{name}, args...)...)
	}
	line("conference", "%d members with %s in %d rooms, %d talkers in each, %g s; server on CPU %v, callers on CPU %v",
		r.Members, strings.ToUpper(r.Codec), r.Rooms, r.Talkers, r.Seconds, r.ServerCPUs, r.ClientCPUs)
	line("calls set up", "%d of %d; INVITE to 200: %v", r.Joined, r.Members, r.JoinTime)
	if r.Takeover != nil {
		r.Takeover.write(line)
	}
	if o := r.Overload; o != nil {
		line("filled", "%d calls taken, then %d refused with 503 at a load of %.0f %%; %d of %d ticks missed meanwhile", o.Taken, o.Refused, 100*o.Load,
			o.Missed, o.Missed+o.Ticks)
		line("load", "%.0f %% of the busiest mixing thread at the end", 100*r.Clockwork.Load)
	}
	if r.Killing != nil {
		r.Killing.write(line)
	}
	if r.Takeover != nil || r.Killing != nil {
		_, err := io.WriteString(out, text.String())
		return err
	}
	line("server CPU", "%.1f us per participant-second", r.Server)
	if r.Floor > 0 {
		line("bare sockets", "%.1f us per participant-second (median of %d windows)", r.Floor, len(r.Floors))
		line("ratio", "%.2f, quartiles %.2f and %.2f (server to bare sockets by turns, %d windows of %v against the two beside each)",
			r.Ratio, r.RatioLow, r.RatioHigh, r.Pairs, counted)
	}
	if r.RecordRatio > 0 {
		line("recording costs", "%+.1f %%, quartiles %+.1f and %+.1f (%d windows of %v with against the two beside each without)",
			100*(r.RecordRatio-1), 100*(r.RecordRatioLow-1), 100*(r.RecordRatioHigh-1), len(r.Recorded), recordWindow)
	}
	if r.SRTPRatio > 0 {
		line("encrypted to plain", "%.2f, quartiles %.2f and %.2f (%s; %d windows of %v against the two beside each of a plain server)",
			r.SRTPRatio, r.SRTPRatioLow, r.SRTPRatioHigh, r.SRTP, len(r.Encrypted), counted)
	}
	line("memory", "%.1f MB, %+.1f MB in the time measured", float64(r.RSS)/1e6, float64(r.RSSGrowth)/1e6)
	if r.RSSPerLeg > 0 {
		line("memory per leg", "%.1f kB", float64(r.RSSPerLeg)/1e3)
	}
	line("packets to members", "%d received, %d lost, %d left out by the server, %d members starved", r.Received, r.Lost, r.Skipped, r.Starved)
	line("packets to server", "%d sent, %d lost (told by RTCP of %d legs), %d not taken by the kernel", r.Sent, r.ServerLost, r.Reported, r.Refused)
	line("server ticks", "%d, late by %v median, %v p99, %v p99.9; %d missed, %d parts late", r.Clockwork.Ticks,
		r.Clockwork.Late50, r.Clockwork.Late99, r.Clockwork.Late999, r.Clockwork.Missed, r.Clockwork.PartsLate)
	line("arrival off 20 ms by", "%v", r.Deviation)
	line("callers sent late by", "%v; %d turns missed", r.ClientLate, r.ClientMissed)
	if h := r.Hearing; h != nil {
		line("tones heard", "%d of %d at %d members, %.1f to %.1f dBFS; own %.1f, of other rooms %.1f",
			h.Heard, h.Tones, h.Ears, h.Weakest, h.Loudest, h.Own, h.Stray)
	}
	if d := r.Delay; d != nil {
		line("delay added", "%v; %d of %d sounds recognised", d.quantiles, d.Count, d.Sounds)
	}
	if v := r.Visits; v.Placed > 0 {
		line("calls beside", "%d placed, %d failed; INVITE to 200: %v", v.Placed, v.Failed, v.Setup)
		if v.Failure != "" {
			line("first failure", "%s", v.Failure)
		}
	}
	if g := r.Registering; g.Placed > 0 {
		line("registrations", "%d placed by %d phones, %d failed, %.0f per second; first REGISTER to 200: %v", g.Placed, g.Phones, g.Failed, g.Rate, g.Took)
		if g.Failure != "" {
			line("first failure", "%s", g.Failure)
		}
		line("after a restart", "%d of %d phones are registered; it took %v", g.Kept, g.Phones, g.Restart.Round(time.Millisecond))
	}
	if r.Soak != nil {
		r.Soak.write(line)
	}
	if f := r.Flood; f.Sent > 0 {
		line("flood from one source", "%d messages sent, %d answers; %.2f octets back for each sent", f.Sent, f.Answers,
			float64(f.BytesIn)/float64(f.BytesOut))
	}
	if r.Log != "" {
		line("server's warnings", "%s", r.Log)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// quantiles are what the report gives of a distribution.
type quantiles struct {
	Median time.Duration `json:"median"`
	P99    time.Duration `json:"p99"`
	P999   time.Duration `json:"p99.9"`
	Max    time.Duration `json:"max"`
	Count  int           `json:"count"`
}

func quantilesOf(values []time.Duration) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	slices.Sort(values)
	at := func(q float64) time.Duration { return values[min(len(values)-1, int(q*float64(len(values))))] }
	return quantiles{at(0.5), at(0.99), at(0.999), values[len(values)-1], len(values)}
}

func (q quantiles) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e6) }
	return fmt.Sprintf("%s ms median, %s p99, %s p99.9, %s max", ms(q.Median), ms(q.P99), ms(q.P999), ms(q.Max))
}
