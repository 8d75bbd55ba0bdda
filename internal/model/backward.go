package model

import (
	"fmt"
	"math"
)

// logitRows is how many tokens' logits are in memory at once.
const logitRows = 64

// Backward draws a label for every token of the last Forward, which label chooses
// given the position and the probabilities of all tokens, and gives visit the
// gradients of the sum of the labels' log-likelihoods, last layer first. It returns
// the mean negative log-likelihood of the window's own next tokens, nats.
func (d *Differentiator) Backward(label func(position int, probabilities []float32) int, visit func(LayerGradients)) (nll float64, err error) {
	m, n := d.model, len(d.tokens)
	s := m.scratch.resize(m.Config, n) // s.x is the residual stream behind the last layer
	dx := make([]float32, len(s.x))
	for first := 0; first < n; first += logitRows {
		sum, err := d.logitGradients(dx, first, min(first+logitRows, n), label)
		if err != nil {
			return 0, err
		}
		nll += sum
	}
	b := newBackwardScratch(m.Config, n)
	for i := len(m.layers) - 1; i >= 0; i-- {
		if err := d.feedGradients(i, dx, b); err != nil {
			return 0, fmt.Errorf("model: layer %d: %w", i, err)
		}
		if err := d.attendGradients(i, dx, b); err != nil {
			return 0, fmt.Errorf("model: layer %d: %w", i, err)
		}
		t := &d.tape[i]
		visit(LayerGradients{i, t.q, t.k, t.v, d.attend.farK, d.attend.farV})
	}
	return nll / float64(max(1, n-1)), nil
}

// backwardScratch are gradients of a layer's activations.
type backwardScratch struct {
	norm, mixed, hidden, qkv, q []float32
}

func newBackwardScratch(c Config, n int) *backwardScratch {
	q, kv := c.QueryHeads*c.HeadDim, c.KVHeads*c.HeadDim
	return &backwardScratch{
		norm: make([]float32, n*c.Width), mixed: make([]float32, n*q), hidden: make([]float32, n*c.Hidden),
		qkv: make([]float32, n*(q+2*kv)), q: make([]float32, n*q),
	}
}

// logitGradients adds to dx what the labels of tokens first to last say, and
// returns the negative log-likelihood of the tokens that follow them.
func (d *Differentiator) logitGradients(dx []float32, first, last int, label func(int, []float32) int) (nll float64, err error) {
	m, n := d.model, last-first
	w := m.Width
	x := m.scratch.x[first*w : last*w]
	norm := make([]float32, n*w)
	rmsNorm(norm, x, m.outputNorm, m.Epsilon)
	logits := make([]float32, n*m.Vocab)
	if err := m.output.apply(logits, norm, n, 1/m.LogitScale, 0); err != nil {
		return 0, err
	}
	softCap(logits, m.LogitSoftCap)
	for i := range n {
		row := logits[i*m.Vocab : (i+1)*m.Vocab]
		nll += d.labelGradient(row, first+i, label)
	}
	if err := m.output.applyT(norm, logits, n, 1/m.LogitScale, 0); err != nil {
		return 0, err
	}
	rmsNormGrad(dx[first*w:last*w], norm, x, m.outputNorm, m.Epsilon)
	return nll, nil
}

// labelGradient replaces the logits after a token by the gradient of the log-
// likelihood of its label.
func (d *Differentiator) labelGradient(row []float32, at int, label func(int, []float32) int) (nll float64) {
	slope := capSlopes(row, d.model.LogitSoftCap)
	softmax(row, 0, len(row))
	if at+1 < len(d.tokens) {
		nll = -math.Log(max(1e-30, float64(row[d.tokens[at+1]])))
	}
	y := label(at, row)
	for i := range row {
		row[i] = -row[i]
	}
	row[y]++
	for i, c := range slope {
		row[i] *= c
	}
	return nll
}

// capSlopes returns the derivatives of softCap from its results; none where there
// is no cap.
func capSlopes(capped []float32, limit float32) []float32 {
	if limit == 0 {
		return nil
	}
	out := make([]float32, len(capped))
	for i, x := range capped {
		out[i] = 1 - x/limit*(x/limit)
	}
	return out
}

// feedGradients takes dx from behind the feed-forward block of a layer to before it.
func (d *Differentiator) feedGradients(i int, dx []float32, b *backwardScratch) error {
	m, n, w, t := d.model, len(d.tokens), &d.model.layers[i], &d.tape[i]
	s := &m.scratch
	rmsNorm(s.norm, t.middle, w.hiddenNorm, m.Epsilon)
	if err := w.gateUp.apply(s.gateUp, s.norm, n, 1, 0); err != nil {
		return err
	}
	if err := w.down.applyT(b.hidden, dx, n, m.ResidualScale, 0); err != nil {
		return err
	}
	swiGLUGrad(s.gateUp, b.hidden, m.Hidden)
	if err := w.gateUp.applyT(b.norm, s.gateUp, n, 1, 0); err != nil {
		return err
	}
	rmsNormGrad(dx, b.norm, t.middle, w.hiddenNorm, m.Epsilon)
	return nil
}

// attendGradients takes dx from behind the attention block of a layer to before it.
func (d *Differentiator) attendGradients(i int, dx []float32, b *backwardScratch) error {
	m, n, w, t := d.model, len(d.tokens), &d.model.layers[i], &d.tape[i]
	if err := w.out.applyT(b.mixed, dx, n, m.ResidualScale, 0); err != nil {
		return err
	}
	g := d.attend.reset(m.Config, m.Attention(i), n, d.Distance, t)
	g.backward(b.mixed, b.q)
	s := &m.scratch
	s.angles.rotateBack(b.q, m.QueryHeads, m.HeadDim, m.Halves)
	s.angles.rotateBack(g.gradK, m.KVHeads, m.HeadDim, m.Halves)
	join(b.qkv, n, b.q, g.gradK, g.gradV)
	if err := w.qkv.applyT(b.norm, b.qkv, n, 1, 0); err != nil {
		return err
	}
	rmsNormGrad(dx, b.norm, t.x, w.attentionNorm, m.Epsilon)
	return nil
}

// join writes rows of n tokens side by side.
func join(out []float32, n int, parts ...[]float32) {
	row := len(out) / n
	at := 0
	for _, p := range parts {
		width := len(p) / n
		for i := range n {
			copy(out[i*row+at:][:width], p[i*width:(i+1)*width])
		}
		at += width
	}
}
