package adapt

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// A batch has a part of all pages, and less where the reserve has no room for second
// copies of so many, but at least half.
func TestBatchesFitTheReserve(t *testing.T) {
	const pairs, pair = 64, 1 << 15
	for _, c := range []struct{ reserve, want int }{
		{0, 1 << 16}, {1 << 22, 1 << 16}, {pairs*pair + 1<<16, 3 << 14}, {pairs*pair + 1<<12, 1 << 15},
	} {
		d, err := device.Open("cpu", device.Options{})
		require.NoError(t, err)
		g, err := core.NewGeometry(core.Shape{Layers: 1, KVHeads: 1, HeadDim: 32, Capacity: 4096, Recent: 1, Queries: 1, MaxStepTokens: 8,
			PageTokens: 4, Type: shaders.TypeF16}, 64)
		require.NoError(t, err)
		arena, err := pages.NewArena(d, g, c.reserve, min(c.reserve, 1))
		require.NoError(t, err)
		table := arena.NewTable()
		for range pairs {
			p := &pages.Pair{Pages: [2]pages.Span{{Words: pair / 2}, {At: pair / 2, Words: pair / 2}}}
			if c.reserve > 0 {
				p = arena.Place(nil, 0, pages.Sizes{pair / 2, pair / 2})
			}
			table.Append(0, p, [2][]uint8{{0}, {0}}, [2]int{})
		}
		require.Equal(t, c.want, (&Adapter{arena: arena}).batchWords(table), "a reserve of %d words", c.reserve)
		arena.Close()
		require.NoError(t, d.Close())
	}
}
