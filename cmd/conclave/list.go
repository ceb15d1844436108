package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"
)

// selection is which part of a list in the database is printed, and how.
type selection struct {
	Since *moment `placeholder:"WHEN" help:"Only what began then or later: 2026-11-01, \"2026-11-01 14:30\", or so long ago: 90m, 24h, 7d."`
	Until *moment `placeholder:"WHEN" help:"Only what began before; a date stands for its first moment."`
	Limit int     `placeholder:"N" default:"100" help:"The latest so many (${default}); 0 is all."`
	JSON  bool    `name:"json" xor:"format" help:"Print JSON."`
	CSV   bool    `name:"csv" xor:"format" help:"Print CSV for a spreadsheet, with all there is of each."`
}

// Validate is called by kong once all flags are read.
func (s *selection) Validate() error {
	since, until := s.span(time.Now())
	switch {
	case s.Limit < 0:
		return fmt.Errorf("--limit %d: it takes the number that is printed, or 0 for all", s.Limit)
	case s.Since != nil && s.Until != nil && !since.Before(until):
		return errors.New("--since is not before --until: nothing can be found")
	}
	return nil
}

// span is the time that is looked at; zero is without a limit.
func (s *selection) span(now time.Time) (since, until time.Time) {
	if s.Since != nil {
		since = s.Since.at(now)
	}
	if s.Until != nil {
		until = s.Until.at(now)
	}
	return since, until
}

// listed is an entry of such a list.
type listed interface{ fields() []string }

// printSelection prints entries in the format asked for, of a table as table writes it. Of how many they are a part total says, and
// noun what they are.
func printSelection[V listed](s selection, columns []string, views iter.Seq2[V, error], table func(*bufio.Writer, iter.Seq2[V, error]) error, total int, noun string) error {
	out := bufio.NewWriter(os.Stdout)
	var err error
	switch {
	case s.JSON:
		err = writeList(out, views)
	case s.CSV:
		err = writeCSV(out, columns, views)
	default:
		err = table(out, views)
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if s.Limit > 0 && total > s.Limit {
		fmt.Fprintf(os.Stderr, "the latest %d of %d %s; --limit 0 prints all\n", s.Limit, total, noun)
	}
	return nil
}

// writeList writes JSON: a list that is never held in memory as a whole.
func writeList[V any](out *bufio.Writer, views iter.Seq2[V, error]) error {
	separator := "\n  "
	out.WriteString("[") // what fails is told by Flush
	for v, err := range views {
		if err != nil {
			return err
		}
		var text strings.Builder
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("  ", "  ")
		if err := encoder.Encode(v); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		out.WriteString(separator + escapeJSON(strings.TrimRight(text.String(), "\n")))
		separator = ",\n  "
	}
	if separator == ",\n  " {
		out.WriteString("\n")
	}
	_, err := out.WriteString("]\n")
	return err
}

// writeCSV writes CSV as RFC 4180 has it. Each cell is quoted, so that none falls apart where a spreadsheet takes
// another separator.
func writeCSV[V listed](out *bufio.Writer, columns []string, views iter.Seq2[V, error]) error {
	writeRecord(out, columns)
	for v, err := range views {
		if err != nil {
			return err
		}
		writeRecord(out, v.fields())
	}
	return nil
}

func writeRecord(out *bufio.Writer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(`"` + strings.ReplaceAll(harmless(cell), `"`, `""`) + `"`)
	}
	out.WriteString("\r\n")
}

// harmless keeps a cell that others have written from being a formula to a spreadsheet: such a one gets an apostrophe before
// it. It is printable on a terminal, too.
func harmless(cell string) string {
	cell = escape(cell, longestLine)
	if strings.ContainsAny(firstOf(strings.TrimSpace(cell)), "=+-@＝＋－＠") {
		return "'" + cell
	}
	return cell
}

// firstOf is the first character of a text.
func firstOf(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}
