package record

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model"
)

// Turning is how an op of ggml (GGML_OP_ROPE) turns keys.
type Turning struct {
	Dims, Mode      int // leading elements; GGML_ROPE_TYPE_…
	Base, Scale     float32
	Mix, Fast, Slow float32 // of YaRN: ext_factor, beta_fast, beta_slow
	Context         int     // of YaRN: tokens of the first training
	Factors         []float32
	Unknown         string // why nothing of this is known; "": it is
}

// Modes of the op that turn by one position.
const (
	modeNormal = 0
	modeNeoX   = 2
)

// rope returns the radians a token of each pair; the reason says why they are not known.
func (t Turning) rope() (r profile.RoPE, reason string) {
	switch {
	case t.Unknown != "":
		return r, t.Unknown
	case t.Mode != modeNormal && t.Mode != modeNeoX:
		return r, fmt.Sprintf("RoPE of ggml's mode %d", t.Mode)
	case t.Dims < 2 || t.Dims%2 != 0 || !(t.Base > 0) || !(t.Scale > 0) || t.Factors != nil && len(t.Factors) < t.Dims/2:
		return r, fmt.Sprintf("RoPE of %d elements, base %g, scale %g, %d factors", t.Dims, t.Base, t.Scale, len(t.Factors))
	}
	o := model.Rope{Dims: t.Dims, Base: float64(t.Base), Scale: float64(1 / t.Scale), Magnitude: 1}
	if t.Mix != 0 {
		o.YaRN = model.YaRN{Mix: float64(t.Mix), Context: float64(t.Context), Fast: float64(t.Fast), Slow: float64(t.Slow)}
	}
	return profile.RoPE{Halves: t.Mode == modeNeoX, Speeds: o.Speeds(t.Factors)}, ""
}

// ropeOf is the RoPE that the keys of all layers have in common.
func ropeOf(turns map[string]Turning, layers int) (rope profile.RoPE, reason string) {
	if len(turns) < layers {
		return rope, fmt.Sprintf("keys of %d layers of %d were seen", len(turns), layers)
	}
	for name, t := range turns {
		r, reason := t.rope()
		switch {
		case reason != "":
			return profile.RoPE{}, name + ": " + reason
		case rope.Speeds == nil:
			rope = r
		case !rope.Equal(r):
			return profile.RoPE{}, "layers turn keys differently"
		}
	}
	return rope, ""
}

// Turned tells how the keys of a tensor are turned. The first time counts.
func (b *Buffer) Turned(tensor string, t Turning) {
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	if _, known := b.turns[tensor]; !known {
		b.turns[tensor] = t
	}
}

// Wonders tells whether the keys of a tensor may be turned in a way that was not told.
func (b *Buffer) Wonders(tensor string) bool {
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	_, known := b.turns[tensor]
	return !known
}

// turnBack turns rows [n][heads][d] back by so many positions, but for the first ones.
func turnBack(rope profile.RoPE, x []float32, d, row, first, positions int) {
	if positions == 0 || len(rope.Speeds) == 0 {
		return
	}
	n := len(rope.Speeds)
	cos, sin := make([]float32, n), make([]float32, n)
	rope.Turn(positions, cos, sin)
	for i := range sin {
		sin[i] = -sin[i]
	}
	for at := first * row; at < len(x); at += d {
		rope.Rotate(x[at:at+d], cos, sin)
	}
}
