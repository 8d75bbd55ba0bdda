package conformance

import (
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// importanceAt is how many words lie before a layer's importance.
const importanceAt = 5

// buildRecordImportance takes the importance from any probabilities.
func buildRecordImportance(c Case) (*program, error) {
	p := &program{}
	scores := p.input("scores", c.probabilities())
	c.Params.addRecordImportance(p, scores, p.change("importance", c.importance()))
	return p, nil
}

// probabilities are 0, 1, 2^-40 or any between, for each vector and token, and its
// spread is any from 1 to the number of tokens.
func (c Case) probabilities() []uint32 {
	a, rng := c.Params.Attention, c.rng(6)
	words := slices.Repeat([]uint32{unwritten}, a.scoresWords())
	for v := range a.heads() * a.vectors() {
		for t := a.Base; t < a.Tokens; t++ {
			words[a.scoreAt(v, t)] = probability(rng.Uint32())
		}
	}
	rng = c.rng(9)
	for v := range a.heads() * a.vectors() {
		words[a.spreadAt(v)] = math.Float32bits(float32(math.Pow(float64(a.Tokens), rng.Float64())))
	}
	return words
}

func probability(r uint32) uint32 {
	switch r % 8 {
	case 0, 1:
		return 0
	case 2:
		return math.Float32bits(1)
	case 3:
		return math.Float32bits(0x1p-40)
	}
	return r>>9 | (87+r>>3%40)<<23
}

// headStride is the words from KV head to KV head: more than tokens need.
func (a *Attention) headStride() int { return (a.Tokens+3)/4 + 2 }

// importance is that of a layer before a kernel writes it.
func (c Case) importance() []uint32 {
	a, rng := c.Params.Attention, c.rng(7)
	words := slices.Repeat([]uint32{unwritten}, importanceAt+a.Heads*a.headStride()+3)
	for i := importanceAt; i < len(words)-3; i++ {
		words[i] = randomImportance(rng)
	}
	return words
}

// addRecordImportance adds the taking of importance to a program.
func (p Params) addRecordImportance(prog *program, scores, importance int) {
	a, words := p.Attention, (p.Attention.Tokens+3)/4+1
	push := shaders.RecordImportancePush{
		Vectors: uint32(a.vectors()), VectorFirst: uint32(a.VectorFirst), VectorEnd: uint32(a.VectorEnd),
		Heads: uint32(a.heads()), Stride: uint32(a.stride()),
		HeadStride: uint32(a.headStride()), Words: uint32(words), Keep: a.Keep,
	}
	if a.VectorEnd == 0 {
		push.VectorEnd = push.Vectors
	}
	frame := prog.input("frame.observe", shaders.ImportanceFrame{
		Tokens: uint32(a.Tokens), Base: uint32(a.Base), Importance: uint32(importanceAt + a.HeadFirst*a.headStride()),
	}.AppendTo(nil))
	prog.run(shaders.RecordImportance, p.spec(shaders.RecordImportance, 0), push.Bytes(), p.workgroups(a.heads()*words, 1), frame, scores, importance)
}
