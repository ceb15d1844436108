package rooms

import (
	"slices"
	"time"
)

// keyPause is how long the next key of a sequence may take.
const keyPause = time.Second

// menuKeys makes actions of the keys that a member presses. The longest sequence that the menu has wins: as long as a
// longer one may come, keys wait for it for keyPause.
//
// A prompt of playback_and_continue leaves its sequence open until it has ended. A key during it cuts it and may
// lengthen the sequence ("*" speaks the menu, "*1" is in it), as in ConfBridge. Here the key is taken by itself where
// no longer sequence begins so, so that a menu need not have everything twice.
type menuKeys struct {
	entries map[string]MenuEntry
	begins  map[string]bool // what longer sequences begin with

	typed  []byte    // what is not decided yet, behind what an open sequence has
	open   int       // how many of typed are an open sequence, which has been done already
	last   time.Time // of the last key
	prompt openPrompt
}

// openPrompt is the prompt of an open sequence. Its channels are closed in time; a nil one is as if it were.
type openPrompt struct {
	begun <-chan struct{} // what is said before it has been said
	over  <-chan struct{}
	cut   func()
}

// newKeys begins with no key pressed.
func newKeys(menu Menu) *menuKeys {
	k := &menuKeys{entries: make(map[string]MenuEntry), begins: make(map[string]bool)}
	for _, entry := range menu.Entries {
		k.entries[entry.Keys] = entry
		for n := 1; n < len(entry.Keys); n++ {
			k.begins[entry.Keys[:n]] = true
		}
	}
	return k
}

// press takes a key, one of telephoneKeys, and returns what is to be done now. Where wait is positive the sequence may
// go on: pause is to be called after it unless a key comes before.
func (k *menuKeys) press(key byte, now time.Time) (do []Action, wait time.Duration) {
	if k.waits() && now.Sub(k.last) >= keyPause {
		do = k.pause() // its caller was late
		do = slices.DeleteFunc(do, Action.continues)
	} else if !k.waits() && !k.hush() {
		k.close(k.open)
	}
	k.typed = append(k.typed, key)
	k.last = now
	do = append(do, k.decide(false)...)
	if k.waits() {
		wait = keyPause
	}
	return do, wait
}

// pause is for when no key has come for as long as press said.
func (k *menuKeys) pause() []Action { return k.decide(true) }

// speaks tells of the prompt that the sequence just done has begun to speak. What it is told where no sequence is open
// has no effect.
func (k *menuKeys) speaks(prompt openPrompt) { k.prompt = prompt }

// waits tells whether keys were pressed that are not decided yet.
func (k *menuKeys) waits() bool { return len(k.typed) > k.open }

// hush cuts the prompt of the open sequence. It is false if none is spoken, so that no sequence is open any more.
func (k *menuKeys) hush() bool {
	prompt := k.prompt
	if k.open == 0 || prompt.over == nil || isOver(prompt.over) {
		return false
	}
	if prompt.cut != nil && isOver(prompt.begun) {
		prompt.cut()
	}
	return true
}

// isOver tells whether a channel is closed or nil.
func isOver(c <-chan struct{}) bool {
	if c == nil {
		return true
	}
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// close forgets the first n keys typed, and that they were an open sequence.
func (k *menuKeys) close(n int) {
	k.typed, k.open = k.typed[n:], 0
	k.prompt = openPrompt{}
}

// decide does what the keys typed so far say; at last also where a longer sequence could have come.
func (k *menuKeys) decide(last bool) (do []Action) {
	for k.waits() {
		if !last && k.begins[string(k.typed)] {
			return do
		}
		entry, found := k.longest()
		switch {
		case !found && k.open > 0:
			k.close(k.open) // the open sequence does not go on so: try the keys without it
			continue
		case !found:
			k.close(1) // a key that nothing begins with
			continue
		}
		actions := slices.Clone(entry.Actions)
		n := len(entry.Keys)
		if len(k.typed) > n {
			// The keys that follow would have cut the prompt.
			actions = slices.DeleteFunc(actions, Action.continues)
			k.close(n)
		} else if k.close(0); entry.continues() {
			k.open = n
		} else {
			k.close(n)
		}
		do = append(do, actions...)
	}
	return do
}

// longest is the entry with the most of the keys typed, from the first one on, that is more than the open sequence.
func (k *menuKeys) longest() (MenuEntry, bool) {
	for n := len(k.typed); n > k.open; n-- {
		if entry, ok := k.entries[string(k.typed[:n])]; ok {
			return entry, true
		}
	}
	return MenuEntry{}, false
}
