package cpuref

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// Run executes a dispatch of a kernel on buffers in the order of its bindings.
// copy and probe do no more than workgroups invocations can, pack, repack,
// promote and normalize_importance do one job a workgroup, encode_calibrated and
// decode_calibrated as many as workgroups have, the others do all that push asks for.
func Run(k *shaders.Kernel, spec []uint32, push []byte, workgroups uint32, buffers [][]uint32) error {
	run := kernels[k.Name]
	if run == nil {
		return fmt.Errorf("cpuref: %s: no such kernel", k.Name)
	}
	if err := k.CheckSpec(spec); err != nil {
		return err
	}
	if err := k.CheckPush(push); err != nil {
		return err
	}
	if len(buffers) != len(k.Bindings) {
		return fmt.Errorf("cpuref: %s: %d buffers: must be %d", k.Name, len(buffers), len(k.Bindings))
	}
	return run(shaders.ParseSpec(spec), push, workgroups, buffers)
}

// Has tells whether a kernel of that name has a reference.
func Has(kernel string) bool { return kernels[kernel] != nil }

type words = []uint32

// adapter runs a kernel on a push constant block and buffers as Run has them.
type adapter func(s shaders.Spec, push []byte, workgroups uint32, b []words) error

// kernels adapts the typed functions, one a kernel, to Run.
var kernels = map[string]adapter{
	"copy": func(s shaders.Spec, push []byte, workgroups uint32, b []words) error {
		p := shaders.ParseCopyPush(push)
		p.Vectors = atMost(p.Vectors, workgroups, s.Workgroup)
		return Copy(s, p, b[0], b[1])
	},
	"probe": func(s shaders.Spec, push []byte, workgroups uint32, b []words) error {
		p := shaders.ParseProbePush(push)
		p.Triples = atMost(p.Triples, workgroups, s.Workgroup)
		return Probe(s, p, b[0], b[1])
	},
	"pack": func(s shaders.Spec, push []byte, jobs uint32, b []words) error {
		return Pack(s, shaders.ParsePackPush(push), jobs, b[0], b[1], b[2])
	},
	"repack": func(s shaders.Spec, push []byte, jobs uint32, b []words) error {
		return Repack(s, shaders.ParseRepackPush(push), jobs, b[0], b[1], b[2])
	},
	"promote": func(s shaders.Spec, push []byte, jobs uint32, b []words) error {
		return Promote(s, shaders.ParsePromotePush(push), jobs, b[0], b[1], b[2], b[3])
	},
	"pack_calibrated":         four(shaders.ParsePackCalibratedPush, PackCalibrated),
	"repack_calibrated":       three(shaders.ParseRepackCalibratedPush, RepackCalibrated),
	"promote_calibrated":      four(shaders.ParsePromoteCalibratedPush, PromoteCalibrated),
	"arrange_calibrated":      four(shaders.ParseArrangeCalibratedPush, ArrangeCalibrated),
	"arrange_means":           four(shaders.ParseArrangeMeansPush, ArrangeMeans),
	"score_calibrated":        four(shaders.ParseScoreCalibratedPush, ScoreCalibrated),
	"weighted_sum_calibrated": four(shaders.ParseWeightedSumCalibratedPush, WeightedSumCalibrated),
	"combine_calibrated":      four(shaders.ParseCombineCalibratedPush, CombineCalibrated),
	"encode_calibrated": func(s shaders.Spec, push []byte, workgroups uint32, b []words) error {
		p := shaders.ParseEncodeCalibratedPush(push)
		jobs := shaders.CalibratedJobs(s, workgroups, p.Tokens, shaders.EncodeChunks(s))
		return EncodeCalibrated(s, p, jobs, b[0], b[1], b[2], b[3])
	},
	"decode_calibrated": func(s shaders.Spec, push []byte, workgroups uint32, b []words) error {
		p := shaders.ParseDecodeCalibratedPush(push)
		jobs := shaders.CalibratedJobs(s, workgroups, p.Tokens, shaders.DecodeChunks(s))
		return DecodeCalibrated(s, p, jobs, b[0], b[1], b[2], b[3])
	},
	"convert":           three(shaders.ParseConvertPush, Convert),
	"arrange_queries":   two(shaders.ParseArrangeQueriesPush, ArrangeQueries),
	"softmax":           two(shaders.ParseSoftmaxPush, Softmax),
	"decode":            three(shaders.ParseDecodePush, Decode),
	"combine":           three(shaders.ParseCombinePush, Combine),
	"record_importance": three(shaders.ParseRecordImportancePush, RecordImportance),
	"reduce_importance": three(shaders.ParseReduceImportancePush, ReduceImportance),
	"encode":            four(shaders.ParseEncodePush, Encode),
	"choose_bits":       four(shaders.ParseChooseBitsPush, ChooseBits),
	"score":             four(shaders.ParseScorePush, Score),
	"weighted_sum":      four(shaders.ParseWeightedSumPush, WeightedSum),
	"normalize_importance": func(s shaders.Spec, push []byte, jobs uint32, b []words) error {
		return NormalizeImportance(s, shaders.ParseNormalizeImportancePush(push), jobs, b[0], b[1])
	},
	"accumulate_importance": four(shaders.ParseAccumulateImportancePush, AccumulateImportance),
	"choose_levels":         three(shaders.ParseChooseLevelsPush, ChooseLevels),
}

func two[P any](parse func([]byte) P, run func(shaders.Spec, P, words, words) error) adapter {
	return func(s shaders.Spec, push []byte, _ uint32, b []words) error { return run(s, parse(push), b[0], b[1]) }
}

func three[P any](parse func([]byte) P, run func(shaders.Spec, P, words, words, words) error) adapter {
	return func(s shaders.Spec, push []byte, _ uint32, b []words) error {
		return run(s, parse(push), b[0], b[1], b[2])
	}
}

func four[P any](parse func([]byte) P, run func(shaders.Spec, P, words, words, words, words) error) adapter {
	return func(s shaders.Spec, push []byte, _ uint32, b []words) error {
		return run(s, parse(push), b[0], b[1], b[2], b[3])
	}
}

// atMost limits n to the invocations of a dispatch.
func atMost(n, workgroups, size uint32) uint32 {
	return uint32(min(uint64(n), uint64(workgroups)*uint64(size)))
}
