package model

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

// loadWeights reads all tensors and sets Vocab.
func (m *Model) loadWeights(f *gguf.File) error {
	const embedding = "token_embd.weight"
	l := &loader{f: f, used: map[string]bool{}}
	if t := f.Lookup(embedding); t != nil && len(t.Dims) == 2 {
		m.Vocab = t.Dims[1]
	}
	l.load(&m.embedding, m.Width, part{embedding, m.Vocab})
	l.load(&m.outputNorm, 0, part{"output_norm.weight", m.Width})
	l.optional(&m.output, m.Width, part{"output.weight", m.Vocab})
	var factors []float32
	l.optional(&factors, 0, part{"rope_freqs.weight", m.RopeDims / 2})
	if have := len(f.Tensors()); m.Layers > have {
		return fmt.Errorf("model: %s: %d layers but %d tensors: %w", f.Path(), m.Layers, have, gguf.ErrTensor)
	}
	m.layers = make([]layer, m.Layers)
	for i := range m.layers {
		m.planLayer(l, i)
	}
	if err := l.run(); err != nil {
		return err
	}
	if m.output == nil {
		m.output = m.embedding
	}
	return m.setRope(f, factors)
}

func (m *Model) planLayer(l *loader, i int) {
	w, blk := m.Width, fmt.Sprintf("blk.%d.", i)
	q, kv := m.QueryHeads*m.HeadDim, m.KVHeads*m.HeadDim
	dst := &m.layers[i]
	l.load(&dst.attentionNorm, 0, part{blk + "attn_norm.weight", w})
	l.load(&dst.qkv, w, part{blk + "attn_q.weight", q}, part{blk + "attn_k.weight", kv}, part{blk + "attn_v.weight", kv})
	l.optional(&dst.qkvBias, 0, part{blk + "attn_q.bias", q}, part{blk + "attn_k.bias", kv}, part{blk + "attn_v.bias", kv})
	l.load(&dst.out, q, part{blk + "attn_output.weight", w})
	l.optional(&dst.outBias, 0, part{blk + "attn_output.bias", w})
	l.load(&dst.hiddenNorm, 0, part{blk + "ffn_norm.weight", w})
	l.load(&dst.gateUp, w, part{blk + "ffn_gate.weight", m.Hidden}, part{blk + "ffn_up.weight", m.Hidden})
	l.load(&dst.down, m.Hidden, part{blk + "ffn_down.weight", w})
}

// setRope computes the angle per position of each pair:
// base^(−2i/RopeDims) / (scale·factor), factors as Llama 3.1 files give them.
func (m *Model) setRope(f *gguf.File, factors []float32) error {
	m.rope = make([]float64, m.RopeDims/2)
	for i := range m.rope {
		m.rope[i] = math.Pow(m.RopeBase, -2*float64(i)/float64(m.RopeDims)) / m.RopeScale
		if factors == nil {
			continue
		}
		if !(factors[i] > 0) {
			return fmt.Errorf("model: %s: rope_freqs.weight[%d] is %v, want more than 0: %w", f.Path(), i, factors[i], gguf.ErrTensor)
		}
		m.rope[i] /= float64(factors[i])
	}
	return nil
}

// readTokenizer builds the tokenizer from the file's metadata.
func readTokenizer(f *gguf.File, vocab int) (*tokenizer.Tokenizer, error) {
	const ggml = "tokenizer.ggml."
	var v tokenizer.Vocabulary
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	text := func(key string) string { s, err := f.String(key, ""); keep(err); return s }
	id := func(key string) int { n, err := f.Int(ggml+key, -1); keep(err); return n }
	var err error
	v.Model, v.Pre, v.Template = text(ggml+"model"), text(ggml+"pre"), text("tokenizer.chat_template")
	v.Tokens, err = f.Strings(ggml + "tokens")
	keep(err)
	v.Merges, err = f.Strings(ggml + "merges")
	keep(err)
	v.Types, err = f.Ints(ggml + "token_type")
	keep(err)
	v.BOS, v.EOS = id("bos_token_id"), id("eos_token_id")
	v.EOT, v.EOM = id("eot_token_id"), id("eom_token_id")
	v.AddBOS, err = f.Bool(ggml+"add_bos_token", v.Pre == "llama-bpe")
	keep(err)
	if first == nil && len(v.Tokens) > vocab {
		first = fmt.Errorf("%d tokens but %d embeddings: %w", len(v.Tokens), vocab, gguf.ErrTensor)
	}
	if first != nil {
		return nil, first
	}
	return tokenizer.New(v)
}
