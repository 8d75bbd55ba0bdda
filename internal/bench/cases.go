package bench

import (
	"cmp"
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Elements that every case treats: 64 MiB of f16.
const Elements = 1 << 25

const (
	kvHeads    = 8   // KV heads of the one layer
	pageTokens = 16  // tokens of a page, as in a cache
	batchPages = 512 // pages that encode stages at a time
)

// Case is an operation with its parameters.
type Case struct {
	Op      string // copy, encode, decode, demote, promote, choose_bits, attend, adapt
	Type    uint32 // shaders.TypeF32...
	HeadDim int
	Layer   bool    // a group is all KV heads of a token, not one
	Bits    uint8   // bits of the groups, before the operation
	To      uint8   // bits after demote and promote
	Alpha   float64 // share of outliers
	Rate    float64 // stored bits an element of the calibrated codec; 0: the paper's codec

	Tokens   int  // tokens of attend and adapt
	Plain    bool // attend without importance
	Elements int  // elements to treat

	tune map[string]uint32 // Options.Tune
}

var typeNames = [...]string{shaders.TypeF32: "f32", shaders.TypeF16: "f16", shaders.TypeBF16: "bf16"}

// Cases is all that is timed, the standard ones first.
func Cases() []Case {
	standard := Case{Type: shaders.TypeF16, HeadDim: 128, Bits: 3, Alpha: 0.01}
	with := func(op string, change func(*Case)) Case {
		c := standard
		c.Op = op
		if change != nil {
			change(&c)
		}
		return c
	}
	f32 := func(c *Case) { c.Type = shaders.TypeF32 }
	bf16 := func(c *Case) { c.Type = shaders.TypeBF16 }
	d64 := func(c *Case) { c.HeadDim = 64 }
	layer := func(c *Case) { c.Layer = true }
	plain := func(c *Case) { c.Alpha = 0 }
	b8 := func(c *Case) { c.Bits = 8 }
	cases := []Case{
		with("copy", nil), with("encode", nil), with("decode", nil),
		with("demote", func(c *Case) { c.Bits, c.To = 4, 3 }),
		with("promote", func(c *Case) { c.Bits, c.To = 3, 4 }),
		with("choose_bits", nil),
	}
	for _, change := range []func(*Case){f32, bf16, d64, layer, plain, b8} {
		cases = append(cases, with("encode", change), with("decode", change))
	}
	t4096 := func(c *Case) { c.Tokens = 4096 }
	rated := func(c *Case) { c.Rate = 1.8 }
	cases = append(cases, with("encode", rated), with("decode", rated))
	for _, tokens := range []int{256, 1024, 4096, 16384} {
		cases = append(cases, with("attend", func(c *Case) { c.Tokens = tokens; rated(c) }))
	}
	return append(cases,
		with("attend", t4096),
		with("attend", func(c *Case) { c.Tokens = 16384 }),
		with("attend", func(c *Case) { t4096(c); c.Bits, c.Alpha = shaders.Raw, 0 }),
		with("attend", func(c *Case) { t4096(c); c.Plain = true }),
		with("adapt", t4096),
	)
}

func selected(o Options) []Case {
	elements := cmp.Or(o.Elements, Elements)
	var out []Case
	for _, c := range Cases() {
		if o.Filter == nil || o.Filter.MatchString(c.name()) {
			c.Elements, c.tune = elements, o.Tune
			if c.Tokens > 0 {
				c.Elements = min(elements, 2*c.Tokens*c.HeadDim*kvHeads)
			}
			out = append(out, c)
		}
	}
	return out
}

// name is the case's name as in the report.
func (c Case) name() string {
	level := ""
	if c.Layer {
		level = "/layer"
	}
	switch c.Op {
	case "copy":
		return c.Op
	case "attend":
		bits := fmt.Sprintf("b%d", c.Bits)
		if c.Bits == shaders.Raw {
			bits = typeNames[c.Type]
		}
		if c.Rate > 0 {
			bits = fmt.Sprintf("c%g", c.Rate)
		}
		if c.Plain {
			bits += "/no-importance"
		}
		return fmt.Sprintf("attend/decode/h%dkv%d/d%d/t%d/%s", queryHeads, kvHeads, c.HeadDim, c.Tokens, bits)
	case "adapt":
		return fmt.Sprintf("adapt/h%dkv%d/d%d/t%d", queryHeads, kvHeads, c.HeadDim, c.Tokens)
	case "demote", "promote":
		return fmt.Sprintf("%s/d%d/b%d-%d%s", c.Op, c.HeadDim, c.Bits, c.To, level)
	}
	if c.Rate > 0 {
		return fmt.Sprintf("%s/%s/d%d/c%g", c.Op, typeNames[c.Type], c.HeadDim, c.Rate)
	}
	return fmt.Sprintf("%s/%s/d%d/b%d/a%g%s", c.Op, typeNames[c.Type], c.HeadDim, c.Bits, c.Alpha*100, level)
}

// tokens of attend and adapt, fewer where there are fewer elements to treat.
func (c Case) tokens() int { return c.Elements / 2 / c.HeadDim / kvHeads }

// setUp makes buffers and lists for the case, and the pages it starts from.
func (c Case) setUp(ctx context.Context, d device.Device) (work, error) {
	switch {
	case c.Rate > 0 && c.Op == "attend":
		return newCalibratedAttend(ctx, d, c)
	case c.Rate > 0:
		return newRecordCodec(ctx, d, c)
	}
	switch c.Op {
	case "copy":
		return newCopy(ctx, d)
	case "encode":
		return newCodec(ctx, d, c)
	case "attend":
		return newAttend(ctx, d, c)
	case "adapt":
		return newAdapt(ctx, d, c)
	}
	return newPaged(ctx, d, c)
}
