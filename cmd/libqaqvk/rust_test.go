package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	cComment   = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cStruct    = regexp.MustCompile(`(?s)typedef struct (\w+) \{(.*?)\} \w+;`)
	cFunction  = regexp.MustCompile(`(?s)\bint32_t (qaqvk_\w+)\(([^)]*)\);`)
	cCallback  = regexp.MustCompile(`void \(\*(\w+)\)\([^)]*\)`)
	rustStruct = regexp.MustCompile(`(?s)structure!\((\w+) \{(.*?)\}\);`)
	rustFn     = regexp.MustCompile(`(?s)fn (qaqvk_\w+)\(([^)]*)\)\s*-> i32;`)
	word       = regexp.MustCompile(`\w+$`)
)

// rustNames are the names of the header's structures in examples/wgpu.
var rustNames = map[string]string{"Vulkan": "qaqvk_vulkan", "RowsView": "qaqvk_rows", "CacheConfig": "qaqvk_cache_config"}

// TestRustDeclarations: what the Rust example declares is what the header does, field by field
// and argument by argument; a change of either is noticed.
func TestRustDeclarations(t *testing.T) {
	header, err := os.ReadFile("../../include/qaqvk.h")
	require.NoError(t, err)
	rust, err := os.ReadFile("../../examples/wgpu/src/qaqvk.rs")
	require.NoError(t, err)
	c, got := cDeclarations(string(header)), rustDeclarations(string(rust))
	require.Len(t, got, len(rustNames)+strings.Count(string(rust), "pub fn qaqvk_"))
	for name, want := range got {
		require.Equal(t, c[name], want, name)
	}
	for _, change := range [][2]string{
		{"layers, kv_heads", "kv_heads, layers"}, {"host: *mut c_void", "host: u64"}, {"size: u64,", "size: u32,"},
	} {
		changed := strings.Replace(string(rust), change[0], change[1], 1)
		require.NotEqual(t, got, rustDeclarations(changed), change[0])
	}
}

// cDeclarations are the fields of structures and arguments of functions, "u32 layers".
func cDeclarations(header string) map[string][]string {
	header = cComment.ReplaceAllString(header, "")
	out := map[string][]string{}
	for _, s := range cStruct.FindAllStringSubmatch(header, -1) {
		for field := range strings.SplitSeq(cCallback.ReplaceAllString(s[2], "void *$1"), ";") {
			if field = strings.TrimSpace(field); field != "" {
				names := strings.Split(field, ",")
				for _, name := range names {
					out[s[1]] = append(out[s[1]], cKind(names[0])+" "+word.FindString(name))
				}
			}
		}
	}
	for _, f := range cFunction.FindAllStringSubmatch(header, -1) {
		for argument := range strings.SplitSeq(f[2], ",") {
			out[f[1]] = append(out[f[1]], cKind(argument)+" "+word.FindString(argument))
		}
	}
	return out
}

// cKind is how a field or an argument is passed: as a pointer, or as a number of Rust's name.
func cKind(declared string) string {
	name := strings.Fields(declared)[0]
	switch {
	case strings.Contains(declared, "*") || name == "qaqvk_get_instance_proc_addr":
		return "*"
	case strings.HasPrefix(name, "qaqvk_"): // a handle
		return "u64"
	}
	return strings.NewReplacer("uint", "u", "int", "i", "double", "f64", "float", "f32", "_t", "").Replace(name)
}

func rustDeclarations(source string) map[string][]string {
	out := map[string][]string{}
	for _, s := range rustStruct.FindAllStringSubmatch(source, -1) {
		for fields := range strings.SplitSeq(strings.TrimSpace(s[2]), ";") {
			names, kind, _ := strings.Cut(fields, ":")
			for name := range strings.SplitSeq(names, ",") {
				if kind != "" {
					out[rustNames[s[1]]] = append(out[rustNames[s[1]]], rustField(name, kind))
				}
			}
		}
	}
	for _, f := range rustFn.FindAllStringSubmatch(source, -1) {
		for argument := range strings.SplitSeq(strings.TrimRight(f[2], ", \n"), ",") {
			name, kind, _ := strings.Cut(argument, ":")
			out[f[1]] = append(out[f[1]], rustField(name, kind))
		}
	}
	return out
}

func rustField(name, kind string) string {
	kind = strings.TrimSpace(kind)
	if strings.HasPrefix(kind, "*") {
		kind = "*"
	}
	return kind + " " + strings.TrimSuffix(strings.TrimSpace(name), "_")
}
