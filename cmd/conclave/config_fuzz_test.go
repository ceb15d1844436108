package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// FuzzConfig: whatever is in a configuration file, it gives settings that the server can begin with, or an error that names the file or
// the setting.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"sip = [\"udp://127.0.0.1:0\", \"tcp://127.0.0.1:0\"]\nrtp-ports = \"44000-44009\"\nworkers = 1\nfirst-room = false\nguests = \"all\"\n",
		"advertise = \"203.0.113.5\"\nring-time = \"20s\"\nrecordings-bytes = \"50G\"\nlog = \"json\"", "guest = \"all\"", "workers = \"many\"",
		"workers = 9223372036854775808", "[sip]\nlisten = \"x\"", "drain-time = 30", "recordings-bytes = -1", "digests = [[\"MD5\"]]", "sip = []",
		"rtp-ports = \"2-1\"", "transfer-code = \"\"", "a.b.c = 1", "\xff = 1", "workers = 1\nworkers = 2", "advertise = \"fe80::1%eth0\"",
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "conclave.toml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var line struct {
			Serve serveCmd `cmd:""`
		}
		parser, err := kong.New(&line)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse([]string{"serve", "--config", path}); err != nil {
			if !strings.Contains(err.Error(), path) && !strings.Contains(err.Error(), "--") {
				t.Errorf("%q: error %q does not say where", text, err)
			}
			return
		}
		if err := line.Serve.Validate(); err != nil {
			t.Errorf("%q is taken, but %v", text, err)
		}
	})
}
