package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// EncodeCalibrated writes the full codes of each token of jobs to its slot, and to
// word n*H + head of slots 0 or shaders.Unquantizable.
func EncodeCalibrated(s shaders.Spec, p shaders.EncodeCalibratedPush, jobs uint32, rows, plan, slots, words []uint32) error {
	const k = kernel("encode_calibrated")
	return try(func() {
		e := codeEncoder{l: k.layout(s), p: p, rows: buffer{k, "rows", rows}, plan: buffer{k, "plan", plan}, slots: buffer{k, "slots", slots}}
		e.pairing = k.pairing(p.Rotary, p.Interleaved, e.l.HeadDim)
		e.t = openTables(e.l, buffer{k, "tables", words}, 0)
		checkWhole(e.rows)
		if uint64(p.SlotBase) < uint64(jobs)*uint64(p.Tokens)*uint64(e.l.Rows) {
			k.fail("slots from word %d: a word for each of %d rows comes first", p.SlotBase, jobs*p.Tokens*uint32(e.l.Rows))
		}
		parallel(int(jobs), int(p.Tokens)*e.l.Group()*e.l.HeadDim, func(from, to int) {
			for job := from; job < to; job++ {
				e.encode(job)
			}
		})
	})
}

type codeEncoder struct {
	l                 shaders.Layout
	p                 shaders.EncodeCalibratedPush
	pairing           pairing
	t                 tables
	rows, plan, slots buffer
}

func (e *codeEncoder) encode(job int) {
	in := jobAt(e.plan, 0, shaders.RecordEncodeJobWords, uint64(job), shaders.ParseRecordEncodeJob)
	e.rows.checkAligned(in.At, e.p.TokenStride)
	rotation := floats(e.plan.span(uint64(in.Rotation), 2*uint64(e.pairing.rotary)))
	mean, x, codes := make([]float32, e.l.HeadDim), make([]float32, e.l.HeadDim), make([]uint8, e.l.HeadDim)
	words, row := uint64(shaders.Blocks(e.l.HeadDim)*shaders.Planes), uint64(e.l.RawRowWords())
	for h := range e.l.Rows {
		e.pairing.turn(e.t.mean(e.l, h), rotation, mean)
		forward := e.t.forwardOf(e.l, h, e.pairing, rotation[e.pairing.rotary:])
		for t := range uint64(e.p.Tokens) {
			at := uint64(in.At) + t*uint64(e.p.TokenStride) + uint64(h)*row
			slot := (uint64(job)*uint64(e.p.Tokens)+t)*uint64(e.l.Rows) + uint64(h)
			out := e.slots.span(uint64(e.p.SlotBase)+slot*words, words)
			e.slots.span(slot, 1)[0] = shaders.Unquantizable
			if e.t.encodeRow(forward, elements{e.l.Type, e.rows.span(at, row)}, mean, x, codes) {
				e.slots.words[slot] = 0
			}
			arrangeCodes(codes, out)
		}
	}
}
