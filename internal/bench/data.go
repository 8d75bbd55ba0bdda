package bench

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// fillRows writes normally distributed elements, one in a hundred of them ten
// times as large, from a fixed seed. The same 4 MiB repeat.
func fillRows(ctx context.Context, d device.Device, rows device.Buffer, typ uint32) error {
	r := rand.New(rand.NewPCG(1, 2))
	block := make([]uint32, 1<<20)
	for i := range block {
		if typ == shaders.TypeF32 {
			block[i] = math.Float32bits(draw(r))
		} else {
			block[i] = half16(draw(r), typ) | half16(draw(r), typ)<<16
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

// half16 cuts x to 16 bits; magnitudes below the f16 normals become 0.
func half16(x float32, typ uint32) uint32 {
	bits := math.Float32bits(x)
	if typ == shaders.TypeBF16 {
		return bits >> 16
	}
	exponent := int(bits>>23&0xff) - 112
	if exponent <= 0 {
		return 0
	}
	return bits>>16&0x8000 | uint32(exponent)<<10 | bits>>13&0x3ff
}
