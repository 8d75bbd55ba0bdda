// Package glsl compiles the GLSL of this module to SPIR-V with
// glslangValidator and knows when a compiled file is stale.
package glsl

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoCompiler says that glslangValidator is not installed.
var ErrNoCompiler = errors.New("glsl: glslangValidator not found (Debian package glslang-tools)")

const compiler = "glslangValidator"

// includeDirective lets a kernel include files; glslangValidator has no flag
// for it before version 12.1.
const includeDirective = "#extension GL_GOOGLE_include_directive : require"

// Version returns the first line that the installed compiler says of itself.
// It fails with ErrNoCompiler where there is none.
func Version() (string, error) {
	path, err := exec.LookPath(compiler)
	if err != nil {
		return "", ErrNoCompiler
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("glsl: %s --version: %w", compiler, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line), nil
}

// Compile compiles dir/name.comp to SPIR-V for Vulkan 1.1. The bytes depend on
// the source and the compiler's version only.
func Compile(dir, name string) ([]byte, error) {
	file := name + ".comp"
	source, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, fmt.Errorf("glsl: %w", err)
	}
	temp, err := os.MkdirTemp("", "shadergen")
	if err != nil {
		return nil, fmt.Errorf("glsl: %w", err)
	}
	defer os.RemoveAll(temp)
	in, out := filepath.Join(temp, file), filepath.Join(temp, name+".spv")
	if err := os.WriteFile(in, withIncludes(source), 0o600); err != nil {
		return nil, fmt.Errorf("glsl: %w", err)
	}
	if err := invoke(dir, in, out); err != nil {
		return nil, fmt.Errorf("glsl: %s: %w", file, err)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("glsl: %s: %w", file, err)
	}
	return code, nil
}

func invoke(dir, in, out string) error {
	path, err := exec.LookPath(compiler)
	if err != nil {
		return ErrNoCompiler
	}
	cmd := exec.Command(path, "-V", "--quiet", "--target-env", "vulkan1.1", "-I"+dir, "-o", out, in)
	if message, err := cmd.CombinedOutput(); err != nil {
		text := strings.ReplaceAll(string(message), in, filepath.Join(dir, filepath.Base(in)))
		return fmt.Errorf("%w\n%s", err, strings.TrimSpace(text))
	}
	return nil
}

// withIncludes allows includes behind the #version line, without a change to
// the numbers of the lines that follow.
func withIncludes(source []byte) []byte {
	text := string(source)
	first, rest, found := strings.Cut(text, "\n")
	if !found || !strings.HasPrefix(first, "#version") || strings.Contains(text, includeDirective) {
		return source
	}
	return []byte(first + "\n" + includeDirective + "\n#line 2\n" + rest)
}
