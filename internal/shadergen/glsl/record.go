package glsl

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
)

// Source is a GLSL file (slash-separated, relative to the shader folder) and
// the SHA-256 of its bytes in hex.
type Source struct{ Path, SHA256 string }

// Record says what a committed SPIR-V file was made of.
type Record struct {
	Name     string   // the kernel: <Name>.comp, compiled to spv/<Name>.spv
	Compiler string   // Version of the compiler
	SPIRV    string   // SHA-256 of the SPIR-V in hex
	Sources  []Source // the .comp and all that it includes
}

// NewRecord describes code, compiled from dir/name.comp by that compiler.
func NewRecord(dir, name, compiler string, code []byte) (Record, error) {
	sources, err := Sources(dir, name)
	if err != nil {
		return Record{}, err
	}
	return Record{Name: name, Compiler: compiler, SPIRV: Sum(code), Sources: sources}, nil
}

// Check fails when the sources or the SPIR-V in dir are not those of the
// record, or when the installed compiler, if it is the recorded one, makes
// other bytes of them.
func (r Record) Check(dir string) error {
	code, err := os.ReadFile(filepath.Join(dir, "spv", r.Name+".spv"))
	if err != nil {
		return fmt.Errorf("glsl: %w", err)
	}
	if Sum(code) != r.SPIRV {
		return fmt.Errorf("glsl: spv/%s.spv is not the generated file: run go generate", r.Name)
	}
	sources, err := Sources(dir, r.Name)
	if err != nil {
		return err
	}
	if !slices.Equal(sources, r.Sources) {
		return fmt.Errorf("glsl: spv/%s.spv is stale: its GLSL sources changed: run go generate", r.Name)
	}
	if version, err := Version(); err != nil || version != r.Compiler {
		return nil
	}
	fresh, err := Compile(dir, r.Name)
	if err != nil {
		return err
	}
	if !bytes.Equal(fresh, code) {
		return fmt.Errorf("glsl: spv/%s.spv differs from what %s makes: run go generate", r.Name, r.Compiler)
	}
	return nil
}

// Sum is the SHA-256 of data in hex.
func Sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

var includeLine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]+"([^"\n]+)"`)

// Sources lists dir/name.comp and every file that it includes, directly or
// not, in order of first inclusion.
func Sources(dir, name string) ([]Source, error) {
	var found []Source
	err := walk(dir, name+".comp", &found)
	return found, err
}

func walk(dir, file string, found *[]Source) error {
	if slices.ContainsFunc(*found, func(s Source) bool { return s.Path == file }) {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
	if err != nil {
		return fmt.Errorf("glsl: %w", err)
	}
	*found = append(*found, Source{file, Sum(text)})
	for _, match := range includeLine.FindAllSubmatch(text, -1) {
		if err := walk(dir, resolve(dir, file, string(match[1])), found); err != nil {
			return err
		}
	}
	return nil
}

// resolve finds an included file as the compiler does: beside the includer
// first, then in the shader folder.
func resolve(dir, includer, included string) string {
	beside := path.Join(path.Dir(includer), included)
	if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(beside))); err == nil {
		return beside
	}
	return path.Clean(included)
}
