package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"conclave/sip/wire"
	"conclave/store"
)

var errTrunkOffline = errors.New("the trunk's peer cannot be reached")

// trunks are all trunks of a server.
type trunks struct {
	list    atomic.Pointer[[]*trunk] // sorted by name
	running sync.WaitGroup

	changing sync.Mutex // held while the list is replaced
	closed   bool
	stored   map[string]store.Trunk // what each of the list was made of
	latest   map[string]*trunk      // by name, those that were taken off the list, too
}

// all is the list of now.
func (l *trunks) all() []*trunk {
	if list := l.list.Load(); list != nil {
		return *list
	}
	return nil
}

func (l *trunks) find(name string) *trunk {
	for _, t := range l.all() {
		if t.name == name {
			return t
		}
	}
	return nil
}

// SetTrunks makes these the server's trunks, in place of those there are. One that has not changed goes on undisturbed; one
// that is gone or has changed takes its registration back. It does not wait for anything of the network. The error names
// trunks that cannot be served as they are configured; all others are.
func (s *Server) SetTrunks(stored []store.Trunk) error {
	defer s.changed() // rooms may be others, too: both are read anew together
	l := &s.trunks
	l.changing.Lock()
	defer l.changing.Unlock()
	if l.closed {
		return nil
	}
	var list []*trunk
	var errs []error
	made := make(map[string]store.Trunk)
	old := make(map[string]*trunk)
	for _, t := range l.all() {
		old[t.name] = t
	}
	for _, wanted := range stored {
		wanted.Created, wanted.Changed = time.Time{}, time.Time{}
		config, err := newTrunkConfig(wanted)
		if err != nil {
			errs = append(errs, fmt.Errorf("trunk %s is not served: %w", wanted.Name, err))
			continue
		}
		made[wanted.Name] = wanted
		t := old[wanted.Name]
		if t != nil && reflect.DeepEqual(l.stored[wanted.Name], wanted) {
			delete(old, wanted.Name)
		} else {
			t = s.startTrunk(config)
		}
		list = append(list, t)
	}
	l.stored = made
	l.list.Store(&list)
	for _, t := range old {
		t.cancel()
	}
	return errors.Join(errs...)
}

// startTrunk starts the work for a trunk, which follows that for the one that had its name before.
func (s *Server) startTrunk(config trunkConfig) *trunk {
	l := &s.trunks
	t, before := newTrunk(s, config), l.latest[config.name]
	var ctx context.Context
	ctx, t.cancel = context.WithCancel(context.Background())
	l.running.Go(func() { t.run(ctx, before) })
	if l.latest == nil {
		l.latest = make(map[string]*trunk)
	}
	l.latest[config.name] = t
	return t
}

// closeTrunks takes registrations back and ends the work for all trunks; who they are stays known.
func (s *Server) closeTrunks() {
	l := &s.trunks
	l.changing.Lock()
	l.closed = true
	l.changing.Unlock()
	for _, t := range l.all() {
		t.cancel()
	}
	l.running.Wait()
}

// Trunks is what is known of all trunks, sorted as they were set.
func (s *Server) Trunks() []TrunkState {
	states := []TrunkState{}
	for _, t := range s.trunks.all() {
		states = append(states, t.state())
	}
	return states
}

// trunkOf tells over which trunk a request came: the one whose peer has the address, or whose networks hold it. Of
// several, as two accounts with one carrier are, it is the one that the number belongs to, else the first.
//
// Who shows a trunk's user and password instead is known by trunkAccount.
func (s *Server) trunkOf(req *sipgo.Request, peer wire.Peer) (name string, ok bool) {
	address := peer.Remote.Addr().Unmap().WithZone("")
	for _, t := range s.trunks.all() {
		if !t.knows(address) {
			continue
		}
		if t.dialled(req) != nil {
			return t.name, true
		}
		if name == "" {
			name = t.name
		}
	}
	return name, name != ""
}

// trunkAccount is the trunk with a user, and the credentials that a digest of that user is checked against.
func (s *Server) trunkAccount(user string) (name string, c credentials, ok bool) {
	for _, t := range s.trunks.all() {
		if user != "" && t.secret.user == user {
			return t.name, t.secret, true
		}
	}
	return "", credentials{}, false
}

// accountDialled tells whether the number of a request is no extension, but behind a DID block of a trunk that may prove
// who it is by its user and password.
func (s *Server) accountDialled(req *sipgo.Request) bool {
	return !s.exists(unescape(req.Recipient.User)) && slices.ContainsFunc(s.trunks.all(), func(t *trunk) bool { return t.secret.user != "" && t.dialled(req) != nil })
}

// trunkNetworks are those that the audio of a call may come from, whatever its session description says: of the trunk that it goes
// over, or else, where the call of a phone is signalled from the peer of a trunk, of that one. So a phone behind a proxy is heard, whose
// address the proxy does not tell. nil: there are none.
func (s *Server) trunkNetworks(name string, signalling netip.Addr) []netip.Prefix {
	if t := s.trunks.find(name); t != nil {
		return t.allow
	}
	for _, t := range s.trunks.all() {
		if t.isAt(signalling.Unmap().WithZone("")) {
			return t.allow
		}
	}
	return nil
}

// contacts is where a call to a number goes over the trunk: to its peer's addresses in the order in which they are to
// be tried, dead ones last. It waits for nothing; the error is errTrunkOffline with the reason, where the host does not
// resolve or no connection is open.
func (t *trunk) contacts(number string) ([]contact, error) {
	var contacts []contact
	for _, target := range t.inOrder() {
		if target.peer.Conn != nil {
			contacts = append(contacts, contact{target: t.uri(number), peer: target.peer, trunk: t, server: "trunk " + t.name})
		}
	}
	if len(contacts) == 0 {
		return nil, fmt.Errorf("trunk %s: %w: %s", t.name, errTrunkOffline, t.trouble())
	}
	return contacts, nil
}

// trouble says why there is no way to the peer.
func (t *trunk) trouble() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, target := range t.targets {
		if target.failure != "" {
			return target.address.String() + ": " + target.failure
		}
	}
	if t.unresolved != "" {
		return t.unresolved
	}
	return "it has not been asked yet"
}

// family is the one of the listeners for a transport, "ip" where they are of both.
func (s *Server) family(transport string) string {
	families := make(map[string]bool)
	for _, l := range s.listeners {
		if strings.EqualFold(l.Transport(), transport) {
			families["ip4"] = families["ip4"] || l.Addr().Addr().Is4()
			families["ip6"] = families["ip6"] || l.Addr().Addr().Is6()
		}
	}
	switch {
	case families["ip4"] && !families["ip6"]:
		return "ip4"
	case families["ip6"] && !families["ip4"]:
		return "ip6"
	}
	return "ip"
}
