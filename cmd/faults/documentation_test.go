package faults

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each test that docs/security.md names as a proof is there, in the package that it names.
func TestEveryProofThatIsNamedIsThere(t *testing.T) {
	const top = "../.."
	page, err := os.ReadFile(filepath.Join(top, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{} // package by name, several separated by spaces
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range function.FindAllSubmatch(text, -1) {
			folder, _ := filepath.Rel(top, filepath.Dir(path))
			tests[string(found[1])] += " " + filepath.ToSlash(folder) + " "
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	cited := regexp.MustCompile("((?:`(?:Test|Fuzz)\\w+`(?:, | and )?)+) \\(`([\\w/]+)`\\)")
	one := regexp.MustCompile(`(?:Test|Fuzz)[A-Z]\w*`)
	for _, group := range cited.FindAllSubmatch(page, -1) {
		for _, name := range one.FindAllString(string(group[1]), -1) {
			named++
			if !strings.Contains(tests[name], " "+string(group[2])+" ") {
				t.Errorf("%s in %s is named, and there is none; in: %q", name, group[2], tests[name])
			}
		}
	}
	for _, name := range one.FindAllString(string(page), -1) {
		if tests[name] == "" {
			t.Errorf("%s is named, and there is none", name)
		}
	}
	if named < 50 {
		t.Errorf("only %d proofs are named with their packages", named)
	}
}
