package reference

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/require"
)

func TestModelGivesTheAuthorsBitsAndMasks(t *testing.T) {
	for _, c := range vectors(t) {
		t.Run(c.Name, func(t *testing.T) {
			size := c.layout().Group()
			for g := range c.Groups() {
				bits, mask := model(c, g)
				require.Equal(t, c.Bits[g], bits, "group %d", g)
				require.Equal(t, c.Outliers[g*size:(g+1)*size], mask, "group %d", g)
			}
		})
	}
}

func TestVectorsPass(t *testing.T) {
	lines := []string{
		"23-key-layer-a0.05: 33 groups, outliers exact, bits exact, mse ratio (at most 1) 0.9455: ok",
		"29-value-head-a0.05: 66 groups, outliers exact, bits exact, mse ratio (at most 1) 0.7369: ok",
		"35-value-token-a0.05: 33 groups, outliers exact, bits exact, mse ratio (at most 1) 0.5692: ok",
	}
	for i, c := range vectors(t) {
		t.Run(c.Name, func(t *testing.T) {
			r, err := Check(c, cpuref.Run)
			require.NoError(t, err)
			require.True(t, r.Pass)
			require.Equal(t, lines[i], r.String())
		})
	}
}

func TestGeneratedCasesPass(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Parameters)
	}{
		{"values by layer", func(*Parameters) {}},
		{"values by head", func(p *Parameters) { p.Level = "head" }},
		{"values by token", func(p *Parameters) { p.Level = "token" }},
		{"keys", func(p *Parameters) { p.Side, p.QueryNorm, p.Error = "key", 30, 1 }},
		{"newest row only", func(p *Parameters) { p.Window = 1 }},
		{"no outliers", func(p *Parameters) { p.Alpha = 0 }},
		{"fixed bits", func(p *Parameters) { p.UseAttentions, p.FixedBits = false, 3 }},
		{"normal", func(p *Parameters) { p.UseAttentions, p.FixedBits, p.Method = false, 3, "normal" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := settings()
			test.change(&p)
			made := generated(p, 2, 3, 9, 40)
			c, err := Load(write(t, tensors(t, made), metadata(t, p)))
			require.NoError(t, err)
			require.Equal(t, made.Cache, c.Cache)
			require.Equal(t, made.Attention, c.Attention)
			r, err := Check(c, cpuref.Run)
			require.NoError(t, err)
			require.True(t, r.Pass, "%v", r)
			require.Zero(t, r.WrongMask)
			require.Less(t, r.Ratio(), 0.5, "midpoints have a quarter of the error of lower ends")
			require.Equal(t, p.Alpha > 0 && p.Method == "uniform", r.MSEBound)
		})
	}
}

func TestImportance(t *testing.T) {
	c := &Case{
		Parameters: Parameters{Side: "value", Level: "layer", Window: 2},
		Layers:     1, Heads: 2, Tokens: 3, HeadDim: 32,
		Attention: []float32{
			1, 0, 0, 0.5, 0.5, 0, 0.25, 0.5, 0.25,
			1, 0, 0, 0.25, 0.75, 0, 0.625, 0.125, 0.25,
		},
	}
	require.Equal(t, []float32{0.625, 0.75, Pinned}, c.Importance())
	c.Parameters.Level = "head"
	require.Equal(t, []float32{0.5, 0.625, 0.5, 0.75, Pinned, Pinned}, c.Importance())
	c.Parameters.Window = 1
	require.Equal(t, []float32{0.25, 0.625, 0.5, 0.125, 0.25, 0.25}, c.Importance())
	c.Parameters.Side = "key"
	require.Equal(t, []float32{1, 1, 1, 1, 1, 1}, c.Importance())
}

func TestTiesAreCountedApart(t *testing.T) {
	p := settings()
	c := generated(p, 1, 2, 5, 40)
	low := math.Inf(1)
	for i := range 80 {
		low = min(low, float64(c.Cache[i]))
	}
	for i := 3; i < 6; i++ { // two low outliers, and a third of their value
		c.Cache[i] = float32(low - 1)
	}
	_, mask := model(c, 0)
	copy(c.Outliers, mask)
	copy(c.Dequantized, dequantize(c, 0))
	r, err := Check(c, cpuref.Run)
	require.NoError(t, err)
	require.Equal(t, 1, r.Ties)
	require.Zero(t, r.WrongMask)
	require.Contains(t, r.String(), "outliers exact but for 1 tied, ")
}

func TestCheckFindsDifferences(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Case)
		text   string
	}{
		{"bits", func(c *Case) { c.Bits[4] ^= 1 }, "bits 1 wrong"},
		{"mask", func(c *Case) { c.Outliers[5] = !c.Outliers[5] }, "outliers 1 wrong"},
		{"error", func(c *Case) { copy(c.Dequantized, c.Cache) }, "mse ratio (at most 1) +Inf"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := generated(settings(), 1, 2, 5, 40)
			test.change(c)
			r, err := Check(c, cpuref.Run)
			require.NoError(t, err)
			require.False(t, r.Pass)
			require.Contains(t, r.String(), test.text)
			require.Contains(t, r.String(), ": FAIL")
		})
	}
}

func TestGroupWithNaNFails(t *testing.T) {
	c := generated(settings(), 1, 2, 5, 40)
	c.Cache[3] = float32(math.NaN())
	r, err := Check(c, cpuref.Run)
	require.NoError(t, err)
	require.False(t, r.Pass)
	require.Equal(t, 1, r.WrongBits)
	require.True(t, math.IsNaN(r.MSE))
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(data), `"mse":null`)
	require.Contains(t, string(data), `"name":"generated"`)
}

func TestKernelErrorsAreWrapped(t *testing.T) {
	lost := errors.New("device lost")
	for _, name := range []string{"encode", "pack", "decode"} {
		t.Run(name, func(t *testing.T) {
			run := func(k *shaders.Kernel, spec []uint32, push []byte, workgroups uint32, buffers [][]uint32) error {
				if k.Name == name {
					return lost
				}
				return cpuref.Run(k, spec, push, workgroups, buffers)
			}
			_, err := Check(generated(settings(), 1, 1, 4, 32), run)
			require.ErrorIs(t, err, lost)
			require.EqualError(t, err, "reference: generated: "+name+": device lost")
		})
	}
	idle := func(*shaders.Kernel, []uint32, []byte, uint32, [][]uint32) error { return nil }
	r, err := Check(generated(settings(), 1, 1, 4, 32), idle)
	require.NoError(t, err)
	require.False(t, r.Pass, "kernels that do nothing")
}
