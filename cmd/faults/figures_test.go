package faults

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"text/tabwriter"
)

// figure is a line of the table: what was done, what came of it, and what has to.
type figure struct{ test, fault, reached, must string }

var figures struct {
	mu  sync.Mutex
	all []figure
}

// reached puts a figure into the table and the log.
func reached(t *testing.T, fault, must, format string, args ...any) {
	t.Helper()
	f := figure{t.Name(), fault, fmt.Sprintf(format, args...), must}
	t.Logf("%s: %s (must: %s)", f.fault, f.reached, f.must)
	figures.mu.Lock()
	defer figures.mu.Unlock()
	figures.all = append(figures.all, f)
}

func printFigures(out io.Writer) {
	figures.mu.Lock()
	defer figures.mu.Unlock()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tREACHED\tMUST\tTEST")
	for _, f := range figures.all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.fault, f.reached, f.must, f.test)
	}
	table.Flush()
}
