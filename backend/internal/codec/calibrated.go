package codec

import (
	"context"
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Calibrated is the calibrated codec: records of channels (doc_calibrated.go of
// shaders). A group is a token of a layer, and its bits are a level.
type Calibrated struct {
	work   *core.Work
	tables [2][]*shaders.Tables // [kind][layer]
	turn   Turn
	turned [][]float32 // [page], of the mean of K and of its stretch

	onDevice  device.Buffer // [layer], those of K and then those of V
	rotations device.Buffer // [page][Rotary], four words at least
	stretches device.Buffer // [stretch][Rotary], four words at least
}

// Turn is how keys turn with the position.
type Turn struct {
	Rotary      int // elements that turn, a multiple of 8; 0: none
	Interleaved bool
	Rotation    func(page int) []float32 // cosines, then sines, at the middle of a page and then at the beginning of its stretch, [2][Rotary]
}

// NewCalibrated is the calibrated codec of a cache; it copies tables and rotations to
// the device. Close frees them.
func NewCalibrated(w *core.Work, tables [2][]*shaders.Tables, turn Turn) (*Calibrated, error) {
	c := &Calibrated{work: w, tables: tables, turn: turn}
	layer := 2 * tables[shaders.Key][0].AllWords()
	if err := w.CheckView("tables of a layer", layer); err != nil {
		return nil, err
	}
	err := c.uploadTables()
	if err == nil {
		err = c.uploadRotations()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Calibrated) uploadTables() error {
	var words []uint32
	for l := range c.tables[shaders.Key] {
		words = append(append(words, c.tables[shaders.Key][l].Words()...), c.tables[shaders.Value][l].Words()...)
	}
	return c.upload(&c.onDevice, "tables", words)
}

func (c *Calibrated) uploadRotations() error {
	n, rotary := core.RoundUp(c.work.Capacity, c.work.PageTokens)/c.work.PageTokens, c.turn.Rotary
	var middles, stretches []uint32
	for page := 0; page < n && rotary > 0; page++ {
		c.turned = append(c.turned, c.turn.Rotation(page))
		middles = appendFloats(middles, c.turned[page][:rotary])
		if page*c.work.PageTokens%shaders.StretchTokens == 0 {
			stretches = appendFloats(stretches, c.turned[page][rotary:])
		}
	}
	err := c.upload(&c.rotations, "rotations", middles)
	if err == nil {
		err = c.upload(&c.stretches, "rotations of stretches", stretches)
	}
	return err
}

func appendFloats(words []uint32, values []float32) []uint32 {
	for _, x := range values {
		words = append(words, math.Float32bits(x))
	}
	return words
}

// upload makes a buffer of words that stay, of four at least.
func (c *Calibrated) upload(to *device.Buffer, label string, words []uint32) error {
	words = append(words, make([]uint32, max(0, 4-len(words)))...)
	b, err := c.work.Device.NewBuffer(label, len(words), device.DeviceLocal)
	if err == nil {
		*to = b
		err = device.Write(context.Background(), c.work.Device, b, 0, words)
	}
	if err != nil {
		return fmt.Errorf("backend: new cache: %w", err)
	}
	return nil
}

// Close frees the buffers.
func (c *Calibrated) Close() { core.Release(c.onDevice, c.rotations, c.stretches) }

// Bytes are the bytes of tables and rotations on the device.
func (c *Calibrated) Bytes() int64 { return core.Bytes(c.onDevice, c.rotations, c.stretches) }

// Tables are those of a kind of a layer.
func (c *Calibrated) Tables(k shaders.Kind, layer int) *shaders.Tables { return c.tables[k][layer] }

// View is the view of the tables of a kind of a layer.
func (c *Calibrated) View(k shaders.Kind, layer int) device.View {
	n := c.tables[k][layer].AllWords()
	return device.View{Buffer: c.onDevice, Offset: (2*layer + int(k)) * n, Words: n}
}

// Both is the view of the tables of K and of V of a layer.
func (c *Calibrated) Both(layer int) device.View {
	v := c.View(shaders.Key, layer)
	v.Words *= 2
	return v
}

// Rotations is the view of the rotations of all pages.
func (c *Calibrated) Rotations() device.View { return device.Whole(c.rotations) }

// Stretches is the view of the rotations of all stretches.
func (c *Calibrated) Stretches() device.View { return device.Whole(c.stretches) }

// Rotary are the elements of a kind's rows that turn, and 1 where pairs are neighbours.
func (c *Calibrated) Rotary(k shaders.Kind) (rotary, interleaved uint32) {
	if k == shaders.Value {
		return 0, 0
	}
	if c.turn.Interleaved {
		interleaved = 1
	}
	return uint32(c.turn.Rotary), interleaved
}

// Rotation is that of a page and then that of its stretch; nil: it does not turn.
func (c *Calibrated) Rotation(p pages.ID) []float32 {
	if p.Kind == shaders.Value || c.turn.Rotary == 0 {
		return nil
	}
	return c.turned[p.Page]
}

// RotationWords are the words of a plan that the rotations of a page take.
func (c *Calibrated) RotationWords(k shaders.Kind) int {
	rotary, _ := c.Rotary(k)
	return 2 * int(rotary)
}

// TableWords are the words of a plan that the record tables of n pages take at most.
func (c *Calibrated) TableWords(n int) int {
	return min(n, 2*c.work.Layers) * c.tables[shaders.Key][0].TableWords()
}

// of are the tables of a page.
func (c *Calibrated) of(p pages.ID) *shaders.Tables { return c.tables[p.Kind][p.LayerGroup] }

// PageWords is the size of a page whose tokens have the given levels.
func (c *Calibrated) PageWords(p pages.ID, levels []uint8) int { return c.of(p).PageWords(levels) }

// RewriteWords are the plan words of n pages, of so many layers, in a dispatch of
// Rewrite.
func (c *Calibrated) RewriteWords(n, layers int, _ bool) int {
	return n*(shaders.RecordRewriteJobWords+shaders.BitsWords(c.work.PageGroups)) + c.TableWords(min(n, 2*layers))
}

// Rewrite records repack_calibrated or promote_calibrated.
func (c *Calibrated) Rewrite(l *device.List, plan *core.Room, list []Rewrite, promote bool, src, dst, supply device.Buffer) {
	jobs, levels, tables := make([]shaders.RecordRewriteJob, len(list)), make([][]uint8, len(list)), make([]*shaders.Tables, len(list))
	for i, r := range list {
		jobs[i] = shaders.RecordRewriteJob{From: uint32(r.From), To: uint32(r.To), Supply: uint32(r.Supply)}
		levels[i], tables[i] = r.Bits, c.of(r.ID)
	}
	in, n, tokens := plan.Put(shaders.RewriteRecordsPlan(jobs, levels, tables)), uint32(len(list)), uint32(c.work.PageTokens)
	if promote {
		push := shaders.PromoteCalibratedPush{Jobs: n, Tokens: tokens}
		core.Dispatch(l, c.Pipeline(shaders.PromoteCalibrated), push.Bytes(), len(list)*c.work.PageTokens,
			device.Whole(src), in, device.Whole(supply), device.Whole(dst))
		return
	}
	push := shaders.RepackCalibratedPush{Jobs: n, Tokens: tokens}
	core.Dispatch(l, c.Pipeline(shaders.RepackCalibrated), push.Bytes(), len(list)*c.work.PageTokens, device.Whole(src), in, device.Whole(dst))
}

// Pipeline is a kernel that reads and writes rows of the cache's type.
func (c *Calibrated) Pipeline(k *shaders.Kernel) shaders.Pipeline {
	return c.work.Pipeline(k, c.work.Layout.Type, c.work.Layout.Type)
}

// SupplyWords are the words that a token lacks: its codes or its raw rows.
func (c *Calibrated) SupplyWords(p pages.ID, from, to uint8) int {
	return c.of(p).SupplyWords(from, to)
}

// RangeWords and RangesAt: records have no ranges.
func (c *Calibrated) RangeWords() int { return 0 }

// RangesAt is not used.
func (c *Calibrated) RangesAt() int { return 0 }

// DecodeWords are the plan words of n pages in Decode, half of them of K.
func (c *Calibrated) DecodeWords(n int) int {
	keys := (n + 1) / 2 * (shaders.RecordDecodeJobWords + c.RotationWords(shaders.Key))
	return core.RoundUp(keys, c.work.Limits.ViewAlign) + n/2*shaders.RecordDecodeJobWords
}

// Decode records decode_calibrated: a dispatch for the pages of each kind.
func (c *Calibrated) Decode(l *device.List, plan *core.Room, list []Decode, layer int, out uint32, stride int, src device.Buffer, rows device.View) {
	for k := range c.tables {
		var jobs []shaders.RecordDecodeJob
		var rotations [][]float32
		for _, d := range list {
			if d.Kind == shaders.Kind(k) {
				jobs = append(jobs, shaders.RecordDecodeJob{Page: uint32(d.At), Rows: uint32(d.Rows)})
				rotations = append(rotations, c.Rotation(d.ID))
			}
		}
		c.decode(l, plan, shaders.Kind(k), jobs, rotations, layer, out, stride, src, rows)
	}
}

func (c *Calibrated) decode(l *device.List, plan *core.Room, k shaders.Kind, jobs []shaders.RecordDecodeJob, rotations [][]float32, layer int, out uint32, stride int, src device.Buffer, rows device.View) {
	if len(jobs) == 0 {
		return
	}
	w, p := c.work, c.work.Pipeline(shaders.DecodeCalibrated, c.work.Layout.Type, out)
	push := shaders.DecodeCalibratedPush{Tokens: uint32(w.PageTokens), TokenStride: uint32(stride)}
	push.Rotary, push.Interleaved = c.Rotary(k)
	l.Dispatch(device.Dispatch{Kernel: p.Kernel, Spec: p.Words(), Push: push.Bytes(),
		Workgroups: shaders.DecodeRecordsWorkgroups(p, len(jobs), w.PageTokens),
		Views:      []device.View{device.Whole(src), plan.Put(shaders.DecodeRecordsPlan(jobs, rotations)), c.View(k, layer), rows}})
}
