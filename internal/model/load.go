package model

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

// Model is a loaded model. It holds its files open while its weights are used as
// they are stored, and memory outside of Go's heap where they are f32
// (Footprint): Close it.
type Model struct {
	Config
	SHA256    string // of the file, or of all parts one behind the other, lower-case hex
	Tokenizer *tokenizer.Tokenizer
	Footprint Footprint

	file       *gguf.File
	weights    *loader   // until LoadWeights
	matrices   []*matrix // all of the following
	embedding  *matrix   // [Vocab][Width]
	output     *matrix   // [Vocab][Width], the embedding where they are tied
	outputNorm []float32 // [Width]
	layers     []layer
	rope       []float64 // [Rope.Dims/2] radians per position
	scratch    scratch
}

// layer holds the weights of one block; a bias that the model lacks is nil.
type layer struct {
	attentionNorm []float32 // [Width]
	qkv           *matrix   // [(QueryHeads+2·KVHeads)·HeadDim][Width]
	qkvBias       []float32
	out           *matrix // [Width][QueryHeads·HeadDim]
	outBias       []float32
	hiddenNorm    []float32 // [Width]
	gateUp        *matrix   // [2·Hidden][Width]
	down          *matrix   // [Width][Hidden]
}

// Load reads the GGUF file at path, with the other parts of a split model.
// Errors name the file and what is wrong with it; they wrap os errors,
// ErrUnsupported, ErrMemory, tokenizer.ErrUnsupported, or the errors of package
// gguf. Close the model when it is no longer used.
func Load(path string) (*Model, error) { return load(path, readHost()) }

// load is Load with the memory that is available.
func load(path string, host Host) (*Model, error) {
	m, err := open(path, host)
	if err != nil {
		return nil, err
	}
	if err := m.LoadWeights(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Open is Load without the weights and the tokenizer: of the model there are Config,
// RopeSpeeds and Fingerprint, until LoadWeights.
func Open(path string) (*Model, error) { return open(path, readHost()) }

func open(path string, host Host) (*Model, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	m := &Model{file: f, Footprint: Footprint{Host: host}}
	if m.Config, err = readConfig(f); err == nil {
		err = m.planWeights()
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// LoadWeights reads, once, what Open left. Errors are those of Load; the model is to be
// closed all the same.
func (m *Model) LoadWeights() (err error) {
	if err = m.weights.run(m.Footprint.F32); err != nil {
		return err
	}
	m.weights = nil
	if m.Tokenizer, err = readTokenizer(m.file, m.Vocab); err != nil {
		return fmt.Errorf("model: %s: %w", m.file.Path(), err)
	}
	m.SHA256, err = Checksum(m.file.Paths()...)
	return err
}

// Fingerprint returns the SHA-256 over the model's weights as they are stored, in
// lower-case hex, whatever the files are called and their metadata say.
func (m *Model) Fingerprint() (string, error) { return m.file.Fingerprint() }

// RopeSpeeds returns the radians that a position adds to the angle of each pair,
// [Rope.Dims/2].
func (m *Model) RopeSpeeds() []float64 { return slices.Clone(m.rope) }

// Close releases the model's files and memory; what is run after it fails.
func (m *Model) Close() error {
	for _, w := range m.matrices {
		w.free()
	}
	return m.file.Close()
}

// Checksum returns the SHA-256 of the files one behind the other, in lower-case
// hex.
func Checksum(paths ...string) (string, error) {
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("model: checksum: %w", err)
		}
		_, err = io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("model: checksum: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
