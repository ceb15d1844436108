package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

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
func writeCSV[V interface{ fields() []string }](out *bufio.Writer, columns []string, views iter.Seq2[V, error]) error {
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
