package cpuref

import (
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
)

// BenchmarkKernels times rows of a 64-wide head with 1 % outliers at 3 bits.
func BenchmarkKernels(b *testing.B) {
	const n = 4096
	low, high := shaders.Outliers(0.01, 64)
	l := shaders.Layout{Type: shaders.TypeF16, HeadDim: 64, Rows: 1, Low: low, High: high}
	rows := goldenRows(l, n)
	page := encodePage(b, l, rows, repeat(3, n))
	fewer := keepRaw(b, l, page, repeat(2, n))
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(n * 64)
			for b.Loop() {
				f()
			}
		})
	}
	run("encode", func() { encode(b, l, rows, repeat(3, n)) })
	run("decode/f16", func() { decodePage(b, l, page, shaders.TypeF16) })
	run("decode/f32", func() { decodePage(b, l, page, shaders.TypeF32) })
	run("demote", func() { rewritePage(b, l, page, fewer, nil) })
	run("convert/f32", func() { converted(b, l, rows, shaders.TypeF32) })
}
