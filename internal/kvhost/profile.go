package kvhost

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/profiles"
)

// ErrNoProfile says that calibrated was asked for and there is no profile of the model.
var ErrNoProfile = errors.New("no profile of the model: qaqvk calibrate makes one, QAQVK_PROFILE names it")

// findProfile returns the profile of the model, nil where there is none, and in words
// how it was found.
//
// llama.cpp does not tell which file its model is from. A profile that is named is taken
// where its shape is the cache's, and if QAQVK_MODEL is set only where its fingerprint is
// that file's. One that ships is taken where its fingerprint is that of QAQVK_MODEL or,
// without that, of a GGUF file that the process has mapped.
func (s Settings) findProfile(shape policy.Shape, mapped func() []string) (p *profile.Profile, how string, err error) {
	if s.Profile == "" {
		return s.shipped(shape, mapped)
	}
	if p, err = profile.Load(s.Profile); err != nil {
		return nil, "", fmt.Errorf("QAQVK_PROFILE=%s: %w", s.Profile, err)
	}
	fingerprint, how := "", "taken for the model's because its shape is"
	if s.Model != "" {
		if fingerprint, err = fingerprintOf(s.Model); err != nil {
			return nil, "", fmt.Errorf("QAQVK_MODEL=%s: %w", s.Model, err)
		}
		how = "made from " + s.Model
	}
	if err := p.Check(shape, p.RoPE, fingerprint); err != nil {
		return nil, "", fmt.Errorf("QAQVK_PROFILE=%s: %w", s.Profile, err)
	}
	return p, s.Profile + ", " + how, nil
}

// shipped looks for the profile that ships for the model.
func (s Settings) shipped(shape policy.Shape, mapped func() []string) (*profile.Profile, string, error) {
	files := []string{s.Model}
	if s.Model == "" {
		if !profiles.Has(shape) {
			return nil, "", nil
		}
		files = mapped()
	}
	for _, path := range files {
		fingerprint, err := fingerprintOf(path)
		if err != nil {
			if s.Model != "" {
				return nil, "", fmt.Errorf("QAQVK_MODEL=%s: %w", path, err)
			}
			continue // a file that is none of ours to read
		}
		p, err := profiles.For(fingerprint)
		if err != nil {
			return nil, "", err
		}
		if p != nil && p.Shape == shape {
			return p, "that ships for " + path, nil
		}
	}
	return nil, "", nil
}

func fingerprintOf(path string) (string, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return "", err
	}
	out, err := f.Fingerprint()
	return out, errors.Join(err, f.Close())
}

// Mapped returns the GGUF files that the process has mapped.
func Mapped() (out []string) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer f.Close()
	had := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		at := strings.IndexByte(lines.Text(), '/')
		if at < 0 || had[lines.Text()[at:]] {
			continue
		}
		path := lines.Text()[at:]
		had[path] = true
		if isGGUF(path) {
			out = append(out, path)
		}
	}
	return out
}

func isGGUF(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = io.ReadFull(f, magic)
	return err == nil && bytes.Equal(magic, []byte("GGUF"))
}
