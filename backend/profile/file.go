package profile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nlpodyssey/safetensors"
)

// Format and Version stand in the metadata of every profile.
const (
	Format  = "qaqvk.profile"
	Version = 4
)

// maxBytes is the largest file that is read.
const maxBytes = 1 << 30

// Load reads and checks a profile. Errors name the file and wrap os errors,
// ErrFormat or ErrVersion.
func Load(path string) (*Profile, error) {
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	p, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("profile: %s (%d bytes): %w", path, len(data), err)
	}
	return p, nil
}

// read returns the bytes of a regular file of at most maxBytes.
func read(path string) (data []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxBytes {
		return nil, fmt.Errorf("%s: no regular file of at most %d bytes: %w", path, maxBytes, ErrFormat)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes))
}

// Parse reads a profile from the bytes of its file. Errors wrap ErrFormat or
// ErrVersion.
func Parse(data []byte) (*Profile, error) {
	tensors, err := safetensors.Deserialize(data)
	if err != nil {
		return nil, fmt.Errorf("damaged or cut short: %w: %w", err, ErrFormat)
	}
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrFormat)
	}
	r := &reader{tensors: tensors, metadata: header.Metadata()}
	if err := r.vouch(); err != nil {
		return nil, err
	}
	p := r.profile()
	if r.err != nil {
		return nil, r.err
	}
	return p, p.Validate()
}

// Bytes returns the profile as a file, the same for equal profiles. The error
// wraps ErrFormat.
func (p *Profile) Bytes() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	tensors, metadata := p.contents()
	metadata[keyHash] = hash(tensors, metadata)
	return safetensors.Serialize(tensors, metadata)
}

// Hash returns the SHA-256 of all that the profile says, as its file has it, in
// lower-case hex. It is part of the identity of pages encoded with it.
func (p *Profile) Hash() string { return hash(p.contents()) }

// Save writes the profile to a file, which is there whole or not at all.
func (p *Profile) Save(path string) (err error) {
	data, err := p.Bytes()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".profile-*")
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
			err = fmt.Errorf("profile: %s: %w", path, err)
		}
	}()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// vouch checks what the file says of itself: format, version, checksum.
func (r *reader) vouch() error {
	if f := r.metadata[keyFormat]; f != Format {
		return fmt.Errorf("format %.40q, want %q: %w", f, Format, ErrFormat)
	}
	version, err := strconv.Atoi(r.metadata[keyVersion])
	if err != nil || version < 1 {
		return fmt.Errorf("version %.40q: %w", r.metadata[keyVersion], ErrFormat)
	}
	if version > Version {
		return fmt.Errorf("version %d, known up to %d; a newer qaqvk reads it: %w", version, Version, ErrVersion)
	}
	if version < Version {
		return fmt.Errorf("version %d, whose tables are other than those of %d; calibrate anew: %w", version, Version, ErrVersion)
	}
	views := map[string]safetensors.TensorView{}
	for _, t := range r.tensors.Tensors() {
		views[t.Name] = t.TensorView
	}
	if have, want := hash(views, r.metadata), r.metadata[keyHash]; have != want {
		return fmt.Errorf("damaged: checksum %.12s…, the file says %.12s…: %w", have, want, ErrFormat)
	}
	return nil
}
