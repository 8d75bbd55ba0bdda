package generate

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/sample"
)

func tiny(t *testing.T) *model.Model {
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, modeltest.Tiny(1).Write(path))
	m, err := model.Load(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func greedy(_ int, logits []float32) (int, error) { return sample.Greedy(logits) }

func TestRunStops(t *testing.T) {
	m, prompt := tiny(t), []int{5, 6, 7, 8, 9}
	var fed []int
	r, err := Run(t.Context(), m, model.NewMemory(m.Config), prompt, Options{
		Tokens: 4, Batch: 2, Next: greedy, Prefilled: func(done, _ int) error { fed = append(fed, done); return nil },
	})
	require.NoError(t, err)
	require.Len(t, r.Tokens, 4)
	require.Equal(t, []int{2, 4, 5}, fed)

	second := r.Tokens[1]
	kv := model.NewMemory(m.Config)
	r, err = Run(t.Context(), m, kv, prompt, Options{Tokens: 4, Batch: 5, Next: greedy, Ends: func(id int) bool { return id == second }})
	require.NoError(t, err)
	require.Equal(t, second, r.Tokens[len(r.Tokens)-1])
	require.LessOrEqual(t, len(r.Tokens), 2)
	require.Equal(t, len(prompt)+len(r.Tokens)-1, kv.Tokens(), "the last token is not in the cache")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Run(ctx, m, model.NewMemory(m.Config), prompt, Options{Tokens: 4, Batch: 1, Next: greedy})
	require.ErrorIs(t, err, context.Canceled)
}

func TestCheck(t *testing.T) {
	c := model.Config{Context: 10}
	require.NoError(t, Check(c, 6, 4))
	require.ErrorIs(t, Check(c, 6, 5), ErrTooLong)
	require.ErrorIs(t, Check(c, 6, math.MaxInt), ErrTooLong)
	require.EqualError(t, Check(c, 6, 0), "generate: 0 tokens: must be at least 1")
	require.EqualError(t, Check(c, 0, 4), "generate: the prompt has no tokens")
}
