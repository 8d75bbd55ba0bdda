package reference

import (
	"fmt"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// Run executes one dispatch of a kernel; buffers are in the order of its
// bindings and written in place. cpuref.Run is one.
type Run func(k *shaders.Kernel, spec []uint32, push []byte, workgroups uint32, buffers [][]uint32) error

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

// dispatch runs a kernel, f32 in and out, for so many items; pack has one a
// workgroup.
func (d *codec) dispatch(k *shaders.Kernel, push []byte, items int, buffers ...[]uint32) error {
	p := shaders.Specialize(k, shaders.Target{}, shaders.Setting{Layout: d.layout, Out: shaders.TypeF32})
	if err := d.run(k, p.Words(), push, p.Workgroups(items), buffers); err != nil {
		return fmt.Errorf("reference: %s: %s: %w", d.c.Name, k, err)
	}
	return nil
}

// slotBase is the word of the first slot, behind the bits.
func (d *codec) slotBase() int { return shaders.AlignWords(d.groups) }

// tokenWords is the words of a token's rows.
func (d *codec) tokenWords() uint32 { return uint32(len(d.c.Cache) / d.c.Tokens) }

// encode fills the slots and returns the bits of every group.
func (d *codec) encode() ([]uint8, error) {
	per := d.c.GroupsPerToken()
	plan := shaders.RulePlan([]uint32{0}, [][]float32{slices.Repeat([]float32{d.c.Limit()}, per)})
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
		want = slices.Repeat([]uint32{uint32(p.FixedBits)}, d.groups)
	}
	if err := d.dispatch(shaders.Encode, push.Bytes(), d.groups, patterns(d.c.Cache), plan, d.slots, want); err != nil {
		return nil, err
	}
	bits := shaders.BitsOf(d.slots[:d.groups])
	for g, b := range bits {
		if b != shaders.Unquantizable && !shaders.ValidBits(b) {
			return nil, fmt.Errorf("reference: %s: encode: group %d: bits word %#x", d.c.Name, g, d.slots[g])
		}
	}
	return bits, nil
}

// pack assembles the slots into a page.
func (d *codec) pack(bits []uint8) ([]uint32, error) {
	page := make([]uint32, shaders.AlignWords(d.layout.PageWords(bits)))
	plan := d.layout.PackPlan(make([]shaders.PackJob, 1), [][]uint8{bits})
	push := shaders.PackPush{
		Groups: uint32(d.groups), SlotBase: uint32(d.slotBase()), SlotWords: uint32(d.layout.SlotWords()),
	}
	return page, d.dispatch(shaders.Pack, push.Bytes(), 1, d.slots, plan, page)
}

// decode returns the elements of a page, ordered as the case's.
func (d *codec) decode(page []uint32) ([]float32, error) {
	rows := make([]uint32, len(d.c.Cache))
	push := shaders.DecodePush{
		Groups: uint32(d.groups), GroupsPerJob: uint32(d.groups), GroupsPerToken: uint32(d.c.GroupsPerToken()),
		TokenStride: d.tokenWords(), RowCount: uint32(d.layout.Rows),
	}
	plan := shaders.DecodeJob{}.AppendTo(nil)
	if err := d.dispatch(shaders.Decode, push.Bytes(), d.groups*d.layout.Rows, page, plan, rows); err != nil {
		return nil, err
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
			if index := int(d.slots[at+k*d.layout.SlotOutlierWords()]); index < size && bits[g] < shaders.Raw {
				mask[g*size+index] = true
			}
		}
	}
	return mask
}

func patterns(in []float32) []uint32 {
	out := make([]uint32, len(in))
	for i, x := range in {
		out[i] = math.Float32bits(x)
	}
	return out
}
