package rooms

import (
	"maps"
	"slices"
	"strings"
)

// ActionKind is what a key of a menu does, spelt as in confbridge.conf.
type ActionKind string

// The actions of a menu. Those of the last group are for moderators alone; anybody's menu may have them.
const (
	ActionToggleMute          ActionKind = "toggle_mute"
	ActionPlayback            ActionKind = "playback"              // a prompt that no key cuts
	ActionPlaybackAndContinue ActionKind = "playback_and_continue" // a prompt that the next key cuts
	ActionIncreaseListening   ActionKind = "increase_listening_volume"
	ActionDecreaseListening   ActionKind = "decrease_listening_volume"
	ActionResetListening      ActionKind = "reset_listening_volume"
	ActionIncreaseTalking     ActionKind = "increase_talking_volume"
	ActionDecreaseTalking     ActionKind = "decrease_talking_volume"
	ActionResetTalking        ActionKind = "reset_talking_volume"
	ActionLeave               ActionKind = "leave_conference"
	ActionNoOp                ActionKind = "no_op"
	ActionParticipantCount    ActionKind = "participant_count"

	ActionKickLast               ActionKind = "admin_kick_last"
	ActionToggleLock             ActionKind = "admin_toggle_conference_lock"
	ActionToggleMuteParticipants ActionKind = "admin_toggle_mute_participants"
	ActionToggleRecording        ActionKind = "admin_toggle_recording" // ConfBridge has none
)

// actionKinds tells of each action whether it plays files.
var actionKinds = map[ActionKind]bool{
	ActionToggleMute:             false,
	ActionPlayback:               true,
	ActionPlaybackAndContinue:    true,
	ActionIncreaseListening:      false,
	ActionDecreaseListening:      false,
	ActionResetListening:         false,
	ActionIncreaseTalking:        false,
	ActionDecreaseTalking:        false,
	ActionResetTalking:           false,
	ActionLeave:                  false,
	ActionNoOp:                   false,
	ActionParticipantCount:       false,
	ActionKickLast:               false,
	ActionToggleLock:             false,
	ActionToggleMuteParticipants: false,
	ActionToggleRecording:        false,
}

// ActionNames lists the actions that ParseMenu takes, in alphabetical order.
func ActionNames() []string {
	names := make([]string, 0, len(actionKinds))
	for kind := range maps.Keys(actionKinds) {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	return names
}

// Action is one thing that a key does.
type Action struct {
	Kind  ActionKind
	Files []string // of playback: prompts of the voice or paths, one after another
}

// String is the action as confbridge.conf spells it: "playback(one&two)".
func (a Action) String() string {
	if actionKinds[a.Kind] {
		return string(a.Kind) + "(" + strings.Join(a.Files, "&") + ")"
	}
	return string(a.Kind)
}

// Menu is what the keys of a member do.
type Menu struct {
	Name    string
	Entries []MenuEntry // by their keys, each sequence once
}

// MenuEntry is what one sequence of keys does.
type MenuEntry struct {
	Keys    string   // 1 to 11 of 0-9, A-D, * and #
	Actions []Action // one after another, at least one
}

// Text is the entry's actions as confbridge.conf spells them; ParseMenu reads it back.
func (e MenuEntry) Text() string {
	actions := make([]string, len(e.Actions))
	for i, action := range e.Actions {
		actions[i] = action.String()
	}
	return strings.Join(actions, ",")
}

// continues tells whether the entry speaks a prompt during which its keys may go on.
func (e MenuEntry) continues() bool {
	return slices.ContainsFunc(e.Actions, Action.continues)
}

func (a Action) continues() bool { return a.Kind == ActionPlaybackAndContinue }

// ParticipantMenu is the menu of those whose room has none of its own.
func ParticipantMenu() Menu {
	return Menu{Name: "default", Entries: []MenuEntry{
		{"*", speaking(promptUserMenu)},
		{"1", doing(ActionToggleMute)},
		{"4", doing(ActionDecreaseListening)},
		{"6", doing(ActionIncreaseListening)},
		{"7", doing(ActionDecreaseTalking)},
		{"8", doing(ActionLeave)},
		{"9", doing(ActionIncreaseTalking)},
	}}
}

// ModeratorMenu is the same for moderators.
func ModeratorMenu() Menu {
	return Menu{Name: "moderator", Entries: []MenuEntry{
		{"*", speaking(promptAdminMenu)},
		{"0", doing(ActionToggleRecording)},
		{"1", doing(ActionToggleMute)},
		{"2", doing(ActionToggleLock)},
		{"3", doing(ActionKickLast)},
		{"4", doing(ActionDecreaseListening)},
		{"5", doing(ActionToggleMuteParticipants)},
		{"6", doing(ActionIncreaseListening)},
		{"7", doing(ActionDecreaseTalking)},
		{"8", doing(ActionLeave)},
		{"9", doing(ActionIncreaseTalking)},
	}}
}

func doing(kind ActionKind) []Action { return []Action{{Kind: kind}} }

func speaking(prompt string) []Action {
	return []Action{{Kind: ActionPlaybackAndContinue, Files: []string{prompt}}}
}
