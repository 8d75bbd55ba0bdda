package eval

import (
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/peers"
)

// lateText reads a question from rows as they came, while a method makes of them
// what it does; the endings are then read from the method's text. It is how the
// authors of QAQ measured: the question is compressed when it has been read.
type lateText struct {
	Text
	bench *Bench
	plain *model.Memory
}

func newLate(b *Bench, t Text) *lateText { return &lateText{t, b, model.NewMemory(b.Model.Config)} }

// Append implements model.KV.
func (l *lateText) Append(layer int, k, v []float32) error {
	if err := l.Text.Append(layer, k, v); err != nil {
		return err
	}
	k, v = append([]float32(nil), k...), append([]float32(nil), v...)
	peers.Half(k)
	peers.Half(v)
	return l.plain.Append(layer, k, v)
}

// Attend implements model.KV.
func (l *lateText) Attend(layer int, q, out []float32, a model.Attention) error {
	probs, err := l.plain.AttendProbs(layer, q, out, a)
	if err != nil {
		return err
	}
	return l.Text.Observe(layer, probs, len(q)/(l.bench.Model.QueryHeads*l.bench.Model.HeadDim))
}

// Step implements model.KV.
func (l *lateText) Step() error {
	if err := l.plain.Step(); err != nil {
		return err
	}
	return l.Text.Step()
}
