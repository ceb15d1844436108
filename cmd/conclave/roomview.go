package main

import (
	"maps"
	"slices"
	"time"

	"conclave/store"
)

// longestLine bounds what is printed in full of an operator's own settings, paths of files for example.
const longestLine = 4096

// roomView is a room as it is shown. It holds the PINs only where that was asked for.
type roomView struct {
	Extension       string            `json:"extension"`
	Name            string            `json:"name"`
	HasPIN          bool              `json:"has_pin"`
	PIN             string            `json:"pin,omitempty"`
	HasModeratorPIN bool              `json:"has_moderator_pin"`
	ModeratorPIN    string            `json:"moderator_pin,omitempty"`
	Options         map[string]string `json:"options"`
	Created         time.Time         `json:"created"`
	Changed         time.Time         `json:"changed"`
}

func viewRoom(room store.Room, showPIN bool) roomView {
	v := roomView{
		Extension:       room.Extension,
		Name:            room.Name,
		HasPIN:          room.PIN != "",
		HasModeratorPIN: room.ModeratorPIN != "",
		Options:         room.Options,
		Created:         room.Created,
		Changed:         room.Changed,
	}
	if showPIN {
		v.PIN, v.ModeratorPIN = room.PIN, room.ModeratorPIN
	}
	return v
}

// pinText is a PIN as it is shown: in clear where the view holds it.
func pinText(has bool, pin string) string {
	switch {
	case !has:
		return "none"
	case pin == "":
		return "******" // of one length, whatever the PIN's
	}
	return pin
}

// assignments are the room's options as they are set.
func (v roomView) assignments() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(v.Options)) {
		list = append(list, name+"="+v.Options[name])
	}
	return list
}
