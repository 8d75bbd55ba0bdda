package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Repack rewrites a page of each of the jobs with as many bits a group or
// fewer: codes lose planes, a raw group is quantized from its rows.
func Repack(s shaders.Spec, p shaders.RepackPush, jobs uint32, src, plan, dst []uint32) error {
	const k = kernel("repack")
	return try(func() {
		r := rewriter{kernel: k, l: k.layout(s), groups: int(p.Groups), src: buffer{k, "src", src},
			plan: buffer{k, "plan", plan}, dst: buffer{k, "dst", dst}}
		r.run(int(jobs), func(n uint64, room *group) {
			old, page := r.open(jobAt(r.plan, 0, shaders.RepackJobWords, n, shaders.ParseRepackJob))
			for g := range old.Bits {
				r.shorten(old, page, g, room)
			}
		})
	})
}
