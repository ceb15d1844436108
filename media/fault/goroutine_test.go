package fault

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// notServed are directories whose code is no part of a running server: programs that make files, load generators, far ends of tests.
var notServed = []string{"cmd/conclave/bench", "cmd/faults", "cmd/holdmusic", "cmd/prompts", "sip/phone", "sip/locate/nameserver", "sip/wire/torture", "media/tone", "testdata"}

// guardedIn tells for goroutines whose first line does not show it which function of the package holds their guard. Methods are
// TYPE.NAME.
var guardedIn = map[string]string{
	"rooms c.played":         "conference.played",
	"mixer w.run":            "worker.turns",
	"mixer e.herald.run":     "herald.run",
	"mixer e.feeder.run":     "feeder.run",
	"mixer e.gauge.run":      "gauge.run",
	"rooms visit.run":        "Visit.run",
	"rooms v.run":            "Visit.run",
	"rooms p.run":            "Party.run",
	"rooms/recordings r.run": "Recorder.run",
	"sip call.run":           "Call.run",
	"sip c.run":              "Call.run",
	"sip t.run":              "trunk.run",
	"sip n.run":              "notifier.run",
	"sip t.forget":           "trunk.forget",
}

// excepted are goroutines without a guard, by file and name, with the reason.
var excepted = map[string]string{
	"cmd/conclave/main.go context.AfterFunc":        "cancels",
	"cmd/conclave/music_track.go time.AfterFunc":    "of a command that decodes music",
	"cmd/conclave/live_screen.go context.AfterFunc": "of a command with a screen",
	"cmd/conclave/live_screen.go reading.Go":        "of a command with a screen",
	"store/history/book.go context.AfterFunc":       "cancels",
	"store/history/trail.go context.AfterFunc":      "cancels",
	"cmd/conclave/predecessor.go p.watch":           "reads to the end of a connection, on which nothing comes",
	"sip/expiry.go time.AfterFunc":                  "whoever calls it posts to a mailbox",
}

// Each goroutine of a server ends a panic itself: by a deferred recover, Survive or survive, or by Keep or Do around its work. Timers
// may also post to a mailbox, and nothing else.
func TestEachGoroutineSurvivesAPanic(t *testing.T) {
	found, used := 0, map[string]bool{}
	for dir, files := range sources(t, "../..") {
		functions := map[string]*ast.FuncDecl{}
		for _, f := range files {
			for _, d := range f.Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					functions[nameOf(f)] = f
				}
			}
		}
		for file, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				started, name := begins(n)
				if started == nil {
					return true
				}
				found++
				key := dir + " " + name
				used[key], used[file+" "+name] = true, true
				if _, ok := excepted[file+" "+name]; ok || isGuarded(started, functions) {
					return true
				}
				if in := functions[guardedIn[key]]; in != nil && guards(in.Body) {
					return true
				}
				t.Errorf("%s: %s begins a goroutine without a guard, by which a panic would end the process", file, key)
				return true
			})
		}
	}
	for _, list := range []map[string]string{guardedIn, excepted} {
		for key := range list {
			if !used[key] {
				t.Errorf("%s begins no goroutine any more", key)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d goroutines were found", found)
	}
}

// sources are the parsed files of a server, by directory and name.
func sources(t *testing.T, root string) map[string]map[string]*ast.File {
	t.Helper()
	all := map[string]map[string]*ast.File{}
	positions := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(notServed, name) || strings.HasPrefix(entry.Name(), ".") && name != "."):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(positions, path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.Dir(name)
		if all[dir] == nil {
			all[dir] = map[string]*ast.File{}
		}
		all[dir][name] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	return text(receiver) + "." + f.Name.Name
}

// begins is what a go statement, a Go of a wait group or a timer runs, and the name of that, or of what it is given to.
func begins(n ast.Node) (what ast.Expr, name string) {
	switch n := n.(type) {
	case *ast.GoStmt:
		return n.Call.Fun, text(n.Call.Fun)
	case *ast.CallExpr:
		called, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || len(n.Args) == 0 || called.Sel.Name != "Go" && called.Sel.Name != "AfterFunc" {
			return nil, ""
		}
		what := n.Args[len(n.Args)-1]
		if f, literal := what.(*ast.FuncLit); !literal || !calls(f.Body) {
			name = text(what)
		} else {
			name = calledBy(f.Body)
		}
		if called.Sel.Name == "AfterFunc" || name == "" {
			name = text(called)
		}
		return what, name
	}
	return nil, ""
}

// calls tells that a body is one call.
func calls(body *ast.BlockStmt) bool { return calledBy(body) != "" }

func calledBy(body *ast.BlockStmt) string {
	if len(body.List) == 1 {
		if s, ok := body.List[0].(*ast.ExprStmt); ok {
			if c, ok := s.X.(*ast.CallExpr); ok {
				return text(c.Fun)
			}
		}
	}
	return ""
}

func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return text(e.Fun) + "()"
	}
	return ""
}

