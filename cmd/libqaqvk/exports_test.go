package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSymbols: the library has the functions of the header, no others, and its name.
func TestSymbols(t *testing.T) {
	file := filepath.Join(libraryDir(t), "libqaqvk.so")
	out, err := run(nil, "nm", "-D", "--defined-only", file)
	require.NoError(t, err)
	var got []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		got = append(got, fields[len(fields)-1])
	}
	header, err := os.ReadFile("../../include/qaqvk.h")
	require.NoError(t, err)
	require.ElementsMatch(t, declared(header), got)
	out, err = run(nil, "readelf", "-d", file)
	require.NoError(t, err)
	require.Contains(t, out, "Library soname: [libqaqvk.so.0]")
}

// declared are the functions that a header declares: lines that begin with a type.
func declared(header []byte) (names []string) {
	for line := range bytes.Lines(header) {
		before, _, ok := bytes.Cut(line, []byte("("))
		if !ok || bytes.HasPrefix(line, []byte(" ")) || bytes.HasPrefix(line, []byte("typedef")) || bytes.HasPrefix(line, []byte("/*")) {
			continue
		}
		fields := bytes.Fields(before)
		if name := strings.TrimPrefix(string(fields[len(fields)-1]), "*"); strings.HasPrefix(name, "qaqvk_") {
			names = append(names, name)
		}
	}
	return names
}

// TestExportsRecover: each function that C calls is one call of call, under its name,
// which recovers.
func TestExportsRecover(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	exports := 0
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Doc == nil || !strings.HasPrefix(f.Doc.List[0].Text, "//export ") {
				continue
			}
			exports++
			assert.Equal(t, f.Name.Name, called(f), "%s: %s", file, f.Name.Name)
		}
	}
	assert.Greater(t, exports, 25)
}

// called is the name that a function gives call, "" where it does anything else.
func called(f *ast.FuncDecl) string {
	r, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(f.Body.List) != 1 || len(r.Results) != 1 {
		return ""
	}
	c, ok := r.Results[0].(*ast.CallExpr)
	if !ok || c.Fun.(*ast.Ident).Name != "call" {
		return ""
	}
	name, _ := strconv.Unquote(c.Args[0].(*ast.BasicLit).Value)
	return name
}
