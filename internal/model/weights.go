package model

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
)

// planWeights finds all tensors, decides whether and how they fit in memory, and sets
// Vocab and the speeds of RoPE.
func (m *Model) planWeights() error {
	const embedding, output = "token_embd.weight", "output.weight"
	f := m.file
	l := &loader{f: f, used: map[string]bool{}}
	if t := f.Lookup(embedding); t != nil && len(t.Dims) == 2 {
		m.Vocab = t.Dims[1]
	}
	m.embedding = l.matrix(m.Width, part{embedding, m.Vocab})
	m.output = m.embedding
	if f.Lookup(output) != nil {
		m.output = l.matrix(m.Width, part{output, m.Vocab})
	}
	l.vector(&m.outputNorm, part{"output_norm.weight", m.Width})
	factors := l.factors(m.Rope.Dims / 2)
	if have := len(f.Tensors()); m.Layers > have {
		return fmt.Errorf("model: %s: %d layers but %d tensors: %w", f.Path(), m.Layers, have, gguf.ErrTensor)
	}
	m.layers = make([]layer, m.Layers)
	for i := range m.layers {
		m.planLayer(l, i)
	}
	if err := l.check(); err != nil {
		return err
	}
	l.measure(&m.Footprint)
	m.Footprint.Work += m.work(CalibrationBatch)
	if err := m.Footprint.decide(); err != nil {
		return fmt.Errorf("model: %s: %w", f.Path(), err)
	}
	m.matrices, m.weights = l.matrices, l
	return m.readSpeeds(factors)
}

func (m *Model) planLayer(l *loader, i int) {
	w, blk := m.Width, fmt.Sprintf("blk.%d.", i)
	q, kv := m.QueryHeads*m.HeadDim, m.KVHeads*m.HeadDim
	dst := &m.layers[i]
	l.vector(&dst.attentionNorm, part{blk + "attn_norm.weight", w})
	dst.qkv = l.matrix(w, part{blk + "attn_q.weight", q}, part{blk + "attn_k.weight", kv}, part{blk + "attn_v.weight", kv})
	l.optional(&dst.qkvBias, part{blk + "attn_q.bias", q}, part{blk + "attn_k.bias", kv}, part{blk + "attn_v.bias", kv})
	dst.out = l.matrix(q, part{blk + "attn_output.weight", w})
	l.optional(&dst.outBias, part{blk + "attn_output.bias", w})
	l.vector(&dst.hiddenNorm, part{blk + "ffn_norm.weight", w})
	dst.gateUp = l.matrix(w, part{blk + "ffn_gate.weight", m.Hidden}, part{blk + "ffn_up.weight", m.Hidden})
	dst.down = l.matrix(m.Hidden, part{blk + "ffn_down.weight", w})
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
	id := func(key string) int { n, err := readToken(f, ggml+key); keep(err); return n }
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
	if first == nil && (v.Model == "" || len(v.Tokens) == 0) {
		first = fmt.Errorf("no tokenizer: %smodel is %q, %stokens has %d tokens: %w", ggml, v.Model, ggml, len(v.Tokens), gguf.ErrKey)
	}
	if first == nil && len(v.Tokens) > vocab {
		first = fmt.Errorf("%d tokens but %d embeddings: %w", len(v.Tokens), vocab, gguf.ErrTensor)
	}
	if first != nil {
		return nil, first
	}
	return tokenizer.New(v)
}

// readToken reads a token id; −1, also as an unsigned number, means none.
func readToken(f *gguf.File, key string) (int, error) {
	if n, err := f.Float(key, -1); err != nil || n == math.MaxUint32 {
		return -1, err
	}
	n, err := f.Int(key, -1)
	if err == nil && n < -1 {
		err = fmt.Errorf("gguf: %s: %s is %d, want -1 for none, or at least 0: %w", f.Path(), key, n, gguf.ErrKey)
	}
	return n, err
}
