package profiles_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/profiles"
	"github.com/qaqvk/qaqvk/shaders"
)

// smolLM2 is the fingerprint of SmolLM2-135M-Instruct in Q4_1.
const smolLM2 = "490b39e5a9a1beb2b524ae9637ba99e4749d7545b47b8c7994e1dc775251dc58"

func TestShipped(t *testing.T) {
	p, err := profiles.For(smolLM2)
	require.NoError(t, err)
	require.NotNil(t, p)
	assert.Equal(t, policy.Shape{Layers: 30, KVHeads: 3, HeadDim: 64}, p.Shape)
	data, err := p.Bytes()
	require.NoError(t, err)
	assert.Less(t, len(data), 4<<20)
	tables, err := p.AllTables(shaders.TypeF16)
	require.NoError(t, err)
	assert.Len(t, tables[shaders.Value], 30)
	assert.LessOrEqual(t, p.Bits(), 1.8)
	assert.Greater(t, p.Bits(), 1.795)
	none, err := profiles.For(strings.Repeat("0", 64))
	require.NoError(t, err)
	assert.Nil(t, none)
}

// Higher levels take no fewer bits, and at the highest no row is without any.
func TestShippedLevels(t *testing.T) {
	p, err := profiles.For(smolLM2)
	require.NoError(t, err)
	planes := p.Planes()
	for layer := range p.Shape.Layers {
		for _, kind := range []shaders.Kind{shaders.Key, shaders.Value} {
			for level := range profile.Levels - 1 {
				assert.LessOrEqual(t, planes.RecordBits(kind, layer, level), planes.RecordBits(kind, layer, level+1))
			}
			for head := range p.Shape.KVHeads {
				assert.Positive(t, planes.RowBits(kind, layer, head, profile.Levels-1), "%v of layer %d, head %d", kind, layer, head)
			}
		}
	}
}
