package capi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/vk"
)

// TestHeader: the header has the codes, under their names.
func TestHeader(t *testing.T) {
	header, err := os.ReadFile("../../include/qaqvk.h")
	require.NoError(t, err)
	inHeader, here := map[string]int32{}, map[string]int32{}
	for _, m := range regexp.MustCompile(`QAQVK_ERROR_([A-Z_]+) = (-\d+)`).FindAllSubmatch(header, -1) {
		code, err := strconv.ParseInt(string(m[2]), 10, 32)
		require.NoError(t, err)
		inHeader[string(m[1])] = int32(code)
	}
	for _, e := range Errors {
		here[e.Name] = e.Code
	}
	assert.Equal(t, inHeader, here)
}

// unreachable are errors of what C has no functions for: windows.
var unreachable = []error{vk.ErrNoPresent, vk.ErrSurfaceLost, vk.ErrOutOfDate}

// TestEachErrorHasACode: what the packages below call an error of theirs has one here.
func TestEachErrorHasACode(t *testing.T) {
	known := map[string]bool{}
	for _, e := range Errors {
		if e.Is != nil {
			known[e.Is.Error()] = true
		}
	}
	for _, err := range unreachable {
		known[err.Error()] = true
	}
	found := 0
	for _, dir := range []string{"backend", "backend/device", "backend/policy", "backend/profile", "vk", "internal/profiles"} {
		for _, text := range exportedErrors(t, filepath.Join("../..", dir)) {
			found++
			assert.True(t, known[text], "%s: error %q has no code", dir, text)
		}
	}
	assert.Greater(t, found, 35)
}

// exportedErrors are the texts of the variables Err... of a package.
func exportedErrors(t *testing.T, dir string) (texts []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(v.Names[0].Name, "Err") || len(v.Values) != 1 {
				return true
			}
			if c, ok := v.Values[0].(*ast.CallExpr); ok {
				text, err := strconv.Unquote(c.Args[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				texts = append(texts, text)
			}
			return true
		})
	}
	return texts
}

func TestCodesOf(t *testing.T) {
	for _, c := range []struct {
		err   error
		codes []int32
	}{
		{os.ErrNotExist, []int32{-5}},
		{fmt.Errorf("step: %w: %w", vk.ErrOutOfDeviceMemory, backend.ErrDeferred), []int32{-12, -47}},
		{fmt.Errorf("%w", &vk.ProbeError{}), []int32{-55}},
		{fmt.Errorf("%w", &device.MismatchError{}), []int32{-56}},
		{vk.ErrClosed, []int32{-24}},
	} {
		codes, result := CodesOf(c.err)
		assert.Equal(t, c.codes, codes)
		assert.Zero(t, result)
	}
}
