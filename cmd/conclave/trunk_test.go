package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/sip/phone"
)

// trunkCLI runs `conclave trunk` on a data directory of its own.
func trunkCLI(t *testing.T) (trunk func(args ...string) result, data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	return func(args ...string) result {
		t.Helper()
		return conclave(t, []string{"CONCLAVE_DATA=" + data}, append([]string{"trunk"}, args...)...)
	}, data
}

func TestTrunkIsAddedListedShownChangedAndRemoved(t *testing.T) {
	trunk, data := trunkCLI(t)
	const secret = "Xy7-secret"
	var all strings.Builder
	do := func(args ...string) string {
		t.Helper()
		out := trunk(args...).done(t)
		all.WriteString(out)
		return out
	}
	if out := do("add", "carrier", "--peer", "SIP.example.com", "--user", "u", "--password", secret, "--did", "0049301234", "--allow", "192.0.2.7/24",
		"--allow", "203.0.113.9", "--register"); out != "trunk carrier added\n" {
		t.Errorf("trunk add printed %q", out)
	}
	do("add", "pbx", "--peer", "192.0.2.4:5070", "--transport", "tcp", "--no-open-rooms")
	want := "NAME     PEER                 DID         REGISTERED  STATE\n" +
		"carrier  udp SIP.example.com  +49301234   unknown     no server is running\n" +
		"pbx      tcp 192.0.2.4:5070               not wanted  no server is running\n"
	if got := do("list"); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("trunk list:\n%swant:\n%s", got, want)
	}
	if out := do("show", "carrier"); !strings.Contains(out, "192.0.2.0/24 203.0.113.9/32") || !strings.Contains(out, "password    ******") {
		t.Errorf("trunk show:\n%s", out)
	}
	var view trunkView
	show := func(name string) trunkView {
		t.Helper()
		view = trunkView{}
		if err := json.Unmarshal([]byte(do("show", name, "--json")), &view); err != nil {
			t.Fatal(err)
		}
		return view
	}
	if v := show("pbx"); v.Transport != "tcp" || v.OpenRooms || v.HasPassword || v.State != nil || v.Allow == nil || v.DIDs == nil {
		t.Errorf("trunk pbx is %+v", v)
	}
	do("set", "carrier", "--peer", "192.0.2.9", "--did", "7", "--no-allow", "--no-register", "--no-open-rooms")
	if v := show("carrier"); v.Peer != "192.0.2.9" || strings.Join(v.DIDs, " ") != "7" || len(v.Allow) != 0 || v.Register || v.OpenRooms || v.User != "u" || !v.HasPassword {
		t.Errorf("after set: %+v", v)
	}
	do("set", "carrier", "--no-user", "--no-did", "--open-rooms")
	if v := show("carrier"); v.User != "" || v.HasPassword || len(v.DIDs) != 0 || !v.OpenRooms {
		t.Errorf("after --no-user: %+v", v)
	}
	do("rm", "pbx")
	trunk("rm", "pbx").refused(t, "pbx", "no such trunk")
	trunk("show", "pbx").refused(t, "pbx", "no such trunk")
	if strings.Contains(all.String(), secret) {
		t.Errorf("the password was printed:\n%s", all.String())
	}

	// From standard input it is in no list of processes.
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "trunk", "set", "carrier", "--user", "u", "--password", "-", "--data", data)
	cmd.Stdin = strings.NewReader(secret + "\n")
	finish(t, cmd).done(t)
	if v := show("carrier"); v.User != "u" || !v.HasPassword {
		t.Errorf("after --password -: %+v", v)
	}
	if info, err := os.Stat(filepath.Join(data, "conclave.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database is for others to read: %v, %v", info, err)
	}
}

