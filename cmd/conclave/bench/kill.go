package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"conclave/rooms"
	"conclave/sip/phone"
	"conclave/store"
)

// Killing is what became of calls and of what operators were told when the server was killed again and again, at random
// moments, while calls came and went.
type Killing struct {
	Kills   int       `json:"kills"`
	Restart quantiles `json:"restart_ns"` // from the start of the program until it was ready
	Legs    int       `json:"legs"`       // members, at each kill
	Heard   int       `json:"heard"`      // of them: talkers were heard within 3 s of the start of the program
	// HeardAtLast are those that heard talkers within 30 s.
	HeardAtLast int       `json:"heard_at_last"`
	Audio       quantiles `json:"audio_ns"` // from the start of the program until that, of those
	// Outage is from the kill until talkers were heard again, of the same.
	Outage quantiles `json:"outage_ns"`
	Gone   int       `json:"gone"` // members that were not in their room any more, or not as they were
	Orders int       `json:"orders_acknowledged"`
	// Lost are acknowledged orders that the server did not know any more.
	Lost   int    `json:"orders_lost"`
	First  string `json:"first_loss,omitempty"`
	Beside int    `json:"calls_beside"` // that were answered

	audio, outage, restart []time.Duration
}

const (
	// hearWithin is when a leg has to hear the others again.
	hearWithin = 3 * time.Second
	// waitToHear is how long it is waited for.
	waitToHear = 30 * time.Second
	// killAfter bounds the time from the last look to the next kill.
	killAfter = 2 * time.Second
	// orderPause is between two orders of the operator.
	orderPause = 20 * time.Millisecond
)

// kill kills the server as the kernel would.
func (s *serverProcess) kill() error {
	if err := s.command.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	_ = s.command.Wait() // it says that it was killed
	s.command = nil
	return nil
}

// killing is a run of kills.
type killing struct {
	*bench
	server  *serverProcess
	callers []*caller
	report  *Killing
	numbers map[string]int // of members in their rooms, by caller
	book    orderBook
}

// killings kills the server Kills times and looks each time what has become of everything.
func (b *bench) killings(ctx context.Context, ph *phone.Phone, server *serverProcess, callers []*caller) (_ *Killing, err error) {
	k := &killing{bench: b, server: server, callers: callers, report: &Killing{Kills: b.Kills}}
	if k.numbers, err = k.members(ctx); err != nil {
		return nil, err
	}
	if len(k.numbers) != b.Members {
		return nil, fmt.Errorf("%d of %d members are in their rooms before the first kill", len(k.numbers), b.Members)
	}
	k.book.muted = make(map[string]bool)
	beside, stop := context.WithCancel(ctx)
	var visitors sync.WaitGroup
	visitors.Go(func() { k.visit(beside, ph) })
	defer func() { stop(); visitors.Wait() }()
	for n := range b.Kills {
		if err := k.once(ctx, n); err != nil {
			return nil, fmt.Errorf("kill %d: %w; the server's log:\n%s", n+1, err, server.logged())
		}
	}
	r := k.report
	r.Restart, r.Audio, r.Outage = quantilesOf(r.restart), quantilesOf(r.audio), quantilesOf(r.outage)
	r.Orders = k.book.acknowledged
	return r, nil
}

// once gives orders until the server is killed, has it started again and looks.
func (k *killing) once(ctx context.Context, n int) error {
	ordering, stop := context.WithCancel(ctx)
	var operator sync.WaitGroup
	var orderErr error
	operator.Go(func() { orderErr = k.orders(ordering, n) })
	err := pause(ctx, rand.N(killAfter))
	killed := time.Now()
	err = errors.Join(err, k.server.kill())
	stop()
	operator.Wait()
	if err := errors.Join(err, orderErr); err != nil {
		return err
	}
	if err := pause(ctx, 3*tick); err != nil { // what the dead one has sent is read by then
		return err
	}
	for _, c := range k.callers {
		c.heardAt.Store(0)
	}
	began := time.Now()
	if err := k.server.start(); err != nil {
		return err
	}
	k.report.restart = append(k.report.restart, time.Since(began))
	for time.Since(began) < waitToHear && !k.allHear() {
		if err := pause(ctx, tick); err != nil {
			return err
		}
	}
	for _, c := range k.callers {
		k.report.Legs++
		at := c.heardAt.Load()
		if at != 0 {
			k.report.HeardAtLast++
		}
		if at != 0 && at-k.clock.at(began) <= int64(hearWithin) {
			k.report.Heard++
			k.report.audio = append(k.report.audio, time.Duration(at-k.clock.at(began)))
			k.report.outage = append(k.report.outage, time.Duration(at-k.clock.at(killed)))
		}
	}
	// The re-INVITEs are through, of which each has had its time.
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	return k.look(ctx)
}

func (k *killing) allHear() bool {
	for _, c := range k.callers {
		if c.heardAt.Load() == 0 {
			return false
		}
	}
	return true
}

// members are the numbers of all members, by caller.
func (k *killing) members(ctx context.Context) (map[string]int, error) {
	live, err := k.live(ctx)
	if err != nil {
		return nil, err
	}
	numbers := make(map[string]int)
	for caller, m := range live {
		numbers[caller] = m.ID
	}
	return numbers, nil
}

// live are the members of all rooms but that of the visitors, by caller.
func (k *killing) live(ctx context.Context) (map[string]rooms.Member, error) {
	var live []rooms.Conference
	if err := k.server.ask(ctx, http.MethodGet, "/v1/live", &live); err != nil {
		return nil, err
	}
	members := make(map[string]rooms.Member)
	for _, c := range live {
		if c.Extension == extension(k.Rooms) {
			continue
		}
		for _, m := range c.Members {
			members[m.Caller] = m
		}
	}
	return members, nil
}

