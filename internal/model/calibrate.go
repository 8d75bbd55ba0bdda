package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// CalibrationBatch is the number of tokens of one Forward while calibrating.
const CalibrationBatch = 32

// ErrNorms says that stored query norms are damaged or of another model.
var ErrNorms = errors.New("unusable query norms")

// QNorms are the squared query norms ‖q‖² of a model, as the K error bound
// needs them (QAQ, arXiv 2403.04643).
type QNorms struct {
	Model    string      `json:"model"`    // SHA-256 of the model file
	Quantile float64     `json:"quantile"` // over tokens and query heads
	Tokens   int         `json:"tokens"`   // calibrated on
	Norms    [][]float64 `json:"norms"`    // [layer][KV head]
}

// Calibrate runs the tokens through the model and returns, for each layer and
// KV head, the quantile (0 to 1, the paper's is 0.9) of ‖q‖² after RoPE over
// all tokens and the query heads that read that KV head. It ends with ctx's
// error between two batches.
func Calibrate(ctx context.Context, m *Model, tokens []int, quantile float64) (*QNorms, error) {
	if !(quantile >= 0 && quantile <= 1) {
		return nil, fmt.Errorf("model: calibrate: quantile %v, want 0 to 1", quantile)
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("model: calibrate: no tokens: %w", ErrToken)
	}
	seen := make([][][]float64, m.Layers)
	for i := range seen {
		seen[i] = make([][]float64, m.KVHeads)
	}
	collect := func(layer int, q []float32) {
		for row := 0; row*m.HeadDim < len(q); row++ {
			h := row % m.QueryHeads / m.Group()
			seen[layer][h] = append(seen[layer][h], squaredNorm(q[row*m.HeadDim:(row+1)*m.HeadDim]))
		}
	}
	kv := NewMemory(m.Config)
	for batch := range slices.Chunk(tokens, CalibrationBatch) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("model: calibrate: %w", err)
		}
		if _, err := m.run(batch, kv, 1, collect); err != nil {
			return nil, fmt.Errorf("model: calibrate: %w", err)
		}
	}
	q := &QNorms{Model: m.SHA256, Quantile: quantile, Tokens: len(tokens), Norms: make([][]float64, m.Layers)}
	for i, heads := range seen {
		for _, norms := range heads {
			q.Norms[i] = append(q.Norms[i], quantileOf(norms, quantile))
		}
	}
	return q, nil
}

func squaredNorm(row []float32) (sum float64) {
	for _, x := range row {
		sum += float64(x) * float64(x)
	}
	return sum
}

// quantileOf sorts values and interpolates linearly between the nearest two.
func quantileOf(values []float64, quantile float64) float64 {
	slices.Sort(values)
	at := quantile * float64(len(values)-1)
	low := int(at)
	high := min(low+1, len(values)-1)
	return values[low] + (at-float64(low))*(values[high]-values[low])
}

// QNormsPath returns the name of the file in folder dir that holds the norms of
// the model with that checksum.
func QNormsPath(dir, sha256 string) string { return filepath.Join(dir, sha256+".qnorms.json") }

// Save writes the norms to QNormsPath(dir, q.Model): to a temporary file first,
// so that a reader finds either the old file or the whole new one.
func (q *QNorms) Save(dir string) (err error) {
	data, err := json.MarshalIndent(q, "", "\t")
	if err != nil {
		return fmt.Errorf("model: query norms: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".qnorms-*")
	if err != nil {
		return fmt.Errorf("model: query norms: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
			err = fmt.Errorf("model: query norms: %w", err)
		}
	}()
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), QNormsPath(dir, q.Model))
}

// LoadQNorms reads the norms of model m from folder dir. An absent file is
// os.ErrNotExist, anything but finite norms of this model ErrNorms.
func LoadQNorms(dir string, m *Model) (*QNorms, error) {
	path := QNormsPath(dir, m.SHA256)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: query norms: %w", err)
	}
	q := &QNorms{}
	if err := json.Unmarshal(data, q); err != nil {
		return nil, fmt.Errorf("model: query norms: %s: %w: %w", path, ErrNorms, err)
	}
	if q.Model != m.SHA256 || len(q.Norms) != m.Layers {
		return nil, fmt.Errorf("model: query norms: %s: model %.8s with %d layers, want %.8s with %d: %w", path, q.Model, len(q.Norms), m.SHA256, m.Layers, ErrNorms)
	}
	for i, heads := range q.Norms {
		bad := slices.ContainsFunc(heads, func(x float64) bool { return !(x >= 0) || math.IsInf(x, 1) })
		if len(heads) != m.KVHeads || bad {
			return nil, fmt.Errorf("model: query norms: %s: layer %d has %v, want %d norms from 0: %w", path, i, heads, m.KVHeads, ErrNorms)
		}
	}
	return q, nil
}
