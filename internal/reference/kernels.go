package reference

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Run executes one dispatch of a kernel; buffers are in the order of its
// bindings and written in place. cpuref.Run is one.
type Run func(k *shaders.Kernel, spec []uint32, push []byte, workgroups uint32, buffers [][]uint32) error

const (
	workgroup = 128
	rawMark   = 32 // bits word of a group that could not be quantized
)

// codec runs a case through encode, pack and decode as one page.
type codec struct {
	c      *Case
	run    Run
	layout shaders.Layout
	groups int
	slots  []uint32
}

func newCodec(c *Case, run Run) *codec {
	l, n := c.layout(), c.Groups()
	return &codec{c, run, l, n, make([]uint32, shaders.AlignWords(n)+n*l.SlotWords())}
}

// spec is the specialization of every kernel: f32 in, f32 out, one lane.
func (d *codec) spec() shaders.EncodeSpec {
	return shaders.EncodeSpec{
		Workgroup: workgroup, Lanes: 1, Type: shaders.TypeF32, OutType: shaders.TypeF32,
		HeadDim: uint32(d.layout.HeadDim), Rows: uint32(d.layout.Rows),
		Low: uint32(d.layout.Low), High: uint32(d.layout.High),
	}
}

// slotBase is the word of the first slot, behind the bits.
func (d *codec) slotBase() int { return shaders.AlignWords(d.groups) }

// tokenWords is the words of a token's rows.
func (d *codec) tokenWords() uint32 { return uint32(len(d.c.Cache) / d.c.Tokens) }

// encode fills the slots and returns the bits of every group, Raw for those
// that could not be quantized, and the number of these.
func (d *codec) encode() (bits []uint8, unquantized uint32, err error) {
	per := d.c.GroupsPerToken()
	plan := append([]uint32{0, 2}, repeat(math.Float32bits(d.c.Limit()), per)...)
	var want []uint32
	push := shaders.EncodePush{
		Groups: uint32(d.groups), GroupsPerJob: uint32(d.groups), GroupsPerToken: uint32(per),
		TokenStride: d.tokenWords(),
		SlotBase:    uint32(d.slotBase()), SlotWords: uint32(d.layout.SlotWords()), Delta: 1,
	}
	if p := d.c.Parameters; p.UseAttentions {
		push.Rule, push.MinBits, push.MaxBits = 1, uint32(p.MinBits), uint32(p.MaxBits)
		want = patterns(d.c.Importance())
	} else {
		want = repeat(uint32(p.FixedBits), d.groups)
	}
	buffers := [][]uint32{patterns(d.c.Cache), plan, d.slots, want}
	if err := d.run(shaders.Encode, d.spec().Words(), push.Bytes(), invocations(d.groups), buffers); err != nil {
		return nil, 0, fmt.Errorf("reference: %s: encode: %w", d.c.Name, err)
	}
	bits = make([]uint8, d.groups)
	for g := range bits {
		bits[g] = uint8(d.slots[g])
		if d.slots[g] == rawMark {
			bits[g] = shaders.Raw
			unquantized++
		}
		if !shaders.ValidBits(bits[g]) {
			return nil, 0, fmt.Errorf("reference: %s: encode: group %d: bits word %#x", d.c.Name, g, d.slots[g])
		}
	}
	return bits, unquantized, nil
}

// pack assembles the slots into a page.
func (d *codec) pack(bits []uint8, unquantized uint32) ([]uint32, error) {
	size := d.layout.PageWords(bits)
	page := make([]uint32, shaders.AlignWords(size))
	plan := append([]uint32{0, 0, 5, uint32(size), unquantized}, shaders.PackBits(bits)...)
	push := shaders.PackPush{
		Groups: uint32(d.groups), SlotBase: uint32(d.slotBase()), SlotWords: uint32(d.layout.SlotWords()),
	}
	spec := shaders.PackSpec(d.spec()).Words()
	if err := d.run(shaders.Pack, spec, push.Bytes(), 1, [][]uint32{d.slots, plan, page}); err != nil {
		return nil, fmt.Errorf("reference: %s: pack: %w", d.c.Name, err)
	}
	return page, nil
}

// decode returns the elements of a page, ordered as the case's.
func (d *codec) decode(page []uint32) ([]float32, error) {
	rows := make([]uint32, len(d.c.Cache))
	push := shaders.DecodePush{
		Groups: uint32(d.groups), GroupsPerJob: uint32(d.groups), GroupsPerToken: uint32(d.c.GroupsPerToken()),
		TokenStride: d.tokenWords(), RowCount: uint32(d.layout.Rows),
	}
	spec := shaders.DecodeSpec(d.spec()).Words()
	count := invocations(d.groups * d.layout.Rows)
	if err := d.run(shaders.Decode, spec, push.Bytes(), count, [][]uint32{page, {0, 0}, rows}); err != nil {
		return nil, fmt.Errorf("reference: %s: decode: %w", d.c.Name, err)
	}
	out := make([]float32, len(rows))
	for i, pattern := range rows {
		out[i] = math.Float32frombits(pattern)
	}
	return out, nil
}

// outliers reads the mask from the slots.
func (d *codec) outliers(bits []uint8) []bool {
	mask := make([]bool, len(d.c.Cache))
	size := d.layout.Group()
	for g := range d.groups {
		at := d.slotBase() + g*d.layout.SlotWords() + d.layout.RangeWords()
		for k := range d.layout.Outliers() {
			if index := int(d.slots[at+k*d.layout.SlotOutlierWords()]); index < size && bits[g] != shaders.Raw {
				mask[g*size+index] = true
			}
		}
	}
	return mask
}

// invocations returns the workgroups that have at least n invocations.
func invocations(n int) uint32 { return uint32((n + workgroup - 1) / workgroup) }

func patterns(in []float32) []uint32 {
	out := make([]uint32, len(in))
	for i, x := range in {
		out[i] = math.Float32bits(x)
	}
	return out
}

func repeat(word uint32, n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = word
	}
	return out
}
