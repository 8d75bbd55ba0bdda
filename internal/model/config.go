package model

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
)

// ErrUnsupported says that the model is of a kind this package cannot run.
var ErrUnsupported = errors.New("unsupported model")

// Config is the shape of a model and what its arithmetic differs in.
type Config struct {
	Arch                string
	Layers              int
	Width               int // elements of the residual stream
	Hidden              int // elements inside the feed-forward block
	QueryHeads, KVHeads int
	HeadDim             int
	Vocab               int
	Context             int  // tokens
	Halves              bool // RoPE pairs element i with i+RopeDims/2, else 2i with 2i+1
	Epsilon             float32
	Rope                Rope

	EmbeddingScale float32 // of the embeddings
	ResidualScale  float32 // of what a block adds to the residual stream
	LogitScale     float32 // divides the logits, as Granite has it
	LogitSoftCap   float32 // C of C·tanh(logit/C); 0: none

	AttentionScale float32 // factor of the scores; 0: 1/√HeadDim
	SoftCap        float32 // C of C·tanh(score/C); 0: none
	Windows        []int   // by layer, tokens that a query sees, 0: all; nil: all in every layer
}

// Group returns the query heads of one KV head.
func (c Config) Group() int { return c.QueryHeads / c.KVHeads }

// Attention is what a layer's attention differs in; the zero value is plain
// causal attention.
type Attention struct {
	Scale   float32 // factor of the scores; 0: 1/√HeadDim
	Window  int     // tokens that a query sees, its own included; 0: all up to its own
	SoftCap float32 // C of C·tanh(score/C); 0: none
}

// Attention returns what the attention of a layer differs in.
func (c Config) Attention(layer int) Attention {
	a := Attention{Scale: c.AttentionScale, SoftCap: c.SoftCap}
	if c.Windows != nil {
		a.Window = c.Windows[layer]
	}
	return a
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
	m := &metadata{f: f, arch: arch, read: map[string]bool{}}
	c := Config{
		Arch: arch, Halves: arch == "qwen2",
		Layers:     m.positive("block_count"),
		Width:      m.positive("embedding_length"),
		Hidden:     m.positive("feed_forward_length"),
		QueryHeads: m.positive("attention.head_count"),
		Context:    m.positive("context_length"),
		Epsilon:    float32(m.float("attention.layer_norm_rms_epsilon", 1e-5)),
	}
	c.KVHeads = m.int("attention.head_count_kv", c.QueryHeads)
	if m.err != nil {
		return Config{}, m.err
	}
	c.HeadDim = m.int("attention.key_length", c.Width/c.QueryHeads)
	if n := m.int("attention.value_length", c.HeadDim); n != c.HeadDim {
		m.refuse("keys of %d and values of %d elements", c.HeadDim, n)
	}
	c.Rope = readRope(m, c)
	c.readScales(m)
	c.Windows = readWindows(m, c)
	m.refuseOther()
	if m.err != nil {
		return Config{}, m.err
	}
	return c, c.check(f)
}

func (c *Config) readScales(m *metadata) {
	c.EmbeddingScale = float32(m.factor("embedding_scale", 1))
	c.ResidualScale = float32(m.factor("residual_scale", 1))
	c.LogitScale = float32(m.factor("logit_scale", 1))
	c.LogitSoftCap = float32(m.factor("final_logit_softcapping", 0))
	c.AttentionScale = float32(m.factor("attention.scale", 0))
	c.SoftCap = float32(m.factor("attn_logit_softcapping", 0))
}

// maxWindow is the largest window (backend.Attend), maxLayers what is allocated
// before the tensors of the layers are looked for.
const (
	maxWindow = 1 << 24
	maxLayers = 1 << 16
)

// readWindows returns the window of each layer, nil where no layer has one.
// sliding_window_pattern is a truth value for each layer, or a period: the last
// layer of each such many sees all. Without it, all layers have the window, as
// Mistral's first models had. A window of the whole context is none.
func readWindows(m *metadata, c Config) []int {
	window := m.int("attention.sliding_window", 0)
	slides := slidingLayers(m, c.Layers)
	if window == 0 || window >= c.Context || m.err != nil {
		return nil
	}
	if window < 0 || window > maxWindow || c.Layers > maxLayers {
		m.refuse("%s is %d over %d layers, want 0 to %d over at most %d", m.key("attention.sliding_window"), window, c.Layers, maxWindow, maxLayers)
		return nil
	}
	windows := make([]int, c.Layers)
	for i := range windows {
		if slides(i) {
			windows[i] = window
		}
	}
	return windows
}

// slidingLayers tells which layers have the window.
func slidingLayers(m *metadata, layers int) func(layer int) bool {
	key := m.key("attention.sliding_window_pattern")
	if !m.f.IsArray(key) {
		period := m.int("attention.sliding_window_pattern", 0)
		if period < 0 {
			m.refuse("%s is %d, want at least 0", key, period)
		}
		return func(layer int) bool { return period == 0 || layer%period < period-1 }
	}
	pattern, err := m.f.Bools(key)
	m.keep(err)
	if err == nil && len(pattern) != layers {
		m.refuse("%s has %d elements for %d layers", key, len(pattern), layers)
	}
	return func(layer int) bool { return pattern[layer] }
}

func (c Config) check(f *gguf.File) error {
	switch {
	case c.KVHeads < 1 || c.QueryHeads%c.KVHeads != 0:
		return fmt.Errorf("model: %s: %d query heads for %d KV heads: %w", f.Path(), c.QueryHeads, c.KVHeads, ErrUnsupported)
	case c.HeadDim < 1 || c.Rope.Dims < 0 || c.Rope.Dims > c.HeadDim || c.Rope.Dims%2 != 0:
		return fmt.Errorf("model: %s: RoPE over %d of %d elements of a head: %w", f.Path(), c.Rope.Dims, c.HeadDim, ErrUnsupported)
	case !(c.Epsilon >= 0 && c.Epsilon < 1):
		return fmt.Errorf("model: %s: epsilon %v, want 0 to 1: %w", f.Path(), c.Epsilon, ErrUnsupported)
	}
	return c.Rope.check(f)
}
