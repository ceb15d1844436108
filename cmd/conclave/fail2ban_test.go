package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/sip/phone"
)

// Debian's fail2ban finds the addresses in the log of a real server, in both its formats, by the filter that comes with it.
func TestFail2banFindsWhoFailed(t *testing.T) {
	t.Parallel()
	tool := need(t, "fail2ban-regex", "fail2ban")
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, "--log", format)
			s.run("phone", "add", "200", "--name", "Anna")
			ph, err := phone.New("udp", "127.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			defer ph.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := ph.Register(ctx, s.sip, phone.Registration{User: "200", Password: "wrong-as-can-be"}); err == nil {
				t.Fatal("a wrong password is right")
			}
			log, err := os.ReadFile(filepath.Join(s.data, "log"))
			if err != nil {
				t.Fatal(err)
			}
			// What the rooms write of who has failed at PINs, which takes a caller ten entries.
			line := `time=2030-01-02T10:20:30.000Z level=WARN msg=security event=pin_barred ip=192.0.2.7 room=1000`
			if format == "json" {
				line = `{"time":"2030-01-02T10:20:30Z","level":"WARN","msg":"security","event":"pin_barred","ip":"192.0.2.7","room":"1000"}`
			}
			file := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(file, fmt.Appendf(log, "%s\n", line), 0o600); err != nil {
				t.Fatal(err)
			}
			filter, err := filepath.Abs("../../docs/fail2ban/conclave.conf")
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(tool, "--out", "ip", file, filter).CombinedOutput()
			if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != "127.0.0.1 192.0.2.7" {
				t.Errorf("fail2ban finds %q (%v) in\n%s%s", got, err, log, line)
			}
		})
	}
}
