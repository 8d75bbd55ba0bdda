package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// RepackCalibrated rewrites a page of records of each job with the level that each
// token has, or a lower one.
func RepackCalibrated(s shaders.Spec, p shaders.RepackCalibratedPush, src, plan, dst []uint32) error {
	const k = kernel("repack_calibrated")
	return try(func() {
		r := newRecordRewriter(k, s, p.Tokens, src, plan, dst)
		for n := range uint64(p.Jobs) {
			old, page := r.open(jobAt(r.plan, 0, shaders.RecordRewriteJobWords, n, shaders.ParseRecordRewriteJob))
			for t := range old.Levels {
				r.shorten(old, page, t)
			}
		}
	})
}