// look compares what the server knows with what was acknowledged.
func (k *killing) look(ctx context.Context) error {
	live, err := k.live(ctx)
	if err != nil {
		return err
	}
	for caller, number := range k.numbers {
		if m, there := live[caller]; !there || m.ID != number {
			k.report.Gone++
		}
	}
	for caller, muted := range k.book.muted {
		if m, there := live[caller]; there && m.Muted != muted {
			k.lost("member %d, %s: muted is %v, acknowledged was %v", m.ID, caller, m.Muted, muted)
			k.book.muted[caller] = m.Muted
		}
	}
	db, err := store.Open(ctx, filepath.Join(k.server.data, "conclave.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	stored, err := db.Rooms(ctx)
	if err != nil {
		return err
	}
	there := make(map[string]bool)
	for _, room := range stored {
		there[room.Extension] = true
	}
	for _, room := range k.book.rooms {
		if !there[room] {
			k.lost("room %s", room)
		}
	}
	phones, err := db.Phones(ctx)
	if err != nil {
		return err
	}
	clear(there)
	for _, p := range phones {
		there[p.Extension] = true
	}
	for _, p := range k.book.phones {
		if !there[p] {
			k.lost("phone %s", p)
		}
	}
	return nil
}

func (k *killing) lost(format string, args ...any) {
	k.report.Lost++
	if k.report.First == "" {
		k.report.First = fmt.Sprintf(format, args...)
	}
}

// orderBook is what the operator was told is done.
type orderBook struct {
	acknowledged int
	muted        map[string]bool // members by caller; without whom an order was under way when the server was killed
	rooms        []string
	phones       []string
}

// orders mutes members who do not talk, or lets them be heard again, and adds a room and a phone now and then, until ctx ends
// or the server does not answer any more.
func (k *killing) orders(ctx context.Context, kill int) error {
	db, err := store.Open(ctx, filepath.Join(k.server.data, "conclave.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	for n := 0; pause(ctx, orderPause) == nil; n++ {
		if n%10 == 5 {
			number := strconv.Itoa(200000 + 1000*kill + n)
			if err := db.AddRoom(ctx, store.Room{Extension: number, Name: "bench"}); err == nil {
				k.book.rooms = append(k.book.rooms, number)
				k.book.acknowledged++
			}
			number = strconv.Itoa(800000 + 1000*kill + n)
			if err := db.AddPhone(ctx, store.Phone{Extension: number, Name: "bench", RingTime: 30 * time.Second}); err == nil {
				k.book.phones = append(k.book.phones, number)
				k.book.acknowledged++
			}
			continue
		}
		i := rand.IntN(len(k.callers))
		if i/k.Rooms < k.Talkers {
			continue
		}
		caller, err := k.callers[i].name()
		if err != nil {
			return err
		}
		order, mute := "mute", !k.book.muted[caller]
		if !mute {
			order = "unmute"
		}
		path := fmt.Sprintf("/v1/rooms/%s/members/%d/%s", extension(i%k.Rooms), k.numbers[caller], order)
		if err := k.server.ask(ctx, http.MethodPost, path, nil); err != nil {
			delete(k.book.muted, caller)
			continue
		}
		k.book.muted[caller] = mute
		k.book.acknowledged++
	}
	return nil
}

// visit places CallsPerSecond calls to a room of their own until ctx ends. Those that a kill is in need not come to anything.
func (k *killing) visit(ctx context.Context, ph *phone.Phone) {
	if k.CallsPerSecond == 0 {
		return
	}
	sink, err := openSocket()
	if err != nil {
		return
	}
	defer sink.close()
	media, err := sink.address()
	if err != nil {
		return
	}
	var calls sync.WaitGroup
	defer calls.Wait()
	var mu sync.Mutex // over the count
	for pause(ctx, time.Second/time.Duration(k.CallsPerSecond)) == nil {
		calls.Go(func() {
			dialling, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			call, err := ph.Dial(dialling, k.server.sip, extension(k.Rooms), phone.Options{Media: media})
			if err != nil {
				return
			}
			mu.Lock()
			k.report.Beside++
			mu.Unlock()
			_ = pause(ctx, visit)
			_ = call.Hangup()
		})
	}
}

// write prints what was found.
func (k *Killing) write(line func(name, format string, args ...any)) {
	line("kills", "%d; the server was ready again in %v", k.Kills, k.Restart)
	line("legs that heard again", "%d of %d within %v of the start (%.2f %%), %d at last; %v", k.Heard, k.Legs, hearWithin,
		100*float64(k.Heard)/float64(max(1, k.Legs)), k.HeardAtLast, k.Audio)
	line("heard nothing for", "%v", k.Outage)
	line("members not as before", "%d", k.Gone)
	line("orders acknowledged", "%d, of which %d were lost; %d calls were answered beside", k.Orders, k.Lost, k.Beside)
	if k.First != "" {
		line("first loss", "%s", k.First)
	}
}

// Err says what was lost that must not be.
func (k *Killing) Err() error {
	const share = 95 // percent
	switch {
	case k.Lost > 0:
		return fmt.Errorf("%d acknowledged orders were lost, the first: %s", k.Lost, k.First)
	case 100*k.Heard < share*k.Legs:
		return fmt.Errorf("%d of %d legs heard the others within %v of a restart; %d %% is right", k.Heard, k.Legs, hearWithin, share)
	case 100*k.Gone > (100-share)*k.Legs:
		return fmt.Errorf("%d of %d members were not in their room as before", k.Gone, k.Legs)
	}
	return nil
}
