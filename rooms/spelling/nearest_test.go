package spelling_test

import (
	"testing"

	"conclave/rooms/spelling"
)

func TestNearestIsTheFewestChangesAway(t *testing.T) {
	keys := []string{"sip", "rtp-ports", "advertise", "guests", "log", "log-level", "workers"}
	for word, want := range map[string]string{
		"rtp_ports": "rtp-ports",
		"RTP-Port":  "rtp-ports",
		"loglevel":  "log-level",
		"worker":    "workers",
		"guest":     "guests",
		"lög":       "log",
		"advertize": "advertise",
		"sip":       "sip",
		"":          "log", // three letters as "sip", which comes after it
	} {
		if got := spelling.Nearest(word, keys); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
	if got := spelling.Nearest("sip", nil); got != "" {
		t.Errorf("nearest of no words is %q", got)
	}
	if keys[0] != "sip" {
		t.Error("the caller's words were reordered")
	}
}
