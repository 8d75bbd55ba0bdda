package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// PromoteCalibrated rewrites a page of records of each job with any levels. What the
// old page lacks comes from supply, in the order of its tokens.
func PromoteCalibrated(s shaders.Spec, p shaders.PromoteCalibratedPush, src, plan, supply, dst []uint32) error {
	const k = kernel("promote_calibrated")
	return try(func() {
		r := newRecordRewriter(k, s, p.Tokens, src, plan, dst)
		lacking := buffer{k, "supply", supply}
		checkWhole(lacking)
		for n := range uint64(p.Jobs) {
			job := jobAt(r.plan, 0, shaders.RecordRewriteJobWords, n, shaders.ParseRecordRewriteJob)
			old, page := r.open(job)
			at := uint64(job.Supply)
			for t, from := range old.Levels {
				to := page.Levels[t]
				words := uint64(old.Records.SupplyWords(from, to))
				switch in := lacking.span(at, words); {
				case words == 0:
					r.shorten(old, page, t)
				case to == shaders.Raw:
					copy(page.Record(t), in)
				default:
					assembleCodes(page.Records, to, page.Record(t), in)
				}
				at += words
			}
		}
	})
}
