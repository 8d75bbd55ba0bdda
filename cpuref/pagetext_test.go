package cpuref

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// textPage has seven groups of long rows with many outliers: of 0 to 8 bits,
// evicted, raw and with a NaN.
func textPage(t testing.TB) *Page {
	low, high := shaders.Outliers(0.05, 3*64)
	l := shaders.Layout{Type: shaders.TypeBF16, HeadDim: 64, Rows: 3, Low: low, High: high}
	words := encodePage(t, l, pattern(l, 7, 1), []uint8{8, 4, shaders.Evicted, 3, 0, shaders.Raw, 5})
	p, err := ReadPage(l, words)
	require.NoError(t, err)
	return p
}

// TestGoldenPageTexts compares with testdata, which -update writes.
func TestGoldenPageTexts(t *testing.T) {
	small, err := ReadPage(smallLayout(), smallPage(t))
	require.NoError(t, err)
	empty, err := ReadPage(smallLayout(), []uint32{shaders.PageMagic, 4, 0, 0})
	require.NoError(t, err)
	got := small.Text(1) + "\n" + textPage(t).Text(3) + "\n" + empty.Text(1)
	path := filepath.Join("testdata", "pages.txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
