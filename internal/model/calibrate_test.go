package model_test

import (
	"context"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// referenceNorms returns ‖q‖² of layer 0, [KV head], over tokens and query
// heads. RoPE keeps the norm, so the queries before it serve.
func referenceNorms(t *testing.T, path string) [modeltest.KVHeads][]float64 {
	r := newReference(t, path)
	var out [modeltest.KVHeads][]float64
	embedding := r.tensor("token_embd.weight")
	for _, token := range tokens {
		q := r.apply("blk.0.attn_q", r.norm("blk.0.attn_norm", embedding[token*modeltest.Width:][:modeltest.Width]))
		for h := range modeltest.QueryHeads {
			sum := 0.0
			for _, x := range q[h*modeltest.HeadDim : (h+1)*modeltest.HeadDim] {
				sum += x * x
			}
			kv := h / (modeltest.QueryHeads / modeltest.KVHeads)
			out[kv] = append(out[kv], sum)
		}
	}
	return out
}

func TestCalibrate(t *testing.T) {
	path := write(t, modeltest.Tiny(7))
	m, err := model.Load(path)
	require.NoError(t, err)
	norms := referenceNorms(t, path)
	for _, quantile := range []float64{0, 0.5, 0.9, 1} {
		q, err := model.Calibrate(t.Context(), m, tokens, quantile)
		require.NoError(t, err)
		assert.Equal(t, m.SHA256, q.Model)
		assert.Equal(t, len(tokens), q.Tokens)
		require.Len(t, q.Norms, modeltest.Layers)
		for h, want := range norms {
			slices.Sort(want)
			at := quantile * float64(len(want)-1) // 24 values
			low := want[int(at)]
			high := want[int(math.Ceil(at))]
			assert.InEpsilon(t, low+(at-math.Floor(at))*(high-low), q.Norms[0][h], 1e-5, "head %d quantile %v", h, quantile)
		}
	}
}

func TestCalibrateOverBatches(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	long := slices.Concat(tokens, tokens, tokens, tokens)
	require.Greater(t, len(long), model.CalibrationBatch)
	q, err := model.Calibrate(t.Context(), m, long, 0.9)
	require.NoError(t, err)
	assert.Equal(t, len(long), q.Tokens)
	again, err := model.Calibrate(t.Context(), m, long, 0.9)
	require.NoError(t, err)
	assert.Equal(t, q, again)
}

func TestCalibrateRejects(t *testing.T) {
	m := load(t, modeltest.Tiny(7))
	_, err := model.Calibrate(t.Context(), m, nil, 0.9)
	require.ErrorIs(t, err, model.ErrToken)
	_, err = model.Calibrate(t.Context(), m, tokens, math.NaN())
	require.ErrorContains(t, err, "quantile NaN, want 0 to 1")
	_, err = model.Calibrate(t.Context(), m, make([]int, modeltest.Context+1), 0.9)
	require.ErrorIs(t, err, model.ErrContext)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = model.Calibrate(ctx, m, tokens, 0.9)
	require.ErrorIs(t, err, context.Canceled)
}

func TestQNormsSaveAndLoad(t *testing.T) {
	m, dir := load(t, modeltest.Tiny(7)), t.TempDir()
	_, err := model.LoadQNorms(dir, m)
	require.ErrorIs(t, err, os.ErrNotExist)
	q, err := model.Calibrate(t.Context(), m, tokens, 0.9)
	require.NoError(t, err)
	for range 2 { // the second time over the first's file
		require.NoError(t, q.Save(dir))
	}
	got, err := model.LoadQNorms(dir, m)
	require.NoError(t, err)
	assert.Equal(t, q, got)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file is left")
	require.ErrorIs(t, q.Save(dir+"/absent"), os.ErrNotExist)
	q.Norms[0][0] = math.NaN()
	require.Error(t, q.Save(dir))
}

func TestLoadQNormsRejects(t *testing.T) {
	m, dir := load(t, modeltest.Tiny(7)), t.TempDir()
	path := model.QNormsPath(dir, m.SHA256)
	good := `{"model":"` + m.SHA256 + `","quantile":0.9,"tokens":1,"norms":[[1,2],[3,4]]}`
	require.NoError(t, os.WriteFile(path, []byte(good), 0o644))
	_, err := model.LoadQNorms(dir, m)
	require.NoError(t, err)
	for name, data := range map[string]string{
		"cut":         good[:40],
		"other model": strings.Replace(good, m.SHA256, strings.Repeat("0", 64), 1),
		"layers":      strings.Replace(good, ",[3,4]", "", 1),
		"heads":       strings.Replace(good, "[3,4]", "[3]", 1),
		"negative":    strings.Replace(good, "[3,4]", "[-3,4]", 1),
		"no number":   strings.Replace(good, "[3,4]", `["x",4]`, 1),
	} {
		require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
		_, err := model.LoadQNorms(dir, m)
		require.ErrorIs(t, err, model.ErrNorms, name)
		assert.NotContains(t, err.Error(), "\n")
	}
}
