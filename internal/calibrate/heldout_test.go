//go:build model

package calibrate_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/model"
)

// TestHeldOut measures profiles on texts that they were not made from. It runs with
// `-tags model` and QAQVK_MODEL naming a GGUF file, QAQVK_PROFILES and QAQVK_TEXTS
// the profiles and the texts, separated by commas, QAQVK_WINDOWS the windows of each
// text, and QAQVK_SLOPES factors of the profile's slope.
func TestHeldOut(t *testing.T) {
	m, err := model.Load(os.Getenv("QAQVK_MODEL"))
	require.NoError(t, err)
	defer m.Close()
	n, err := strconv.Atoi(os.Getenv("QAQVK_WINDOWS"))
	require.NoError(t, err)
	for _, text := range strings.Split(os.Getenv("QAQVK_TEXTS"), ",") {
		data, err := os.ReadFile(text)
		require.NoError(t, err)
		tokens, err := m.Tokenizer.Encode(string(data), false)
		require.NoError(t, err)
		windows, err := calibrate.Cut([][]int{tokens}, n, 1024, m.Tokenizer.Begin())
		require.NoError(t, err)
		measure(t, m, text, windows)
	}
}

func measure(t *testing.T, m *model.Model, text string, windows [][]int) {
	type outcome struct{ bits, elems, kld float64 }
	var names []string
	results := map[string]*outcome{}
	for _, window := range windows {
		reference := run(t, m, model.NewMemory(m.Config), window)
		for _, path := range strings.Split(os.Getenv("QAQVK_PROFILES"), ",") {
			for _, factor := range strings.Split(os.Getenv("QAQVK_SLOPES"), ",") {
				p, err := profile.Load(path)
				require.NoError(t, err)
				f, err := strconv.ParseFloat(factor, 32)
				require.NoError(t, err)
				p.Slope *= float32(f)
				kv := newSimulated(m.Config, p)
				quality := model.Quality{}
				for i, row := range run(t, m, kv, window) {
					require.NoError(t, quality.Add(reference[i], row))
				}
				name := path + " x" + factor
				if results[name] == nil {
					results[name], names = &outcome{}, append(names, name)
				}
				r := results[name]
				r.bits, r.elems, r.kld = r.bits+kv.bits, r.elems+kv.elems, r.kld+quality.KLD()
			}
		}
	}
	for _, name := range names {
		r := results[name]
		fmt.Printf("%-40s %-40s bits %.3f KLD %.5f\n", text, name, r.bits/r.elems, r.kld/float64(len(windows)))
	}
}

// run returns the logits from position 128 on.
func run(t *testing.T, m *model.Model, kv model.KV, window []int) (rows [][]float32) {
	for at := 0; at < len(window); at += model.AttendedBlock {
		logits, err := m.ForwardAll(window[at:min(at+model.AttendedBlock, len(window))], kv)
		require.NoError(t, err)
		for i := range len(logits) / m.Vocab {
			if at+i >= 128 {
				rows = append(rows, logits[i*m.Vocab:(i+1)*m.Vocab])
			}
		}
	}
	return rows
}
