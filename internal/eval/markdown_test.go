package eval

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Some methods of --paper answer tasks and others do not.
func TestMarkdownOfMethodsWithoutTasks(t *testing.T) {
	r := &Result{Device: "cpu", Rows: []Row{
		{Method: "f16", Tasks: map[string]Tally{"hellaswag": {N: 2, Acc: .5, AccCI: .25, AccNorm: ptr(1.0), AccNormCI: ptr(0.0), DeltaNorm: ptr(0.0), CINorm: ptr(0.0)}}},
		{Method: "uniform-3", BPE: ptr(3.5), Seconds: 1},
	}}
	var b strings.Builder
	require.NoError(t, r.WriteMarkdown(&b))
	assert.Contains(t, b.String(), "| f16 | – | – | 50.0 ± 25.0 | 0.0 ± 0.0 | 100.0 ± 0.0 | 0.0 ± 0.0 | 0.0 |\n")
	assert.Contains(t, b.String(), "| uniform-3 | 3.500 | – | – | – | – | – | 1.0 |\n")
}
