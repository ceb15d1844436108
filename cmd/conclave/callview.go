package main

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"conclave/media"
	"conclave/sip"
	"conclave/store"
)

// callView is a call as it is printed.
type callView struct {
	ID        string     `json:"id"`
	Direction string     `json:"direction"` // in or out
	Dialled   string     `json:"dialled"`
	Room      string     `json:"room,omitempty"` // extension; empty: no room was reached
	RoomName  string     `json:"room_name,omitempty"`
	Caller    string     `json:"caller"`
	Name      string     `json:"name"`
	Address   string     `json:"address"`
	From      string     `json:"from"`           // guest, phone EXT or trunk NAME
	Role      string     `json:"role,omitempty"` // participant or moderator; empty: did not get in
	Started   time.Time  `json:"started"`
	Answered  *time.Time `json:"answered,omitempty"`
	Entered   *time.Time `json:"entered,omitempty"` // became a member
	Ended     time.Time  `json:"ended"`
	Seconds   float64    `json:"lasted_s"` // from the answer on
	Result    string     `json:"result"`
	Reason    string     `json:"reason"`
	Codec     string     `json:"codec,omitempty"`
	SRTP      string     `json:"encryption,omitempty"` // suite; empty: plain
	Received  uint64     `json:"packets_received"`
	Lost      uint64     `json:"packets_lost"`
	Late      uint64     `json:"packets_late"`
	Sent      uint64     `json:"packets_sent"`
	Loss      *float64   `json:"loss_percent,omitempty"` // of lost and late packets; nothing: none were to come
	Jitter    *float64   `json:"jitter_ms,omitempty"`
	Delay     *float64   `json:"delay_ms,omitempty"`
	RoundTrip *float64   `json:"round_trip_ms,omitempty"`
	FarLoss   *float64   `json:"far_loss_percent,omitempty"`
	MOS       *float64   `json:"mos,omitempty"`
	Scale     string     `json:"mos_scale,omitempty"` // narrow or wide
	Rating    *float64   `json:"rating,omitempty"`    // R, up to 93 for a telephone, 129 for wide band
}

// viewCall masks the numbers of a call, unless they are to be shown.
func viewCall(c store.Call, show bool) callView {
	v := callView{
		ID: c.ID, Direction: string(c.Direction), Dialled: c.Dialled, Room: c.Room, RoomName: c.RoomName,
		Caller: c.Number, Name: c.Name, Address: c.Address, From: provenAs(c), Role: c.Role,
		Started: c.Started, Answered: known(c.Answered), Entered: known(c.Entered), Ended: c.Ended,
		Result: c.Result, Reason: c.Reason,
		Codec: c.Codec, SRTP: c.Encryption, Received: c.Received, Lost: c.Lost, Late: c.Late, Sent: c.Sent, FarLoss: rounded(c.FarLoss),
	}
	if !c.Answered.IsZero() {
		v.Seconds = c.Ended.Sub(c.Answered).Seconds()
	}
	if expected := c.Received + c.Lost; expected > 0 {
		loss := 100 * float64(c.Lost+min(c.Late, c.Received)) / float64(expected)
		v.Loss, v.Jitter, v.Delay = rounded(&loss), rounded(&c.Jitter), rounded(&c.Delay)
	}
	if c.RoundTrip > 0 {
		v.RoundTrip = rounded(&c.RoundTrip)
	}
	if c.MOS > 0 {
		v.MOS, v.Scale, v.Rating = rounded(&c.MOS), c.Scale, rounded(c.Rating)
	}
	if !show {
		v.Caller, v.Name = sip.Mask(v.Caller), sip.Mask(v.Name)
		if c.Direction == store.CallOut {
			v.Dialled = sip.Mask(v.Dialled)
		}
	}
	return v
}

// provenAs says what the far end has proven to be.
func provenAs(c store.Call) string {
	switch {
	case c.Phone != "":
		return "phone " + c.Phone
	case c.Trunk != "":
		return "trunk " + c.Trunk
	}
	return "guest"
}

// cells are the columns of the table.
func (v callView) cells() []string {
	room := cmp.Or(v.Room, v.Dialled)
	if v.Direction == string(store.CallOut) && v.Room == "" {
		room = ""
	}
	lasted := ""
	if v.Answered != nil {
		lasted = lasting(int(v.Seconds))
	}
	return []string{v.Started.Local().Format(time.DateTime), room, v.Caller, v.Name, v.From, v.Role, lasted, v.Result, coding(v.Codec, v.SRTP),
		figure("%.1f %%", v.Loss), figure("%.1f ms", v.Jitter), v.mos(), v.Reason}
}

// mos is the mean opinion score, with its scale where that is not the telephone's.
func (v callView) mos() string {
	if v.Scale == string(media.WideScale) {
		return figure("%.1f wide", v.MOS)
	}
	return figure("%.1f", v.MOS)
}

// callFields are the columns of CSV.
var callFields = []string{"started", "answered", "entered", "ended", "lasted_s", "direction", "room", "room_name", "dialled", "caller", "name",
	"from", "address", "role", "result", "reason", "codec", "encryption", "packets_received", "packets_lost", "packets_late", "packets_sent",
	"loss_percent", "jitter_ms", "delay_ms", "round_trip_ms", "far_loss_percent", "mos", "mos_scale", "rating", "id"}

// fields are the cells of callFields.
func (v callView) fields() []string {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return []string{stamp(&v.Started), stamp(v.Answered), stamp(v.Entered), stamp(&v.Ended), fmt.Sprintf("%.1f", v.Seconds), v.Direction,
		v.Room, v.RoomName, v.Dialled, v.Caller, v.Name, v.From, v.Address, v.Role, v.Result, v.Reason, v.Codec, v.SRTP,
		number(v.Received), number(v.Lost), number(v.Late), number(v.Sent), figure("%.2f", v.Loss), figure("%.2f", v.Jitter),
		figure("%.2f", v.Delay), figure("%.2f", v.RoundTrip), figure("%.2f", v.FarLoss), figure("%.2f", v.MOS), v.Scale, figure("%.1f", v.Rating), v.ID}
}

// stamp is a time that spreadsheets read, in the zone of the machine; empty for what did not happen.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

// figure is empty for what is not known.
func figure(format string, v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(format, *v)
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// rounded keeps two places of a figure.
func rounded(v *float64) *float64 {
	if v == nil {
		return nil
	}
	r := math.Round(*v*100) / 100
	return &r
}