func TestBadTrunkSettingsAreNamedAndChangeNothing(t *testing.T) {
	trunk, _ := trunkCLI(t)
	trunk("add", "a", "--peer", "192.0.2.1", "--user", "u", "--password", "hush-hush").done(t)
	before := trunk("list", "--json").done(t)
	add := func(args ...string) []string { return append([]string{"add", "b", "--peer", "192.0.2.1"}, args...) }
	for name, tt := range map[string]struct {
		args  []string
		words []string
	}{
		"taken name":              {[]string{"add", "a", "--peer", "192.0.2.2"}, []string{"trunk a", "taken"}},
		"name with a space":       {[]string{"add", "a b", "--peer", "192.0.2.2"}, []string{`"a b"`, "letters"}},
		"no peer":                 {[]string{"add", "b"}, []string{"--peer"}},
		"peer with a scheme":      {[]string{"add", "b", "--peer", "sip:192.0.2.1"}, []string{"peer", `"sip:192.0.2.1"`, "192.0.2.1:5070"}},
		"peer with a wrong port":  {[]string{"add", "b", "--peer", "host:70000"}, []string{"peer", "1 to 65535"}},
		"transport":               {add("--transport", "sctp"), []string{"udp", "tcp", "tls"}},
		"TLS over UDP":            {add("--tls-ca", "/dev/null"), []string{"transport tls"}},
		"no authorities":          {add("--transport", "tls", "--tls-ca", "/dev/null"), []string{"/dev/null", "no certificate"}},
		"certificate alone":       {add("--transport", "tls", "--tls-client-cert", "x"), []string{"both or neither"}},
		"no such certificate":     {add("--transport", "tls", "--tls-client-cert", "/x", "--tls-client-key", "/x"), []string{"/x", "no such file"}},
		"network":                 {add("--allow", "192.0.2.0/33"), []string{`"192.0.2.0/33"`, "192.0.2.0/24"}},
		"everybody":               {add("--allow", "0.0.0.0/0"), []string{"everybody"}},
		"DID":                     {add("--did", "+49 30"), []string{`"+49 30"`, "+49301234"}},
		"two things":              {add("--did", "x", "--allow", "y"), []string{`"x"`, `"y"`}},
		"register without a user": {add("--register"), []string{"user"}},
		"password without a user": {add("--password", "hush-hush"), []string{"user"}},
		"user without a password": {add("--user", "u"), []string{"password"}},
		"user with an @":          {add("--user", "u@h", "--password", "hush-hush"), []string{"'@'"}},
		"set nothing":             {[]string{"set", "a"}, []string{"nothing to set", "--peer"}},
		"set one that is missing": {[]string{"set", "b", "--peer", "192.0.2.1"}, []string{"b", "no such trunk"}},
		"set a wrong network":     {[]string{"set", "a", "--peer", "192.0.2.2", "--allow", "x"}, []string{`"x"`, "would be right"}},
		"set what excludes":       {[]string{"set", "a", "--allow", "192.0.2.0/24", "--no-allow"}, []string{"--allow", "--no-allow"}},
		"set no user and another": {[]string{"set", "a", "--no-user", "--password", "x"}, []string{"--no-user", "--password"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := trunk(tt.args...)
			r.refused(t, tt.words...)
			if strings.Contains(r.stderr, "hush-hush") {
				t.Errorf("error with the password in it: %s", r.stderr)
			}
			if after := trunk("list", "--json").done(t); after != before {
				t.Errorf("something changed:\n%s", after)
			}
		})
	}
}

func TestTrunkListShowsHowTrunksAre(t *testing.T) {
	peer := startServer(t)
	s := startServer(t, "--guests", "none")
	s.run("room", "add", "1000", "--name", "n", "--no-pin")
	s.run("trunk", "add", "peer", "--peer", peer.sip, "--did", "+49301234")
	s.run("trunk", "add", "lost", "--peer", "nowhere.invalid")
	var list string
	s.wait("state of both trunks", 40*time.Second, func() bool {
		list = s.run("trunk", "list")
		return strings.Contains(list, peer.sip+" reachable, ") && strings.Contains(list, "nowhere.invalid does not resolve: ")
	})
	ph, err := phone.New("udp", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer ph.Close()
	call, err := ph.Dial(t.Context(), s.sip, "+493012341000", phone.Options{})
	if err != nil {
		t.Fatalf("call over the trunk: %v\n%s", err, list)
	}
	if err := call.Hangup(); err != nil {
		t.Error(err)
	}
	s.run("trunk", "rm", "peer")
	if _, err := ph.Dial(t.Context(), s.sip, "1000", phone.Options{}); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("call after the trunk was removed: %v, want 403", err)
	}
}
