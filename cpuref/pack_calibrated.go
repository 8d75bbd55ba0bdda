package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// PackCalibrated assembles a page of records of each job from its slots, and from
// its rows for tokens that are raw.
func PackCalibrated(s shaders.Spec, p shaders.PackCalibratedPush, slots, rows, plan, pages []uint32) error {
	const k = kernel("pack_calibrated")
	return try(func() {
		l := k.layout(s)
		in, raw := buffer{k, "slots", slots}, buffer{k, "rows", rows}
		planned, out := buffer{k, "plan", plan}, buffer{k, "pages", pages}
		checkWhole(raw, out)
		for n := range uint64(p.Jobs) {
			job := jobAt(planned, 0, shaders.RecordPackJobWords, n, shaders.ParseRecordPackJob)
			raw.checkAligned(job.Rows, p.TokenStride)
			t := tableInPlan(l, planned, job.Table)
			page := newRecordPage(t, planned, job.Levels, int(p.Tokens), out, job.Page, job.Words, job.Failed)
			for i, level := range page.Levels {
				if level == shaders.Raw {
					copy(page.Record(i), raw.span(uint64(job.Rows)+uint64(i)*uint64(p.TokenStride), uint64(l.RawGroupWords())))
					continue
				}
				words := uint64(t.CodeWords())
				codes := in.span(uint64(p.SlotBase)+(uint64(job.Slot)+uint64(i))*words, words)
				assembleCodes(t.Records, level, page.Record(i), codes)
			}
		}
	})
}
