//go:build ggml

package llamatest_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/qaqvk/qaqvk/internal/llamatest"
)

var rounds = flag.Int("rounds", 24, "hundreds of tokens that TestMemory decodes")

// Memory does not grow with the tokens that were decoded, rewound and shifted: contexts
// that were full once are as large as later.
func TestMemory(t *testing.T) {
	p := start(t, "qaq", llamatest.Options{Model: tinyFloats(t), Context: 256}, "QAQVK_DEVICE=cpu", "QAQVK_HOST_BUDGET=4")
	at, resident := 0, []int{}
	for round := range *rounds {
		for range 100 {
			p.decode(llamatest.Token{ID: (7*at + round) % 256, Position: at})
			at++
		}
		if at > 150 { // the context would be full: what is behind the first tokens goes
			p.call("rm", 0, 4, 54)
			p.call("add", 0, 54, -1, -50)
			p.call("rm", 0, 90, -1)
			at = 90
		}
		resident = append(resident, p.call("resident"))
	}
	r := p.end()
	t.Logf("%d attentions, resident KiB %v", r[0].Ops.Attended, resident)
	assert.Equal(t, int64(200**rounds), r[0].Ops.Attended)
	assert.Less(t, resident[*rounds-1]-resident[7], 8<<10, "KiB more")
}
