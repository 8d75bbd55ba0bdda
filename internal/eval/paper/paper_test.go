package paper

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/eval"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/peers"
)

// bench is a tiny model on the reference device, and a text of it.
func bench(t *testing.T) (*eval.Bench, *eval.Corpus) {
	f := modeltest.Tiny(1)
	f.Set("llama.context_length", uint32(256))
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, f.Write(path))
	m, err := model.Load(path)
	require.NoError(t, err)
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()); require.NoError(t, m.Close()) })
	b := &eval.Bench{Model: m, Device: d, Window: 16, CacheDir: t.TempDir(), Note: func(string) {}}
	c, err := eval.NewCorpus(m, "king.txt", strings.Repeat("the king in the ringing inner thing, there. ", 40), 192, 192)
	require.NoError(t, err)
	return b, c
}

func TestReport(t *testing.T) {
	b, c := bench(t)
	methods, err := Methods(peers.Shape{KVHeads: 2, HeadDim: 64}, false)
	require.NoError(t, err)
	tasks, err := eval.NewTasks("hellaswag", "f", []byte("the king in the\n1\nring\nhere\nthing\ninner\n"), 0)
	require.NoError(t, err)
	done, all := 0, 0
	o := eval.Options{Methods: methods, Corpus: c, Tasks: []*eval.Tasks{tasks}, Journal: &eval.Journal{}, Progress: func(_ string, d, a int) { done, all = d, a }}
	result, probe, err := Run(t.Context(), b, o)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "report")
	require.NoError(t, Write(dir, result, probe))

	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	require.NoError(t, err)
	require.Equal(t, 8, strings.Count(string(page), "<figure>"))
	require.Contains(t, string(page), "accuracy within 1 %, n = 1")
	for _, row := range result.Rows {
		_, asked := row.Tasks["hellaswag"]
		want, known := map[string]bool{"f16": true, "qaq:key-error=0.3,value-error=0.2": true, "h2o:share=0.25": true, "kivi-2": true,
			"uniform-3:only=k": false, "qaq:key-error=0.3,value-error=0.2,blind=1": false, "uniform-4": false}[row.Method]
		require.True(t, !known || want == asked, row.Method)
	}
	require.Contains(t, string(page), "but for its newest 5 tokens")
	require.Equal(t, all, done, "progress comes to the end of both parts")
	require.Greater(t, all, 192*len(methods))
	for _, outside := range []string{"<script", "src=", "@import", "<link"} {
		require.NotContains(t, string(page), outside, "the page is whole in itself")
	}
	for id, lines := range map[string]int{"fig2a": 16, "fig2b": 2, "fig2c": 64, "fig4": 10, "table1": 12, "table2": 20, "table3": 10} {
		f, err := os.Open(filepath.Join(dir, id+".csv"))
		require.NoError(t, err)
		records, err := csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Len(t, records, lines+1, id)
		require.Contains(t, string(page), `id="`+id+`"`)
	}
}

// What a table says of the largest ratio follows from its points.
func TestLargestRatioWithinOnePercent(t *testing.T) {
	ptr := func(x float64) *float64 { return &x }
	row := func(name string, store, ppl float64) eval.Row {
		return eval.Row{Method: name, StoreRatio: ptr(store), PPLRatio: ptr(ppl), PPLRatioCI: &[2]float64{ppl - 0.004, ppl + 0.004}}
	}
	v := newView(&eval.Result{Context: 64, Rows: []eval.Row{row("f16", 1, 1), row("q8_0", 0.5, 1.001), row("q4_0", 0.25, 1.02),
		row("turbo-4", 0.3, 1.0099), row("turbo-3", 0.2, 1.00999), row("turbo-2", 0.1, 1.5)}}, nil)
	require.Equal(t, [][]string{{"ggml", "q8_0", "2.00", "0.10", "0.40"}, {"TurboQuant", "turbo-3", "5.00", "1.00", "0.40"}}, v.best().Cells)
}

func TestMethodsWithoutPeersThatDoNotFit(t *testing.T) {
	all, err := Methods(peers.Shape{KVHeads: 2, HeadDim: 64}, false)
	require.NoError(t, err)
	some, err := Methods(peers.Shape{KVHeads: 1, HeadDim: 40}, false)
	require.NoError(t, err)
	require.Equal(t, 6, len(all)-len(some), "rows of 40: no blocks of 32, but TurboQuant")
	calibrated, err := Methods(peers.Shape{KVHeads: 2, HeadDim: 64}, true)
	require.NoError(t, err)
	require.Equal(t, 5, len(calibrated)-len(all))
	require.Len(t, answering(calibrated), 26)
	require.Len(t, answering(all), 23)
}
