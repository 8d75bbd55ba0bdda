package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// recordRewriter is what repack_calibrated and promote_calibrated have in common.
type recordRewriter struct {
	kernel
	l              shaders.Layout
	tokens         int // of a page
	src, plan, dst buffer
}

func newRecordRewriter(k kernel, s shaders.Spec, tokens uint32, src, plan, dst []uint32) *recordRewriter {
	r := &recordRewriter{k, k.layout(s), int(tokens), buffer{k, "src", src}, buffer{k, "plan", plan}, buffer{k, "dst", dst}}
	checkWhole(r.src, r.dst)
	return r
}

// open returns the old page of a job and the new one, which has everything but its
// records.
func (r *recordRewriter) open(job shaders.RecordRewriteJob) (old, page *RecordPage) {
	t := tableInPlan(r.l, r.plan, job.Table)
	old = openRecordsAt(t.Records, r.src, job.From, r.tokens)
	return old, newRecordPage(t, r.plan, job.Levels, r.tokens, r.dst, job.To, job.Words, old.Failed())
}

// tableInPlan reads the record table at a word of a plan.
func tableInPlan(l shaders.Layout, plan buffer, at uint32) recordTable {
	r := shaders.Records{HeadDim: l.HeadDim, Heads: l.Rows}
	return openRecordTable(l, plan, plan.span(uint64(at), uint64(r.TableWords())))
}

// shorten writes the record of a token that has at most its old level.
func (r *recordRewriter) shorten(old, page *RecordPage, t int) {
	from, to := old.Levels[t], page.Levels[t]
	switch {
	case from == to:
		copy(page.Record(t), old.Record(t))
		return
	case from < to:
		r.fail("token %d has level %d: cannot get %d", t, from, to)
	case from == shaders.Raw:
		r.fail("token %d is raw: level %d needs its codes", t, to)
	}
	codes := make([]uint32, old.Records.CodeWords())
	disassemble(old.Records, from, old.Record(t), codes)
	assembleCodes(old.Records, to, page.Record(t), codes)
}

// disassemble writes the codes of a record, 0 in the bits that it does not have.
func disassemble(r shaders.Records, level uint8, record, codes []uint32) {
	clear(codes)
	at := 0
	for h, planes := range r.Populations[level] {
		row := codes[h*r.CodeWords()/r.Heads:]
		for block := 0; block < r.HeadDim; block += shaders.BlockElements {
			for p, n := range planes {
				for c := block; c < min(n, block+shaders.BlockElements); c++ {
					row[c/32*8+c%8] |= record[at/32] >> (at % 32) & 1 << (c%32/8*8 + 7 - p)
					at++
				}
			}
		}
	}
}
