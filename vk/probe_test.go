package vk

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// wrong replaces results by those of another arithmetic.
func wrong(op int, f func(a, b, c float32) float32) func(operands, got []uint32) {
	return func(operands, got []uint32) {
		for i := range len(operands) / 3 {
			got[4*i+op] = math.Float32bits(f(math.Float32frombits(operands[3*i]),
				math.Float32frombits(operands[3*i+1]), math.Float32frombits(operands[3*i+2])))
		}
	}
}

// truncate rounds an exact or nearly exact value toward zero.
func truncate(x float64) float32 {
	y := float32(x)
	if math.Abs(float64(y)) > math.Abs(x) {
		y = math.Float32frombits(math.Float32bits(y) - 1)
	}
	return y
}

func TestProbeFails(t *testing.T) {
	tests := []struct {
		name, property, operation string
		hook                      func(operands, got []uint32)
	}{
		{"sums truncated", "round to nearest even", "a+b",
			wrong(0, func(a, b, _ float32) float32 { return truncate(float64(a) + float64(b)) })},
		{"differences truncated", "round to nearest even", "a-b",
			wrong(1, func(a, b, _ float32) float32 { return truncate(float64(a) - float64(b)) })},
		{"products truncated", "round to nearest even", "a*b",
			wrong(2, func(a, b, _ float32) float32 { return truncate(float64(a) * float64(b)) })},
		{"contracted", "no contraction", "a*b+c", wrong(3, fused)},
		{"subnormals made up", "subnormals are kept or flushed to zero", "a-b",
			wrong(1, func(a, b, _ float32) float32 {
				if s := a - b; flush(s) != s {
					return 0x1p-130
				}
				return a - b
			})},
		{"one bit of the last row", "round to nearest even", "a*b+c", func(_, got []uint32) { got[len(got)-1] ^= 1 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := open(Options{Device: testDevice()}, hooks{probe: test.hook})
			var fault *ProbeError
			require.True(t, errors.As(err, &fault), "%v", err)
			require.Equal(t, test.property, fault.Property)
			require.Equal(t, test.operation, fault.Operation)
			require.NotEmpty(t, fault.Device)
			require.NotEqual(t, fault.Want, fault.Got)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestProbeErrorText(t *testing.T) {
	err := &ProbeError{"dev", "no contraction", "a*b+c", [3]uint32{1, 2, 3}, 4, 5}
	require.EqualError(t, err, `vk: device "dev" fails the numeric probe, no contraction: `+
		"a*b+c of a=0x00000001 b=0x00000002 c=0x00000003 is 0x00000004, want 0x00000005")
}

// TestProbeSubnormals accepts both behaviours and tells them apart.
func TestProbeSubnormals(t *testing.T) {
	d := openTest(t, Options{})
	require.Contains(t, []string{subnormalsKept, subnormalsFlushed}, d.Info().Subnormals)
	for name, change := range map[string]func(float32) float32{subnormalsKept: keep, subnormalsFlushed: flush} {
		for _, inputs := range []func(float32) float32{keep, change} {
			got, err := open(Options{Device: testDevice()}, hooks{probe: func(operands, got []uint32) {
				for op := range operations {
					wrong(op, func(a, b, c float32) float32 {
						return operations[op].eval(inputs(a), inputs(b), inputs(c), change)
					})(operands, got)
				}
			}})
			require.NoError(t, err)
			require.Equal(t, name, got.Info().Subnormals)
			require.NoError(t, got.Close())
		}
	}
}

// TestProbeTriples checks that the rows show what they are there for.
func TestProbeTriples(t *testing.T) {
	operands := probeTriples()
	require.Equal(t, operands, probeTriples())
	require.Len(t, operands, 3*(randomTriples+len(specialTriples)))
	rounded, contracted, truncated := 0, 0, 0
	count := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	for i := range len(operands) / 3 {
		a, b, c := math.Float32frombits(operands[3*i]), math.Float32frombits(operands[3*i+1]), math.Float32frombits(operands[3*i+2])
		if i < randomTriples {
			for op := range operations {
				r := operations[op].eval(a, b, c, keep)
				require.True(t, r == flush(r), "row %d has a subnormal result", i)
			}
		}
		exact := float64(a) * float64(b)
		rounded += count(float64(float32(exact)) != exact)
		truncated += count(truncate(exact) != float32(exact))
		contracted += count(fused(a, b, c) != float32(float32(a*b)+c))
	}
	require.Greater(t, rounded, 4000)
	require.Greater(t, truncated, 1900)
	require.Greater(t, contracted, 2000)
}
