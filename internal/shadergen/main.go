// Command shadergen compiles the kernels of a folder (<name>.comp) to
// spv/<name>.spv, lints them and writes their Go descriptions, all from the
// SPIR-V. Run it through make generate.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qaqvk/qaqvk/internal/shadergen/glsl"
	"github.com/qaqvk/qaqvk/internal/spirv"
)

func main() {
	dir := flag.String("dir", ".", "folder of the .comp files")
	controls := flag.Bool("controls", false, "the shaders are controls of the lint: compile and record them only")
	flag.Parse()
	if err := run(*dir, os.Getenv("GOPACKAGE"), *controls); err != nil {
		fmt.Fprintln(os.Stderr, "shadergen:", err)
		os.Exit(1)
	}
}

// run writes the descriptions and records of dir's shaders to the current
// folder. Nothing is written if any shader fails.
func run(dir, goPackage string, controls bool) error {
	kernels, err := compileAll(dir, !controls)
	if err != nil {
		return err
	}
	var shared *jobs
	if !controls {
		if shared, err = readJobs(dir); err != nil {
			return err
		}
	}
	out, err := render(kernels, shared, goPackage, controls)
	if err != nil {
		return err
	}
	for _, k := range kernels {
		out[filepath.Join(dir, "spv", k.Name+".spv")] = k.Code
	}
	return replace(out, filepath.Join(dir, "spv", "*.spv"), "*_gen.go", "*_gen_test.go")
}

// replace writes the files and removes what else matches the patterns: the
// output for shaders that are gone.
func replace(files map[string][]byte, patterns ...string) error {
	for path, data := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	for _, pattern := range patterns {
		old, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, path := range old {
			if _, ok := files[path]; ok {
				continue
			}
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// kernel is a compiled shader.
type kernel struct {
	Name   string
	Code   []byte
	Record glsl.Record
	*spirv.Reflection
}

// compileAll compiles dir/*.comp in order of name; as contract kernels they
// are reflected and linted too.
func compileAll(dir string, contract bool) ([]kernel, error) {
	version, err := glsl.Version()
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.comp"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no .comp file in %s", dir)
	}
	slices.Sort(paths)
	var kernels []kernel
	for _, path := range paths {
		k, err := compile(dir, strings.TrimSuffix(filepath.Base(path), ".comp"), version)
		if err == nil && contract {
			k.Reflection, err = describe(k.Code)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		kernels = append(kernels, k)
	}
	return kernels, nil
}

func compile(dir, name, version string) (kernel, error) {
	code, err := glsl.Compile(dir, name)
	if err != nil {
		return kernel{}, err
	}
	record, err := glsl.NewRecord(dir, name, version, code)
	return kernel{Name: name, Code: code, Record: record}, err
}

// describe reflects a kernel and fails unless it keeps the numeric contract.
func describe(code []byte) (*spirv.Reflection, error) {
	module, err := spirv.Parse(code)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, finding := range spirv.Lint(module) {
		lines = append(lines, "\n\t"+finding.String())
	}
	if len(lines) > 0 {
		return nil, fmt.Errorf("the numeric contract is broken:%s", strings.Join(lines, ""))
	}
	return spirv.Reflect(module)
}
