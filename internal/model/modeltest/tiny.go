package modeltest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// Shape of the tiny model. Rows of 256 are whole blocks of every weight type.
const (
	Layers     = 2
	Width      = 256
	Hidden     = 256
	QueryHeads = 4
	KVHeads    = 2
	HeadDim    = 64
	Context    = 96
)

// Tiny returns a random model of the architecture "llama" with tied output, the
// same for the same seed; its matrices take the weight types in turn.
func Tiny(seed uint64) *File {
	f := &File{}
	f.setShape(Layers, Context, Width, Hidden, QueryHeads, KVHeads)
	vocab := f.setVocabulary()
	r := rand.New(rand.NewPCG(seed, 1))
	f.add(r, "token_embd.weight", quant.Q8_0, Width, vocab)
	f.add(r, "output_norm.weight", quant.F32, Width)
	types := quant.Types()
	for l := range Layers {
		blk := fmt.Sprintf("blk.%d.", l)
		f.add(r, blk+"attn_norm.weight", quant.F32, Width)
		f.add(r, blk+"ffn_norm.weight", quant.F32, Width)
		for i, m := range []struct {
			name string
			rows int
		}{
			{"attn_q", QueryHeads * HeadDim}, {"attn_k", KVHeads * HeadDim}, {"attn_v", KVHeads * HeadDim},
			{"attn_output", Width}, {"ffn_gate", Hidden}, {"ffn_up", Hidden}, {"ffn_down", Width},
		} {
			f.add(r, blk+m.name+".weight", types[(7*l+i)%len(types)], Width, m.rows)
		}
	}
	return f
}

// setShape sets the metadata of a llama.
func (f *File) setShape(layers, context, width, hidden, queryHeads, kvHeads int) {
	for _, kv := range []KV{
		{"general.architecture", "llama"},
		{"llama.block_count", uint32(layers)},
		{"llama.context_length", uint32(context)},
		{"llama.embedding_length", uint32(width)},
		{"llama.feed_forward_length", uint32(hidden)},
		{"llama.attention.head_count", uint32(queryHeads)},
		{"llama.attention.head_count_kv", uint32(kvHeads)},
		{"llama.rope.freq_base", float32(10000)},
		{"llama.attention.layer_norm_rms_epsilon", float32(1e-5)},
	} {
		f.Set(kv.Key, kv.Value)
	}
}

// Add appends a random tensor of a supported type.
func (f *File) Add(seed uint64, name string, t quant.Type, dims ...int) {
	f.add(rand.New(rand.NewPCG(seed, 2)), name, t, dims...)
}

func (f *File) add(r *rand.Rand, name string, t quant.Type, dims ...int) {
	elems := 1
	for _, d := range dims {
		elems *= d
	}
	f.Tensors = append(f.Tensors, Tensor{name, uint32(t), dims, Random(r, t, elems, len(dims) == 1)})
}

// scales gives the places of the f16 fields in a block and their magnitude, so
// that values come out at about 0.1.
var scales = map[quant.Type]struct {
	at    []int
	value float32
}{
	quant.Q4_0: {[]int{0}, 0.02}, quant.Q4_1: {[]int{0, 2}, 0.01}, quant.Q5_0: {[]int{0}, 0.01},
	quant.Q5_1: {[]int{0, 2}, 0.005}, quant.Q8_0: {[]int{0}, 0.001},
	quant.Q4_K: {[]int{0, 2}, 0.0004}, quant.Q6_K: {[]int{208}, 0.00005},
}

// Random returns the bytes of elems random values of type t. Float types are
// uniform in ±0.15, or around one where norm is set.
func Random(r *rand.Rand, t quant.Type, elems int, norm bool) []byte {
	var out []byte
	if s, ok := scales[t]; ok {
		per, size, _ := t.Block() // t is a supported type: it is in scales
		for range elems / per {
			block := make([]byte, size)
			for i := range block {
				block[i] = byte(r.Uint32())
			}
			for _, at := range s.at {
				binary.LittleEndian.PutUint16(block[at:], half(s.value*(0.5+r.Float32())))
			}
			out = append(out, block...)
		}
		return out
	}
	for range elems {
		v := 0.3 * (r.Float32() - 0.5)
		if norm {
			v++
		}
		switch t {
		case quant.F16:
			out = binary.LittleEndian.AppendUint16(out, half(v))
		case quant.BF16:
			out = binary.LittleEndian.AppendUint16(out, uint16(math.Float32bits(v)>>16))
		default:
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	return out
}

// half returns the f16 nearest below |v| for values of f16's normal range, and
// a subnormal below it.
func half(v float32) uint16 {
	b := math.Float32bits(v)
	sign, exp := uint16(b>>16&0x8000), int(b>>23&255)-112
	if exp <= 0 {
		return sign | uint16(math.Abs(float64(v))*(1<<24))
	}
	return sign | uint16(exp)<<10 | uint16(b>>13&1023)
}

// setVocabulary gives the file a byte-level vocabulary with a few merges and
// ChatML's tokens, and returns its size.
func (f *File) setVocabulary() int {
	tokens := []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
	types := []int32{3, 3, 3}
	next := rune(256)
	for b := rune(0); b < 256; b++ {
		r := b
		if !(b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae) {
			r = next
			next++
		}
		tokens = append(tokens, string(r))
	}
	merges := []string{"Ġ t", "h e", "Ġt he", "i n", "e r", "in g"}
	tokens = append(tokens, "Ġt", "he", "Ġthe", "in", "er", "ing")
	for len(types) < len(tokens) {
		types = append(types, 1)
	}
	f.Set("tokenizer.ggml.model", "gpt2")
	f.Set("tokenizer.ggml.pre", "smollm")
	f.Set("tokenizer.ggml.tokens", tokens)
	f.Set("tokenizer.ggml.token_type", types)
	f.Set("tokenizer.ggml.merges", merges)
	f.Set("tokenizer.ggml.eos_token_id", uint32(2))
	return len(tokens)
}
