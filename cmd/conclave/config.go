package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"conclave/rooms/spelling"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// configFile is the path of a TOML file whose keys are the names of the command's flags:
//
//	sip = ["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"]
//	rtp-ports = "10000-20000"
//
// A flag on the command line wins over the environment, and that over the file.
type configFile string

// BeforeResolve is called by kong where the flag, or its environment variable, is given.
func (f configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(configFile))
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	settings := map[string]any{}
	if _, err := toml.Decode(string(text), &settings); err != nil {
		return fmt.Errorf("read configuration %s: %w", path, err)
	}
	known := map[string]bool{}
	var names []string
	for _, group := range ctx.Selected().AllFlags(true) {
		for _, flag := range group {
			if flag != trace.Flag && flag.Name != "help" {
				known[flag.Name] = true
				names = append(names, flag.Name)
			}
		}
	}
	var unknown []error
	for key := range settings {
		if !known[key] {
			unknown = append(unknown, fmt.Errorf("unknown key %q; the nearest known one is %q", key, spelling.Nearest(key, names)))
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("configuration %s: %w", path, errors.Join(unknown...))
	}
	ctx.AddResolver(config{path, settings})
	return nil
}

// config gives flags the values of a configuration file.
type config struct {
	path     string
	settings map[string]any
}

// Validate has nothing left to do: keys were checked when the file was read.
func (c config) Validate(*kong.Application) error { return nil }

// Resolve returns the file's value for a flag that nothing else has set.
func (c config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	setting, ok := c.settings[flag.Name]
	if !ok {
		return nil, nil
	}
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	// Tried here, so that the error names the file.
	scratch := reflect.New(flag.Target.Type()).Elem()
	read := &kong.DecodeContext{Value: flag.Value, Scan: kong.Scan().PushTyped(setting, kong.FlagValueToken)}
	if err := flag.Mapper.Decode(read, scratch); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", c.path, err)
	}
	return setting, nil
}
