package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// NormalizeImportance marks the sinks of so many layers, sums the decayed importance
// of their other tokens and turns the thresholds of levels into bounds on it.
func NormalizeImportance(_ shaders.Spec, p shaders.NormalizeImportancePush, jobs uint32, plan, importance []uint32) error {
	const k = kernel("normalize_importance")
	return try(func() {
		plan, importance := buffer{k, "plan", plan}, buffer{k, "importance", importance}
		thresholds := plan.span(uint64(p.Thresholds), shaders.LevelBounds)
		for n := range uint64(jobs) {
			job := jobAt(plan, uint64(p.Jobs), shaders.NormalizeJobWords, n, shaders.ParseNormalizeJob)
			layer := importance.span(uint64(job.Importance), shaders.ImportanceHeader+uint64(shaders.ImportanceWords(int(job.Tokens))))
			sum, count := sumTokens(layer[shaders.ImportanceHeader:], job)
			for j, threshold := range thresholds {
				layer[j] = boundOf(threshold, sum, count)
			}
			layer[shaders.LevelBounds], layer[shaders.LevelBounds+1] = sum, count
		}
	})
}

// sumTokens marks the sinks among the tokens of a layer that count, and sums and
// counts the others.
func sumTokens(layer tokens, job shaders.NormalizeJob) (sum, count uint32) {
	for t := job.First; t < job.Tokens; t++ {
		importance := layer.get(t)
		switch {
		case importance >= shaders.SinkMark: // since earlier
		case t < job.Stored && importance >= job.Sink:
			layer.set(t, importance|shaders.SinkMark)
		default:
			sum = addImportance(sum, importance)
			count++
		}
	}
	return sum, count
}

// boundOf returns the least n with n*count*2^16 >= threshold*sum, at most 2^32-1;
// where all is 0, every token counts as the mean.
func boundOf(threshold, sum, count uint32) uint32 {
	switch {
	case sum > 0:
		share := (uint64(threshold)*uint64(sum) + 0xffff) >> 16
		return uint32(min((share+uint64(count)-1)/uint64(count), math.MaxUint32))
	case threshold <= 1<<16:
		return 0
	}
	return math.MaxUint32
}