// isGuarded tells that what runs guards itself, as far as can be seen where it begins.
func isGuarded(what ast.Expr, functions map[string]*ast.FuncDecl) bool {
	switch what := what.(type) {
	case *ast.FuncLit:
		return guards(what.Body) || onlyPosts(what.Body)
	case *ast.Ident:
		f := functions[what.Name]
		return f != nil && guards(f.Body)
	}
	return false
}

// guards tells that a function ends a panic: one of its own statements defers what recovers, or is Keep.
func guards(body *ast.BlockStmt) bool {
	for _, s := range body.List {
		switch s := s.(type) {
		case *ast.DeferStmt:
			name := strings.ToLower(text(s.Call.Fun))
			if strings.HasSuffix(name, "survive") {
				return true
			}
			if f, ok := s.Call.Fun.(*ast.FuncLit); ok && recovers(f.Body) {
				return true
			}
		case *ast.ExprStmt:
			if c, ok := s.X.(*ast.CallExpr); ok && strings.HasSuffix(text(c.Fun), "aults.Keep") {
				return true
			}
		}
	}
	return false
}

func recovers(body *ast.BlockStmt) (does bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && text(c.Fun) == "recover" {
			does = true
		}
		return true
	})
	return does
}

// onlyPosts tells that all a function does is to put something into a mailbox.
func onlyPosts(body *ast.BlockStmt) bool {
	name := calledBy(body)
	return strings.HasSuffix(name, ".post") || name == "cancel"
}

// The rule is worth nothing where what it looks for is not found.
func TestGoroutinesWithoutAGuardAreFound(t *testing.T) {
	for body, guarded := range map[string]bool{
		"go func() { work() }()":                               false,
		"go func() { defer done(); work() }()":                 false,
		"go func() { defer s.survive(nil); work() }()":         true,
		"go func() { defer f.Survive(\"x\"); work() }()":       true,
		"go func() { if x { defer s.survive(nil) } }()":        false,
		"go func() { defer func() { recover() }(); work() }()": true,
		"go w.run()":                false,
		"wg.Go(func() { w.run() })": false,
		"wg.Go(w.run)":              false,
		"wg.Go(func() { s.faults.Keep(stop, \"x\", w.run) })": true,
		"time.AfterFunc(d, func() { mail.post(x) })":          true,
		"time.AfterFunc(d, func() { work() })":                false,
		"time.AfterFunc(d, t.try)":                            false,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", fmt.Sprintf("package x\nfunc f() { %s }", body), 0)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		ast.Inspect(file, func(n ast.Node) bool {
			if what, _ := begins(n); what != nil {
				found = true
				if got := isGuarded(what, nil); got != guarded {
					t.Errorf("%s: guarded %v, want %v", body, got, guarded)
				}
			}
			return true
		})
		if !found {
			t.Errorf("%s was not found", body)
		}
	}
}
