package main

import (
	"runtime/debug"
	"strings"
)

// softwareName says how much of this program others are told: none, name or version.
type softwareName string

// product is the product token that it stands for (RFC 3261 20.35); empty: nothing is told.
func (n softwareName) product() string {
	const name = "conclave"
	switch n {
	case "name":
		return name
	case "version":
		info, ok := debug.ReadBuildInfo()
		if !ok || info.Main.Version == "" || strings.ContainsAny(info.Main.Version, "()") { // (devel): built without its history
			return name
		}
		return name + "/" + info.Main.Version
	}
	return ""
}
