package device

import (
	"fmt"
	"strings"

	"github.com/qaqvk/qaqvk/shaders"
)

// Command is a recorded step: *Dispatch, *Copy, *Fill, *Barrier or *Mark.
type Command interface {
	fmt.Stringer
	name() string
	check(Limits) error
	// writes lists the words that the command may write.
	writes() []View
}

// View is a range of a buffer's words.
type View struct {
	Buffer Buffer
	Offset int // words; a multiple of Limits.ViewAlign in a dispatch
	Words  int
}

// Whole is the view of all of a buffer.
func Whole(b Buffer) View { return View{Buffer: b, Words: b.Len()} }

// String is label[from:to] in words.
func (v View) String() string {
	if v.Buffer == nil {
		return "nil"
	}
	return fmt.Sprintf("%s[%d:%d]", v.Buffer.Label(), v.Offset, v.Offset+v.Words)
}

// Dispatch runs Workgroups workgroups of a kernel. Spec has the values of
// Kernel.Constants, Push the bytes of Kernel.Push, Views one view a binding.
type Dispatch struct {
	Kernel     *shaders.Kernel
	Spec       []uint32
	Push       []byte
	Workgroups uint32
	Views      []View
}

// Copy copies words. Targets of one command must not overlap, nor a source
// and a target.
type Copy struct {
	Src, Dst Buffer
	Regions  []Region
}

// Region is one run of words that a Copy moves.
type Region struct {
	Src, Dst int // offsets in words
	Words    int
}

// Fill sets words of a buffer to a value.
type Fill struct {
	Buffer Buffer
	Offset int
	Words  int
	Value  uint32
}

// Stage is a set of the kinds of commands that a Barrier orders.
type Stage int

const (
	Shader      Stage = 1 << iota // Dispatch
	Transfer                      // Copy and Fill
	AllCommands = Shader | Transfer
)

func (s Stage) String() string {
	switch s {
	case Shader:
		return "shader"
	case Transfer:
		return "transfer"
	case AllCommands:
		return "all"
	}
	return fmt.Sprintf("stage(%d)", int(s))
}

// Barrier orders commands of stage To after earlier ones of stage From.
type Barrier struct{ From, To Stage }

// Mark is a point in time.
type Mark struct{ Label string }

func (d *Dispatch) name() string {
	if d.Kernel == nil {
		return "dispatch"
	}
	return d.Kernel.Name
}
func (c *Copy) name() string    { return "copy buffer" }
func (f *Fill) name() string    { return "fill buffer" }
func (b *Barrier) name() string { return "barrier" }
func (m *Mark) name() string    { return "mark" }

// String is e.g. "decode lanes=1 ... | groups=4096 ... | pages=arena[0:512] ... | 32 workgroups".
func (d *Dispatch) String() string {
	views := make([]string, len(d.Views))
	for i, v := range d.Views {
		views[i] = v.String()
		if i < len(d.Kernel.Bindings) {
			views[i] = lowerFirst(d.Kernel.Bindings[i].Name) + "=" + views[i]
		}
	}
	return fmt.Sprintf("%s %s | %s | %s | %d workgroups", d.Kernel.Name, d.specString(),
		d.pushString(), strings.Join(views, " "), d.Workgroups)
}

func (c *Copy) String() string {
	parts := make([]string, 0, len(c.Regions))
	for i, r := range c.Regions {
		if i == 4 && len(c.Regions) > 5 {
			parts = append(parts, fmt.Sprintf("and %d more", len(c.Regions)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%d->%d:%d", r.Src, r.Dst, r.Words))
	}
	return fmt.Sprintf("copy buffer %s -> %s | %s", c.Src.Label(), c.Dst.Label(), strings.Join(parts, " "))
}

func (f *Fill) String() string {
	return fmt.Sprintf("fill buffer %s = %#08x", View{f.Buffer, f.Offset, f.Words}, f.Value)
}

func (b *Barrier) String() string { return fmt.Sprintf("barrier %s -> %s", b.From, b.To) }
func (m *Mark) String() string    { return "mark " + m.Label }
