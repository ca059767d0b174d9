// Package arch_test holds the tree to its rules: which room may import which,
// what must stay light or pure, how long a file may be. It reads the sources
// and needs neither the go command nor a network.
package arch_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	top    = "../.." // of the repository, seen from this package's folder
	module = "github.com/lanyard-dev/lanyard/"
)

// source is one parsed Go file.
type source struct {
	file  string // below the top, with slashes
	lines int
	ast   *ast.File
	fset  *token.FileSet
}

// room is the folder of a source's package.
func (s *source) room() string { return path.Dir(s.file) }

func (s *source) isTest() bool { return strings.HasSuffix(s.file, "_test.go") }

// imports gives what a source imports; rooms of ours without the module's path.
func (s *source) imports(t *testing.T) []string {
	var list []string
	for _, spec := range s.ast.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", s.file, err)
		}
		list = append(list, strings.TrimPrefix(name, module))
	}
	return list
}

// skipped are folders without sources of this module; "out" and "bin" hold
// what was built.
var skipped = []string{".git", "bin", "out", "examples", "tools", "testdata"}

// sources parses every Go file of the module.
func sources(t *testing.T) []*source {
	t.Helper()
	var list []*source
	err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		s := &source{file: filepath.ToSlash(rel), lines: bytes.Count(data, []byte("\n")), fset: token.NewFileSet()}
		s.ast, err = parser.ParseFile(s.fset, name, data, parser.ParseComments)
		list = append(list, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("found %d files only; has the tree moved?", len(list))
	}
	return list
}
