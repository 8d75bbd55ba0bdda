package model

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
)

// ErrUnsupported says that the model is of a kind this package cannot run.
var ErrUnsupported = errors.New("unsupported model")

// Config is the shape of a model.
type Config struct {
	Arch                string
	Layers              int
	Width               int // elements of the residual stream
	Hidden              int // elements inside the feed-forward block
	QueryHeads, KVHeads int
	HeadDim             int
	Vocab               int
	Context             int // tokens
	RopeDims            int // leading elements of a head that are rotated
	RopeBase, RopeScale float64
	Halves              bool // RoPE pairs element i with i+RopeDims/2, else 2i with 2i+1
	Epsilon             float32
}

// Group returns the query heads of one KV head.
func (c Config) Group() int { return c.QueryHeads / c.KVHeads }

// metadata reads keys below the architecture's prefix and keeps the first error.
type metadata struct {
	f    *gguf.File
	arch string
	err  error
}

func (m *metadata) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *metadata) key(name string) string { return m.arch + "." + name }

func (m *metadata) int(name string, def int) int {
	v, err := m.f.Int(m.key(name), def)
	m.keep(err)
	return v
}

func (m *metadata) float(name string, def float64) float64 {
	v, err := m.f.Float(m.key(name), def)
	m.keep(err)
	return v
}

// positive reads a count that must be there and at least one.
func (m *metadata) positive(name string) int {
	v := m.int(name, 0)
	if v < 1 {
		m.keep(fmt.Errorf("model: %s: %s is %d or missing, want at least 1: %w", m.f.Path(), m.key(name), v, gguf.ErrKey))
	}
	return v
}

// readConfig reads the shape from the metadata and checks that it is one that
// this package computes.
func readConfig(f *gguf.File) (Config, error) {
	arch, err := f.String("general.architecture", "")
	if err != nil {
		return Config{}, err
	}
	if arch != "llama" && arch != "qwen2" {
		return Config{}, fmt.Errorf("model: %s: architecture %q (known: llama, qwen2): %w", f.Path(), arch, ErrUnsupported)
	}
	m := &metadata{f: f, arch: arch}
	c := Config{
		Arch: arch, Halves: arch == "qwen2",
		Layers:     m.positive("block_count"),
		Width:      m.positive("embedding_length"),
		Hidden:     m.positive("feed_forward_length"),
		QueryHeads: m.positive("attention.head_count"),
		Context:    m.positive("context_length"),
		RopeBase:   m.float("rope.freq_base", 10000),
		Epsilon:    float32(m.float("attention.layer_norm_rms_epsilon", 1e-5)),
	}
	c.KVHeads = m.int("attention.head_count_kv", c.QueryHeads)
	if m.err != nil {
		return Config{}, m.err
	}
	c.HeadDim = m.int("attention.key_length", c.Width/c.QueryHeads)
	c.RopeDims = m.int("rope.dimension_count", c.HeadDim)
	c.RopeScale = ropeScale(m)
	rejectVariants(m, c)
	if m.err != nil {
		return Config{}, m.err
	}
	return c, c.check(f)
}

// ropeScale returns the factor by which positions are divided.
func ropeScale(m *metadata) float64 {
	kind, err := m.f.String(m.key("rope.scaling.type"), "none")
	m.keep(err)
	switch kind {
	case "linear":
		return m.float("rope.scaling.factor", 1)
	case "none":
		return m.float("rope.scale_linear", 1)
	}
	m.keep(fmt.Errorf("model: %s: RoPE scaling %q (known: none, linear): %w", m.f.Path(), kind, ErrUnsupported))
	return 1
}

// rejectVariants refuses metadata that asks for other arithmetic.
func rejectVariants(m *metadata, c Config) {
	if n := m.int("expert_count", 0); n > 0 {
		m.keep(fmt.Errorf("model: %s: mixture of %d experts: %w", m.f.Path(), n, ErrUnsupported))
	}
	if n := m.int("attention.value_length", c.HeadDim); n != c.HeadDim {
		m.keep(fmt.Errorf("model: %s: keys of %d and values of %d elements: %w", m.f.Path(), c.HeadDim, n, ErrUnsupported))
	}
}

func (c Config) check(f *gguf.File) error {
	switch {
	case c.KVHeads < 1 || c.QueryHeads%c.KVHeads != 0:
		return fmt.Errorf("model: %s: %d query heads for %d KV heads: %w", f.Path(), c.QueryHeads, c.KVHeads, ErrUnsupported)
	case c.HeadDim < 1 || c.RopeDims < 0 || c.RopeDims > c.HeadDim || c.RopeDims%2 != 0:
		return fmt.Errorf("model: %s: RoPE over %d of %d elements of a head: %w", f.Path(), c.RopeDims, c.HeadDim, ErrUnsupported)
	case !(c.RopeBase > 0) || !(c.RopeScale > 0) || !(c.Epsilon >= 0):
		return fmt.Errorf("model: %s: RoPE base %v, scale %v, epsilon %v: %w", f.Path(), c.RopeBase, c.RopeScale, c.Epsilon, ErrUnsupported)
	}
	return nil
}
