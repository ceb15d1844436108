package bench

import (
	"fmt"
	"strings"
	"testing"
)

func TestCPUListsAreRead(t *testing.T) {
	for _, tt := range []struct{ list, want string }{
		{"1", "[1]"},
		{"0,2", "[0 2]"},
		{"2-4, 6", "[2 3 4 6]"},
	} {
		got, err := ParseCPUs(tt.list)
		if err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%q: %v, %v; want %s", tt.list, got, err, tt.want)
		}
	}
	for _, list := range []string{"", "x", "1-", "3-2", "-1", "1,,2"} {
		if got, err := ParseCPUs(list); err == nil || !strings.Contains(err.Error(), "neither a CPU nor a range") {
			t.Errorf("%q: %v, %v; want an error", list, got, err)
		}
	}
}

func TestServerAndClientShareNoCPUWhereThereAreSeveral(t *testing.T) {
	server, client, err := divideCPUs(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(server) != 1 || len(client) == 0 || len(client) > 1 && client[len(client)-1] >= server[0] {
		t.Errorf("server on %v, client on %v", server, client)
	}
	if _, _, err := divideCPUs([]int{100000}); err == nil || !strings.Contains(err.Error(), "100000") {
		t.Errorf("a CPU that there is not: %v", err)
	}
}
