package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "conclave.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagWinsOverEnvironmentOverFile(t *testing.T) {
	const file = `
# every flag of serve is a key
sip = ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]
rtp-ports = "44000-44009"
workers = 1
first-room = false
guests = "all"
`
	const ready = "conclave ready: udp://127.0.0.1:"
	for _, tt := range []struct {
		name string
		env  string
		args []string
		want string
	}{
		{"file", "", nil, "rtp 44000-44009"},
		{"environment", "44010-44019", nil, "rtp 44010-44019"},
		{"flag", "44010-44019", []string{"--rtp-ports", "44020-44029"}, "rtp 44020-44029"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env != "" {
				t.Setenv("CONCLAVE_RTP_PORTS", tt.env)
			}
			t.Setenv("CONCLAVE_CONFIG", writeConfig(t, file))
			s := serve(t, append(tt.args, "--data", t.TempDir())...)
			if out := s.printed(t); !strings.HasPrefix(out, ready) || !strings.Contains(out, " tcp://") || !strings.Contains(out, tt.want) {
				t.Errorf("%q does not say %q", out, tt.want)
			}
			s.end(t, syscall.SIGTERM)
		})
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		words []string
	}{
		"unknown key":          {"guest = \"all\"", []string{`unknown key "guest"`, `"guests"`}},
		"underscore":           {"rtp_ports = \"1-2\"", []string{`unknown key "rtp_ports"`, `"rtp-ports"`}},
		"one of several":       {"workers = 1\nadvertize = \"192.0.2.1\"", []string{`unknown key "advertize"`, `"advertise"`}},
		"key of no setting":    {"config = \"x\"", []string{`unknown key "config"`}},
		"table":                {"[sip]\nlisten = \"udp://127.0.0.1:0\"", []string{"--sip"}},
		"value of other type":  {"workers = \"many\"", []string{"--workers", "many"}},
		"value out of range":   {"rtp-ports = \"9\"", []string{"--rtp-ports", `"9"`, "10000-20000"}},
		"value out of an enum": {"guests = \"some\"", []string{"--guests", "some"}},
		"not TOML":             {"sip: udp://127.0.0.1:0", []string{"line 1"}},
		"key given twice":      {"workers = 1\nworkers = 2", []string{"line 2", "workers"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, tt.text)
			conclave(t, nil, "serve", "--data", t.TempDir(), "--config", path).refused(t, tt.words...)
		})
	}
	conclave(t, nil, "serve", "--config", "/no/such/file.toml").refused(t, "/no/such/file.toml")
}
