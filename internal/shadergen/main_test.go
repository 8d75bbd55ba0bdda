package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/spirv"
)

func TestGoName(t *testing.T) {
	tests := []struct{ name, want string }{
		{"HEAD_DIM", "HeadDim"}, {"WORKGROUP", "Workgroup"}, {"copy", "Copy"},
		{"GroupsPerJob", "GroupsPerJob"}, {"promote_wide", "PromoteWide"},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, goName(test.name))
	}
}

// TestDescribeLints feeds a control of the lint to the generator.
func TestDescribeLints(t *testing.T) {
	code, err := os.ReadFile(filepath.Join("..", "spirv", "testdata", "spv", "divide.spv"))
	require.NoError(t, err)
	_, err = describe(code)
	assert.ErrorContains(t, err, "the numeric contract is broken:")
	assert.ErrorContains(t, err, `OpFDiv %34 "quotient" in main`)
	_, err = describe(code[:8])
	assert.EqualError(t, err, "spirv: 8 bytes are no module")
}

func TestRender(t *testing.T) {
	k := kernel{Name: "copy_wide", Reflection: &spirv.Reflection{
		Push:      []spirv.Field{{Name: "Delta", Float: true}},
		Constants: []spirv.Constant{{Name: "WORKGROUP", Default: 64}},
	}}
	shared, err := parseJobs("const uint MARK = 32; // a mark\n\n// Job is a job.\nstruct Job {\n    uint at_word; // where\n    uint end;\n};\n")
	require.NoError(t, err)
	out, err := render([]kernel{k}, shared, "shaders", false)
	require.NoError(t, err)
	assert.Len(t, out, 4)
	assert.Contains(t, string(out["kernels_gen.go"]), "\t\tCopyWide,\n")
	jobs := string(out["jobs_gen.go"])
	assert.Contains(t, jobs, "\tMark = 32 // a mark\n")
	assert.Contains(t, jobs, "// Job is a job.\ntype Job struct {\n\tAtWord uint32 // where\n\tEnd    uint32\n}\n")
	assert.Contains(t, jobs, "const JobWords = 2")
	text := string(out["copy_wide_gen.go"])
	assert.Contains(t, text, "type CopyWidePush struct {\n\tDelta float32\n}\n")
	assert.Contains(t, text, `{Name: "WORKGROUP", ID: 0, Default: 64},`)
	assert.Contains(t, string(out["kernels_gen.go"]), "type Spec struct {\n\tWorkgroup uint32\n}\n")
	out, err = render([]kernel{k}, nil, "spirv", true)
	require.NoError(t, err)
	assert.Len(t, out, 1)
	assert.Contains(t, string(out["records_gen_test.go"]), "package spirv\n")
}

func TestOneSpecFitsAllKernels(t *testing.T) {
	of := func(constants ...spirv.Constant) kernel {
		return kernel{Name: "copy", Reflection: &spirv.Reflection{Constants: constants}}
	}
	size, lanes := spirv.Constant{Name: "WORKGROUP"}, spirv.Constant{Name: "LANES", ID: 1}
	all, err := allConstants([]kernel{of(size), of(size, lanes)})
	require.NoError(t, err)
	assert.Equal(t, []spirv.Constant{size, lanes}, all)
	_, err = allConstants([]kernel{of(size, lanes), of(lanes)})
	assert.EqualError(t, err, "copy: constant LANES has id 1: WORKGROUP has place 0")
}

func TestJobsThatAreNoUintsFail(t *testing.T) {
	for text, want := range map[string]string{
		"// Job is a job.\nstruct Job {\n    float at;\n};\n":          "jobs: Job: a field is no uint on a line of its own",
		"// Job is a job.\nstruct Job {\n    uint at; uint end;\n};\n": "jobs: Job: a field is no uint on a line of its own",
		"\nstruct Job {\n    uint at;\n};\n":                           "jobs: 1 structs, 0 with a comment",
	} {
		_, err := parseJobs(text)
		assert.EqualError(t, err, want)
	}
}

func TestReplaceRemovesOutputOfGoneShaders(t *testing.T) {
	dir := t.TempDir()
	old, kept := filepath.Join(dir, "old_gen.go"), filepath.Join(dir, "hand.go")
	fresh := filepath.Join(dir, "spv", "new.spv")
	for _, path := range []string{old, kept} {
		require.NoError(t, os.WriteFile(path, nil, 0o644))
	}
	require.NoError(t, replace(map[string][]byte{fresh: {1}}, filepath.Join(dir, "*_gen.go"), filepath.Join(dir, "spv", "*.spv")))
	assert.NoFileExists(t, old)
	assert.FileExists(t, kept)
	assert.FileExists(t, fresh)
}

func TestRunWritesNothingWithoutShaders(t *testing.T) {
	t.Chdir(t.TempDir())
	assert.Error(t, run(".", "shaders", false))
	files, err := filepath.Glob("*")
	require.NoError(t, err)
	assert.Empty(t, files)
}
