package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/qaqvk/qaqvk/internal/model/blas"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

// Model is a loaded model. It holds no files.
type Model struct {
	Config
	SHA256    string // of the file, lower-case hex
	Tokenizer *tokenizer.Tokenizer

	embedding  []float32 // [Vocab][Width]
	output     []float32 // [Vocab][Width], the embedding where they are tied
	outputNorm []float32 // [Width]
	layers     []layer
	rope       []float64 // [RopeDims/2] radians per position
	scratch    scratch
}

// layer holds the weights of one block; matrices are [out][in], a bias that the
// model lacks is nil.
type layer struct {
	attentionNorm []float32 // [Width]
	qkv, qkvBias  []float32 // [(QueryHeads+2·KVHeads)·HeadDim][Width]
	out, outBias  []float32 // [Width][QueryHeads·HeadDim]
	hiddenNorm    []float32 // [Width]
	gateUp        []float32 // [2·Hidden][Width]
	down          []float32 // [Width][Hidden]
}

// Load reads the GGUF file at path. Errors name the file and what is wrong with
// it; they wrap os errors, ErrUnsupported, tokenizer.ErrUnsupported, or the
// errors of package gguf.
func Load(path string) (*Model, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c}
	if err := m.loadWeights(f); err != nil {
		return nil, err
	}
	if m.Tokenizer, err = readTokenizer(f, m.Vocab); err != nil {
		return nil, fmt.Errorf("model: %s: %w", path, err)
	}
	if m.SHA256, err = Checksum(path); err != nil {
		return nil, err
	}
	return m, nil
}

// Checksum returns the SHA-256 of the file at path in lower-case hex.
func Checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("model: checksum: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("model: checksum: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// loader plans all reads before it allocates, so that a file whose tensors are
// missing or misshapen costs nothing.
type loader struct {
	f     *gguf.File
	plans []plan
	used  map[string]bool
	err   error
}

// plan fills *dst with tensors one behind the other.
type plan struct {
	dst     *[]float32
	tensors []*gguf.Tensor
}

type part struct {
	name string
	rows int
}

// load plans to read the parts, each [rows][cols], as one matrix; cols 0 means
// vectors of rows elements.
func (l *loader) load(dst *[]float32, cols int, parts ...part) {
	p := plan{dst: dst}
	for _, part := range parts {
		dims := []int{part.rows}
		if cols > 0 {
			dims = []int{cols, part.rows}
		}
		t, err := l.f.Tensor(part.name, dims...)
		if err != nil {
			if l.err == nil {
				l.err = err
			}
			return
		}
		l.used[part.name] = true
		p.tensors = append(p.tensors, t)
	}
	l.plans = append(l.plans, p)
}

// optional is load where any of the parts is in the file.
func (l *loader) optional(dst *[]float32, cols int, parts ...part) {
	for _, part := range parts {
		if l.f.Lookup(part.name) != nil {
			l.load(dst, cols, parts...)
			return
		}
	}
}

// run checks that every tensor of the file has a use and reads them all.
func (l *loader) run() error {
	if l.err != nil {
		return l.err
	}
	for _, name := range l.f.Tensors() {
		if !l.used[name] {
			return fmt.Errorf("model: %s: tensor %q has no use in the models known here: %w", l.f.Path(), name, ErrUnsupported)
		}
	}
	var once sync.Once
	blas.Parallel(len(l.plans), func(i int) {
		if err := l.plans[i].read(l.f); err != nil {
			once.Do(func() { l.err = err })
		}
	})
	return l.err
}

func (p plan) read(f *gguf.File) error {
	total := 0
	for _, t := range p.tensors {
		total += t.Elems()
	}
	data := make([]float32, total)
	*p.dst = data
	for _, t := range p.tensors {
		if err := f.ReadF32(t, data[:t.Elems()]); err != nil {
			return err
		}
		data = data[t.Elems():]
	}
	return nil
}
