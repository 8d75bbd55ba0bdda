package modeltest

import (
	"fmt"

	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// Llama returns a model of the architecture "llama" of any shape, its matrices
// in Q4_0 with an output of its own, without data: for WriteSparse.
func Llama(layers, width, hidden, queryHeads, kvHeads, vocab int) *File {
	f := &File{}
	f.setShape(layers, 8192, width, hidden, queryHeads, kvHeads)
	f.setVocabulary()
	kv := width / queryHeads * kvHeads
	f.empty("token_embd.weight", quant.Q4_0, width, vocab)
	f.empty("output.weight", quant.Q4_0, width, vocab)
	f.empty("output_norm.weight", quant.F32, width)
	for l := range layers {
		blk := fmt.Sprintf("blk.%d.", l)
		f.empty(blk+"attn_norm.weight", quant.F32, width)
		f.empty(blk+"ffn_norm.weight", quant.F32, width)
		f.empty(blk+"attn_q.weight", quant.Q4_0, width, width)
		f.empty(blk+"attn_k.weight", quant.Q4_0, width, kv)
		f.empty(blk+"attn_v.weight", quant.Q4_0, width, kv)
		f.empty(blk+"attn_output.weight", quant.Q4_0, width, width)
		f.empty(blk+"ffn_gate.weight", quant.Q4_0, width, hidden)
		f.empty(blk+"ffn_up.weight", quant.Q4_0, width, hidden)
		f.empty(blk+"ffn_down.weight", quant.Q4_0, hidden, width)
	}
	return f
}

func (f *File) empty(name string, t quant.Type, dims ...int) {
	f.Tensors = append(f.Tensors, Tensor{name, uint32(t), dims, nil})
}
