package glsl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	shader = "#version 450\n#include \"lib/a.glsl\"\n#include \"lib/b.glsl\"\nvoid main() { value(); }\n"
	libA   = "#ifndef A\n#define A\n  # include \"b.glsl\"\nuint value() { return other(); }\n#endif\n"
	libB   = "#ifndef B\n#define B\nuint other() { return 1; }\n#endif\n"
)

// write makes a shader folder of the files.
func write(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func shaderFolder(t *testing.T) string {
	return write(t, map[string]string{
		"k.comp": shader, "lib/a.glsl": libA, "lib/b.glsl": libB, "spv/k.spv": "compiled",
	})
}

func TestSources(t *testing.T) {
	sources, err := Sources(shaderFolder(t), "k")
	require.NoError(t, err)
	assert.Equal(t, []Source{
		{"k.comp", Sum([]byte(shader))}, {"lib/a.glsl", Sum([]byte(libA))}, {"lib/b.glsl", Sum([]byte(libB))},
	}, sources)
	_, err = Sources(write(t, map[string]string{"k.comp": "#include \"gone.glsl\"\n"}), "k")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestStale(t *testing.T) {
	tests := []struct {
		name, file, text, want string
	}{
		{"fresh", "other.comp", "", ""},
		{"shader changed", "k.comp", shader + "\n", "glsl: spv/k.spv is stale: its GLSL sources changed: run go generate"},
		{"include changed", "lib/b.glsl", libB + "\n", "glsl: spv/k.spv is stale: its GLSL sources changed: run go generate"},
		{"SPIR-V changed", "spv/k.spv", "edited", "glsl: spv/k.spv is not the generated file: run go generate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := shaderFolder(t)
			record, err := NewRecord(dir, "k", "no such compiler", []byte("compiled"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, test.file), []byte(test.text), 0o644))
			err = record.Check(dir)
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, test.want)
		})
	}
}

func TestMissingSPIRV(t *testing.T) {
	assert.ErrorIs(t, Record{Name: "k"}.Check(t.TempDir()), os.ErrNotExist)
}

func TestIncludesAreAllowedWithoutShiftingLines(t *testing.T) {
	assert.Equal(t, "#version 450\n"+includeDirective+"\n#line 2\nvoid main() {}\n",
		string(withIncludes([]byte("#version 450\nvoid main() {}\n"))))
	own := "#version 450\n" + includeDirective + "\nvoid main() {}\n"
	assert.Equal(t, own, string(withIncludes([]byte(own))))
}

func TestNoCompiler(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Version()
	assert.ErrorIs(t, err, ErrNoCompiler)
	_, err = Compile(shaderFolder(t), "k")
	assert.ErrorIs(t, err, ErrNoCompiler)
}

// TestCompile runs where the compiler is, and elsewhere sees that it is not.
func TestCompile(t *testing.T) {
	dir := shaderFolder(t)
	version, err := Version()
	if err != nil {
		require.ErrorIs(t, err, ErrNoCompiler)
		return
	}
	assert.Contains(t, version, "Glslang")
	code, err := Compile(dir, "k")
	require.NoError(t, err)
	again, err := Compile(dir, "k")
	require.NoError(t, err)
	assert.Equal(t, code, again)

	record, err := NewRecord(dir, "k", version, []byte("compiled"))
	require.NoError(t, err)
	assert.ErrorContains(t, record.Check(dir), "glsl: spv/k.spv differs from what "+version+" makes")

	bad := write(t, map[string]string{"k.comp": "#version 450\nvoid main() {\n    nothing = 1;\n}\n"})
	_, err = Compile(bad, "k")
	assert.ErrorContains(t, err, filepath.Join(bad, "k.comp")+":3: 'nothing' : undeclared identifier")
}
