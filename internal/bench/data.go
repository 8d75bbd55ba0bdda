package bench

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// fillRows writes normally distributed elements, one in a hundred of them ten
// times as large, from a fixed seed. The same 4 MiB repeat.
func fillRows(ctx context.Context, d device.Device, rows device.Buffer, typ uint32) error {
	r := rand.New(rand.NewPCG(1, 2))
	block := make([]uint32, 1<<20)
	for i := range block {
		block[i] = cpuref.Narrow(typ, math.Float32bits(draw(r)))
		if typ != shaders.TypeF32 {
			block[i] |= cpuref.Narrow(typ, math.Float32bits(draw(r))) << 16
		}
	}
	for at := 0; at < rows.Len(); at += len(block) {
		if err := device.Write(ctx, d, rows, at, block[:min(len(block), rows.Len()-at)]); err != nil {
			return err
		}
	}
	return nil
}

func draw(r *rand.Rand) float32 {
	x := r.NormFloat64()
	if r.IntN(100) == 0 {
		x *= 10
	}
	return float32(x)
}
