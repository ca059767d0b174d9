package arch_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// long are the files that may have more than 300 lines, each with its reason.
var long = map[string]string{}

func TestFilesAreShort(t *testing.T) {
	const wanted, most = 300, 400
	for _, s := range sources(t) {
		switch {
		case s.lines > most:
			t.Errorf("%s has %d lines, over %d: split it by what it holds", s.file, s.lines, most)
		case s.lines > wanted && long[s.file] == "":
			t.Errorf("%s has %d lines, over %d: split it by what it holds, or list it in test/arch with a reason", s.file, s.lines, wanted)
		case s.lines <= wanted && long[s.file] != "":
			t.Errorf("%s is short again: take it from the list in test/arch", s.file)
		}
	}
}

// emptyNames say nothing about what a package holds.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "shared"}

func TestPackagesSayWhatTheyAre(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		room := s.room()
		documented[room] = documented[room] || s.ast.Doc != nil
		if slices.Contains(emptyNames, path.Base(room)) {
			t.Errorf("%s: %q does not say what the package holds", room, path.Base(room))
		}
	}
	for room, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment: what does it hold, and what not?", room)
		}
	}
}

// pure are the rooms whose rules are values and functions: the same events give
// the same effects, so that every order of them can be tested.
var pure = []string{"internal/lifecycle", "internal/group"}

// clocks are the functions of package time that look at a clock.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

func TestRulesArePure(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || !slices.Contains(pure, s.room()) {
			continue
		}
		for _, name := range s.imports(t) {
			if name == "os" || name == "sync" || name == "context" || name == "io" || name == "net" ||
				strings.HasPrefix(name, "os/") || strings.HasPrefix(name, "golang.org/x/sys") {
				t.Errorf("%s imports %s: the rules are pure, the loop (package supervisor) does the rest", s.file, name)
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine: the rules are pure, the loop owns what runs", s.fset.Position(n.Pos()))
			case *ast.ChanType:
				t.Errorf("%s has a channel: the rules are pure, the loop owns what runs", s.fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
					t.Errorf("%s looks at the clock: the time comes in as an argument", s.fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}
