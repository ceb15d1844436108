package phone

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Validate has xmllint check documents against the XML schema in a file. The error is what xmllint says, or exec.ErrNotFound
// where there is none.
func Validate(schema string, documents ...[]byte) error {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		return fmt.Errorf("validate by %s: %w", schema, err)
	}
	dir, err := os.MkdirTemp("", "xmllint")
	if err != nil {
		return fmt.Errorf("validate by %s: %w", schema, err)
	}
	defer os.RemoveAll(dir)
	args := []string{"--noout", "--nonet", "--schema", schema}
	for i, document := range documents {
		name := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(name, document, 0o600); err != nil {
			return fmt.Errorf("validate by %s: %w", schema, err)
		}
		args = append(args, name)
	}
	if text, err := exec.Command(xmllint, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("validate by %s: %w\n%s", schema, err, text)
	}
	return nil
}
