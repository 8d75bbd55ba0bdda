package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// Texts side by side get the logits that each gets alone.
func TestLockstep(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	const texts = 3
	l := model.NewLockstep(m, texts)
	alone := [texts]*model.Memory{}
	for i := range alone {
		alone[i] = model.NewMemory(m.Config)
	}
	tokens, _ := window(m.Vocab, 8*texts)
	for step := range 8 {
		batch := tokens[step*texts : (step+1)*texts]
		logits, err := l.Step(batch)
		require.NoError(t, err)
		for i, kv := range alone {
			want, err := m.Forward(batch[i:i+1], kv)
			require.NoError(t, err)
			for j, x := range want {
				require.InDelta(t, x, logits[i*m.Vocab+j], 1e-3, "step %d, text %d, logit %d", step, i, j)
			}
		}
	}
	_, err := l.Step(tokens[:2])
	require.ErrorIs(t, err, model.ErrToken)
}
