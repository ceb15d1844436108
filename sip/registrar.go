package sip

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/store"
)

// maxContacts bounds the places where one phone has registered.
const maxContacts = 10

// registrar is what is known of phones: who they are, and where they can be reached now. What it says is read from
// memory; what changes is written to the database by a goroutine of its own, keep.
type registrar struct {
	log   *slog.Logger
	db    *store.DB // nil: nothing outlives the process
	every time.Duration

	mu       sync.Mutex
	phones   map[string]store.Phone
	bindings map[string][]binding     // by extension, what has registered last comes first
	streams  map[sipgo.Connection]int // of the bindings that are reached over TCP, how many
	unsaved  map[bindingKey]bool
}

type bindingKey struct{ extension, id string }

func newRegistrar(log *slog.Logger, db *store.DB, every time.Duration) *registrar {
	return &registrar{
		log:      log,
		db:       db,
		every:    every,
		phones:   make(map[string]store.Phone),
		bindings: make(map[string][]binding),
		streams:  make(map[sipgo.Connection]int),
		unsaved:  make(map[bindingKey]bool),
	}
}

// SetPhones makes the phones those that there are. Whoever is gone, or has another password now, is registered nowhere
// any more.
func (s *Server) SetPhones(phones []store.Phone) {
	defer s.changed()
	r := s.registrar
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.phones
	r.phones = make(map[string]store.Phone, len(phones))
	for _, p := range phones {
		r.phones[p.Extension] = p
	}
	for extension := range r.bindings {
		old, now := before[extension], r.phones[extension]
		if old.MD5 != now.MD5 || old.SHA256 != now.SHA256 {
			r.replace(extension, nil)
		}
	}
}

// restore takes over what the last process knew, where nothing has come in its place meanwhile.
func (s *Server) restore(bindings []store.Binding) {
	r := s.registrar
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, stored := range bindings {
		b, ok := s.restored(stored)
		list := r.bindings[stored.Phone]
		_, known := r.phones[stored.Phone]
		if !ok || !known || slices.ContainsFunc(list, func(have binding) bool { return have.id == b.id }) {
			continue
		}
		b.health.due = within(r.every)
		r.bindings[stored.Phone] = append(list, b)
		n++
	}
	if n > 0 {
		s.log.Info("registrations loaded", "count", n)
	}
}

// empty tells that there are no phones.
func (r *registrar) empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.phones) == 0
}

// phone is the phone with the extension.
func (r *registrar) phone(extension string) (phone store.Phone, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	phone, ok = r.phones[extension]
	return phone, ok
}

func (r *registrar) digestsOf(extension string) (Digests, bool) {
	phone, ok := r.phone(extension)
	return Digests{MD5: phone.MD5, SHA256: phone.SHA256}, ok
}

// registeredAt tells whether a phone has registered from an address.
func (r *registrar) registeredAt(extension string, from netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	return slices.ContainsFunc(r.bindings[extension], func(b binding) bool {
		return b.peer.Remote.Addr() == from && b.expires.After(now)
	})
}

// contacts is where a phone can be called now, what has registered last first and what does not answer last.
func (s *Server) contacts(extension string) []contact {
	r := s.registrar
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var live []binding
	for _, b := range r.bindings[extension] {
		if b.expires.After(now) {
			live = append(live, b)
		}
	}
	slices.SortStableFunc(live, func(a, b binding) int { return cmp.Compare(a.health.lost, b.health.lost) })
	contacts := make([]contact, 0, len(live))
	for _, b := range live {
		contacts = append(contacts, contact{target: *b.contact.Clone(), peer: b.peer, routes: slices.Clone(b.paths)})
	}
	return contacts
}

// registerRequest is what a REGISTER asks for.
type registerRequest struct {
	contacts []binding // what is to be; expired: what is to go
	all      bool      // all is to go (Contact: *)
	callID   string
	seq      uint32
}

// register does all that is asked for, or nothing and returns an error: ErrSequence, errContacts or errNoPhone. It
// returns where the phone is registered then.
func (r *registrar) register(extension string, asked registerRequest) ([]binding, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.phones[extension]; !ok {
		return nil, errNoPhone
	}
	now := time.Now()
	old := slices.DeleteFunc(slices.Clone(r.bindings[extension]), func(b binding) bool { return !b.expires.After(now) })
	for _, b := range old {
		touched := asked.all || slices.ContainsFunc(asked.contacts, func(c binding) bool { return c.id == b.id })
		if touched && b.callID == asked.callID && asked.seq <= b.seq {
			// RFC 3261 10.3, 6 and 7: it was overtaken by a later one.
			return nil, fmt.Errorf("%w: %d after %d", ErrSequence, asked.seq, b.seq)
		}
	}
	var next []binding
	if !asked.all {
		next = old
	}
	for _, c := range asked.contacts {
		i := slices.IndexFunc(next, func(b binding) bool { return b.id == c.id })
		if i >= 0 {
			if next[i].peer.Remote == c.peer.Remote && next[i].peer.Transport == c.peer.Transport {
				c.health = next[i].health
			}
			next = slices.Delete(next, i, i+1)
		}
		if c.expires.After(now) {
			c.health.seen = now
			if c.health.due.IsZero() {
				c.health.due = within(r.every / 10)
			}
			next = slices.Insert(next, 0, c)
		}
	}
	next, ok := thin(next)
	if !ok {
		return nil, errContacts
	}
	r.replace(extension, next)
	return slices.Clone(next), nil
}

// isKnownAs tells whether a name, in lower case, is one that a phone knows this server by, where it has registered.
func (r *registrar) isKnownAs(extension, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.bindings[extension], func(b binding) bool { return b.domain == name })
}

// thin makes room where there are too many bindings: those that do not answer go, the oldest first.
func thin(list []binding) ([]binding, bool) {
	for i := len(list) - 1; i >= 0 && len(list) > maxContacts; i-- {
		if list[i].health.lost > 0 {
			list = slices.Delete(list, i, i+1)
		}
	}
	return list, len(list) <= maxContacts
}

// replace puts a phone's bindings in place of those it has; it has the lock held. A TCP connection is kept open for as
// long as a binding needs it.
func (r *registrar) replace(extension string, next []binding) {
	old := r.bindings[extension]
	for _, b := range next {
		if !b.lasts() {
			r.streams[b.peer.Conn]++
			b.peer.Conn.Ref(1)
		}
	}
	for _, b := range old {
		if !b.lasts() {
			if r.streams[b.peer.Conn]--; r.streams[b.peer.Conn] == 0 {
				delete(r.streams, b.peer.Conn)
			}
			b.peer.Conn.Ref(-1)
		}
	}
	for _, b := range slices.Concat(old, next) {
		r.unsaved[bindingKey{extension, b.id}] = true
	}
	if len(next) == 0 {
		delete(r.bindings, extension)
	} else {
		r.bindings[extension] = next
	}
}

// closed drops the bindings of a connection that is gone.
func (r *registrar) closed(conn sipgo.Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams[conn] == 0 {
		return
	}
	r.prune(func(b binding) bool { return b.peer.Conn == conn })
}

// prune drops the bindings that are over; it has the lock held.
func (r *registrar) prune(over func(binding) bool) {
	for extension, list := range r.bindings {
		if slices.ContainsFunc(list, over) {
			r.replace(extension, slices.DeleteFunc(slices.Clone(list), over))
		}
	}
}
