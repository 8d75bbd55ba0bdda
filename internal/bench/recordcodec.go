package bench

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// recordPages are pages of a batch of encode_calibrated.
const recordPages = 128

// recordCodec encodes rows to pages of records at levels in the proportions of shares,
// or decodes them: K of one layer.
type recordCodec struct {
	listed
	Case
	tables      *shaders.Tables
	page        int // tokens
	rotations   [][]float32
	used, slots int
	levels      [][]uint8
	at          []uint32

	rows, arena, onDevice, slotsIn device.Buffer
}

func newRecordCodec(ctx context.Context, d device.Device, c Case) (work, error) {
	p, err := ratedProfile(c)
	if err != nil {
		return nil, err
	}
	w := &recordCodec{listed: listed{buffers{device: d}, device.NewList(d)}, Case: c, page: p.PageTokens}
	if w.tables, err = p.Tables(shaders.Key, 0, c.Type); err == nil {
		w.setUp(p.Rotation)
		if err = w.err; err == nil {
			err = fillRows(ctx, d, w.rows, c.Type)
		}
	}
	if err == nil {
		err = w.recordAll(ctx)
	}
	if err != nil {
		w.release()
		return nil, err
	}
	return w, nil
}

func (w *recordCodec) pages() int      { return w.Elements / w.HeadDim / kvHeads / w.page }
func (w *recordCodec) tokenWords() int { return w.tables.Layout().RawGroupWords() }
func (w *recordCodec) bytes() int64    { return 4 * int64(w.used) }

// setUp makes buffers and says where pages go.
func (w *recordCodec) setUp(rotation func(page int) []float32) {
	rng := rand.New(rand.NewPCG(3, 4))
	for page := range w.pages() {
		levels := ratedLevels(rng, w.page)
		w.levels, w.at, w.rotations = append(w.levels, levels), append(w.at, uint32(w.used)), append(w.rotations, rotation(page))
		w.used += shaders.AlignWords(w.tables.PageWords(levels))
	}
	w.slots = shaders.AlignWords(recordPages * w.page * kvHeads)
	w.rows = w.make("rows", w.pages()*w.page*w.tokenWords(), device.DeviceLocal)
	w.arena = w.make("pages", w.used, device.DeviceLocal)
	w.slotsIn = w.make("slots", w.slots+recordPages*w.page*w.tables.CodeWords(), device.DeviceLocal)
	w.onDevice = w.upload("tables", w.tables.Words())
}

// recordAll records the case; one that decodes runs encoding before.
func (w *recordCodec) recordAll(ctx context.Context) error {
	for first := 0; first < w.pages(); first += recordPages {
		w.encode(first, min(recordPages, w.pages()-first))
	}
	if w.err != nil || w.Op == "encode" {
		return w.failure()
	}
	if err := device.Run(ctx, w.device, w.list); err != nil {
		return err
	}
	w.list.Reset()
	for first := 0; first < w.pages(); first += recordPages {
		w.decode(first, min(recordPages, w.pages()-first))
	}
	w.list.Mark("decode_calibrated")
	return w.failure()
}

func (w *recordCodec) failure() error {
	if w.err != nil {
		return w.err
	}
	return w.list.Err()
}

// dispatch records a kernel as a cache builds it.
func (w *recordCodec) dispatch(k *shaders.Kernel, push []byte, workgroups func(shaders.Pipeline) uint32, views ...device.Buffer) {
	if w.err != nil {
		return
	}
	p := shaders.Specialize(k, w.device.Limits().Target(), shaders.Setting{Layout: w.tables.Layout(), Out: w.Type}).Tune(w.tune)
	d := device.Dispatch{Kernel: k, Spec: p.Words(), Push: push, Workgroups: workgroups(p)}
	for _, b := range views {
		d.Views = append(d.Views, device.Whole(b))
	}
	w.list.Dispatch(d)
}

func (w *recordCodec) encode(first, pages int) {
	encodes, packs := make([]shaders.RecordEncodeJob, pages), make([]shaders.RecordPackJob, pages)
	for j := range pages {
		at := uint32((first + j) * w.page * w.tokenWords())
		encodes[j].At = at
		packs[j] = shaders.RecordPackJob{Slot: uint32(j * w.page), Rows: at, Page: w.at[first+j]}
	}
	n, stride := uint32(w.page), uint32(w.tokenWords())
	push := shaders.EncodeCalibratedPush{Tokens: n, TokenStride: stride, SlotBase: uint32(w.slots), Rotary: uint32(w.HeadDim)}
	w.dispatch(shaders.EncodeCalibrated, push.Bytes(), func(p shaders.Pipeline) uint32 { return shaders.EncodeRecordsWorkgroups(p, pages, w.page) },
		w.rows, w.upload("encode.plan", shaders.EncodeRecordsPlan(encodes, w.rotations[first:first+pages])), w.slotsIn, w.onDevice)
	w.list.Mark("encode_calibrated")
	w.list.Barrier(device.Shader, device.Shader)
	plan := shaders.PackRecordsPlan(packs, w.levels[first:first+pages], slices.Repeat([]*shaders.Tables{w.tables}, pages))
	pack := shaders.PackCalibratedPush{Jobs: uint32(pages), Tokens: n, TokenStride: stride, SlotBase: uint32(w.slots)}
	w.dispatch(shaders.PackCalibrated, pack.Bytes(), func(p shaders.Pipeline) uint32 { return p.Workgroups(pages * w.page) },
		w.slotsIn, w.rows, w.upload("pack.plan", plan), w.arena)
	w.list.Mark("pack_calibrated")
	w.list.Barrier(device.Shader, device.Shader)
}

func (w *recordCodec) decode(first, pages int) {
	jobs := make([]shaders.RecordDecodeJob, pages)
	for j := range jobs {
		jobs[j] = shaders.RecordDecodeJob{Page: w.at[first+j], Rows: uint32((first + j) * w.page * w.tokenWords())}
	}
	push := shaders.DecodeCalibratedPush{Tokens: uint32(w.page), TokenStride: uint32(w.tokenWords()), Rotary: uint32(w.HeadDim)}
	w.dispatch(shaders.DecodeCalibrated, push.Bytes(), func(p shaders.Pipeline) uint32 { return shaders.DecodeRecordsWorkgroups(p, pages, w.page) },
		w.arena, w.upload("decode.plan", shaders.DecodeRecordsPlan(jobs, w.rotations[first:first+pages])), w.onDevice, w.rows)
}
