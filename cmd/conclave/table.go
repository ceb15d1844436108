package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
)

// newTable aligns the columns of the rows written to it; Flush writes them to out.
func newTable(out io.Writer, headings ...string) *tabwriter.Writer {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(table, headings...)
	return table
}

// row writes a line of cells, each made harmless: names and numbers come from callers and may hold anything.
func row(table io.Writer, cells ...string) {
	for i, cell := range cells {
		cells[i] = printable(cell)
	}
	fmt.Fprintln(table, strings.Join(cells, "\t"))
}

// printable returns text for a terminal, with everything escaped that is no visible character: a caller must not move the
// cursor, change the direction of writing or break a table. What is longer than any sensible name is cut.
func printable(text string) string { return escape(text, 64) }

// escape is printable with another length.
func escape(text string, longest int) string {
	var b strings.Builder
	n := 0
	for i, r := range text {
		if n++; n > longest {
			b.WriteRune('…')
			break
		}
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(text[i:], string(unicode.ReplacementChar)):
			fmt.Fprintf(&b, `\x%02x`, text[i]) // an octet that is not UTF-8
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			escaped := strconv.QuoteRuneToASCII(r)
			b.WriteString(escaped[1 : len(escaped)-1])
		}
	}
	return b.String()
}

// warnf writes lines to standard error, harmless for a terminal: what they tell of may come from a caller, or from a file.
func warnf(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintln(os.Stderr, escape(strings.TrimSuffix(line, "\n"), math.MaxInt))
	}
}

// printJSON writes v to standard output, for scripts and harmless for a terminal.
func printJSON(v any) error {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // & stands in menus
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err := fmt.Print(escapeJSON(text.String()))
	return err
}

// jsonLog makes a log of JSON harmless for a terminal.
type jsonLog struct{ io.Writer }

// Write takes whole lines, as log/slog writes them.
func (l jsonLog) Write(lines []byte) (int, error) {
	if _, err := io.WriteString(l.Writer, escapeJSON(string(lines))); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// escapeJSON makes JSON harmless for a terminal: encoding/json escapes what is below U+0020, the rest of what is no visible
// character is escaped here. It can only stand inside a string.
func escapeJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
