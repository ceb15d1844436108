package rooms

import (
	"slices"
	"strings"
	"time"

	"conclave/media"
	"conclave/mixer"
)

// Conference is what goes on in a room, at one moment.
type Conference struct {
	Extension string    `json:"extension"`
	Name      string    `json:"name"`
	Since     time.Time `json:"since"` // when its first member came
	Locked    bool      `json:"locked"`
	// State is the phase as ConfBridge names it: inactive, single, single_marked, multi or multi_marked.
	State   string   `json:"state"`
	Members []Member `json:"members"` // in the order in which they came
	// Recording is what is being recorded; nil: nothing.
	Recording *Recording `json:"recording,omitempty"`
}

// Member is one of a Conference. Caller and Name come from the network and may hold anything.
type Member struct {
	ID     int       `json:"id"` // from 1, in the order of arrival; what mute and kick take
	Call   string    `json:"call"`
	Caller string    `json:"caller"`
	Name   string    `json:"name"`
	Since  time.Time `json:"since"`
	Codec  string    `json:"codec"`
	Rate   int       `json:"rate_hz"` // of the audio that is decoded and coded: what codec and room allow
	// Encryption is the suite of SRTP that the audio is encrypted by; empty: it is not.
	Encryption string `json:"encryption,omitempty"`
	// Level is that of the last half second in dBFS, -127 (digital silence) to 0, as it came from the phone.
	Level float64 `json:"level_dbfs"`
	// Gain is what the others hear the member's talk louder by than it came, by the room's option agc: -12 to 12 dB.
	Gain    float64 `json:"gain_db"`
	Talking bool    `json:"talking"`
	Muted   bool    `json:"muted"`
	// MutedBy is "moderator" if a moderator or an operator has muted the member, "self" if only he himself has or the
	// room's option startmuted, and empty if he is not muted.
	MutedBy   string     `json:"muted_by,omitempty"`
	TalkTime  float64    `json:"talked_s"`   // how long he has talked, in seconds
	Talks     []TalkSpan `json:"talks"`      // when he has talked in the last minutes
	Role      string     `json:"role"`       // participant or moderator
	Marked    bool       `json:"marked"`     // is a leader
	EndMarked bool       `json:"end_marked"` // goes with the last leader, or with any
	Waiting   bool       `json:"waiting"`    // for a leader, outside the mix
	Entered   bool       `json:"entered"`    // is in the mix
	Music     bool       `json:"music"`      // is given hold music
	Held      bool       `json:"held"`       // his phone has put the conference on hold
	// LossPercent is the share of the packets from the caller that did not arrive.
	LossPercent float64 `json:"loss_percent"`
	Jitter      float64 `json:"jitter_ms"` // of arrival, RFC 3550 6.4.1
	Delay       float64 `json:"delay_ms"`  // that the jitter buffer adds
}

// silence is the lowest level there is (RFC 6465 3.1), where the logarithm has none.
const silence = -127

// Live tells what goes on in all rooms that have a member, by extension.
func (h *House) Live() []Conference {
	type place struct {
		room       Room
		conference *conference
	}
	h.mu.Lock()
	places := make([]place, 0, len(h.live))
	for _, c := range h.live {
		places = append(places, place{c.room, c})
	}
	h.mu.Unlock()

	live := make([]Conference, 0, len(places))
	for _, p := range places {
		shown := p.conference.live()
		if len(shown.Members) == 0 {
			continue
		}
		shown.Extension, shown.Name = p.room.Extension, p.room.Name
		live = append(live, shown)
	}
	slices.SortFunc(live, func(a, b Conference) int {
		return strings.Compare(a.Extension, b.Extension)
	})
	return live
}

// live joins what the rules know of the members with what the mixer measures of their legs.
// The lock is not held while the mixer is waited for.
func (c *conference) live() Conference {
	now := time.Now()
	c.mu.Lock()
	shown := Conference{Since: c.since, Locked: c.locked, State: string(c.crowd().phase()), Recording: c.tape.live(),
		Members: make([]Member, len(c.members))}
	place := make(map[*mixer.Seat]int, len(c.members))
	for i, m := range c.members {
		caller := m.call.Caller()
		shown.Members[i] = Member{
			ID:        m.number,
			Call:      m.call.ID(),
			Caller:    caller.Number,
			Name:      caller.Name,
			Since:     m.since,
			Level:     silence,
			Muted:     m.muted.any(),
			MutedBy:   m.muted.by(),
			Role:      m.roleName(),
			Marked:    m.role.marked,
			EndMarked: m.role.endMarked || m.role.endMarkedAny,
			Waiting:   m.waiting,
			Music:     m.music,
			Held:      m.held.Load(),
			Talks:     m.talk.spans(now),
		}
		place[m.seat] = i
	}
	c.mu.Unlock()

	for _, stats := range c.mix.Snapshot() {
		i, ok := place[stats.Seat]
		if !ok {
			continue // still at the door
		}
		m := &shown.Members[i]
		m.Codec, m.Rate = stats.Codec, stats.Rate
		m.Encryption = stats.Leg.Suite.String()
		m.Level = max(stats.Level, silence)
		m.Gain = stats.Gain
		m.Talking = stats.Talking
		m.TalkTime = stats.TalkTime.Seconds()
		m.Entered = stats.Entered
		m.LossPercent = lossPercent(stats.Leg)
		m.Jitter = milliseconds(time.Duration(stats.Leg.Jitter))
		m.Delay = milliseconds(stats.Delay)
	}
	return shown
}

func lossPercent(leg media.Stats) float64 {
	if leg.Lost == 0 {
		return 0
	}
	return 100 * float64(leg.Lost) / float64(leg.Lost+leg.Received)
}

func milliseconds(d time.Duration) float64 {
	return float64(d) / float64(time.Millisecond)
}
