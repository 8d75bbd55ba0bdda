package cpuref

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// Run executes a dispatch of a kernel on buffers in the order of its bindings.
// copy and probe do no more than workgroups invocations can, pack, repack and
// promote do one job a workgroup, the others do all that push asks for.
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
		return argument(k.Name, "%d buffers: must be %d", len(buffers), len(k.Bindings))
	}
	return run(spec, push, workgroups, buffers)
}

// Has tells whether a kernel of that name has a reference.
func Has(kernel string) bool { return kernels[kernel] != nil }

// kernels adapts the typed functions, one a kernel, to Run.
var kernels = map[string]func(spec []uint32, push []byte, workgroups uint32, b [][]uint32) error{
	"copy": func(spec []uint32, push []byte, workgroups uint32, b [][]uint32) error {
		s, p := shaders.ParseSpec(spec), shaders.ParseCopyPush(push)
		p.Vectors = atMost(p.Vectors, workgroups, s.Workgroup)
		return Copy(s, p, b[0], b[1])
	},
	"probe": func(spec []uint32, push []byte, workgroups uint32, b [][]uint32) error {
		s, p := shaders.ParseSpec(spec), shaders.ParseProbePush(push)
		p.Triples = atMost(p.Triples, workgroups, s.Workgroup)
		return Probe(s, p, b[0], b[1])
	},
	"convert": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return Convert(shaders.ParseSpec(spec), shaders.ParseConvertPush(push), b[0], b[1])
	},
	"encode": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return Encode(shaders.ParseSpec(spec), shaders.ParseEncodePush(push), b[0], b[1], b[2], b[3])
	},
	"pack": func(spec []uint32, push []byte, jobs uint32, b [][]uint32) error {
		return Pack(shaders.ParseSpec(spec), shaders.ParsePackPush(push), jobs, b[0], b[1], b[2])
	},
	"repack": func(spec []uint32, push []byte, jobs uint32, b [][]uint32) error {
		return Repack(shaders.ParseSpec(spec), shaders.ParseRepackPush(push), jobs, b[0], b[1], b[2])
	},
	"promote": func(spec []uint32, push []byte, jobs uint32, b [][]uint32) error {
		return Promote(shaders.ParseSpec(spec), shaders.ParsePromotePush(push), jobs, b[0], b[1], b[2], b[3])
	},
	"decode": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return Decode(shaders.ParseSpec(spec), shaders.ParseDecodePush(push), b[0], b[1], b[2])
	},
	"choose_bits": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return ChooseBits(shaders.ParseSpec(spec), shaders.ParseChooseBitsPush(push), b[0], b[1], b[2], b[3])
	},
	"arrange_queries": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return ArrangeQueries(shaders.ParseSpec(spec), shaders.ParseArrangeQueriesPush(push), b[0], b[1])
	},
	"score": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return Score(shaders.ParseSpec(spec), shaders.ParseScorePush(push), b[0], b[1], b[2], b[3])
	},
	"softmax": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return Softmax(shaders.ParseSpec(spec), shaders.ParseSoftmaxPush(push), b[0], b[1])
	},
	"record_importance": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return RecordImportance(shaders.ParseSpec(spec), shaders.ParseRecordImportancePush(push), b[0], b[1], b[2])
	},
	"reduce_importance": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return ReduceImportance(shaders.ParseSpec(spec), shaders.ParseReduceImportancePush(push), b[0], b[1], b[2])
	},
	"weighted_sum": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return WeightedSum(shaders.ParseSpec(spec), shaders.ParseWeightedSumPush(push), b[0], b[1], b[2], b[3])
	},
	"combine": func(spec []uint32, push []byte, _ uint32, b [][]uint32) error {
		return Combine(shaders.ParseSpec(spec), shaders.ParseCombinePush(push), b[0], b[1], b[2])
	},
}

// atMost limits n to the invocations of a dispatch.
func atMost(n, workgroups, size uint32) uint32 {
	return uint32(min(uint64(n), uint64(workgroups)*uint64(size)))
}

// layoutOf returns the layout that a kernel is specialized for.
func layoutOf(kernel string, s shaders.Spec) (shaders.Layout, error) {
	l := shaders.Layout{
		Type: s.Type, HeadDim: int(s.HeadDim), Rows: int(s.Rows), Low: int(s.Low), High: int(s.High),
	}
	if err := l.Check(); err != nil {
		return l, argument(kernel, "%v", err)
	}
	return l, nil
}

// checkOut fails unless typ is an element type.
func checkOut(kernel string, typ uint32) error {
	if typ > shaders.TypeBF16 {
		return argument(kernel, "output type %d: must be 0 (f32), 1 (f16) or 2 (bf16)", typ)
	}
	return nil
}

// grid says where the groups of a dispatch lie: job by job, in each token by
// token.
type grid struct{ groups, perJob, perToken uint32 }

func (g grid) check(kernel string) error {
	if g.groups > 0 && (g.perJob == 0 || g.perToken == 0 || g.perJob%g.perToken != 0) {
		return argument(kernel, "%d groups a job, %d a token: must be whole tokens", g.perJob, g.perToken)
	}
	return nil
}

func (g grid) jobs() int {
	if g.groups == 0 {
		return 0
	}
	return int((g.groups-1)/g.perJob) + 1
}

// place returns the job of group n, its token there and its place in the token.
func (g grid) place(n int) (job, token, i uint64) {
	in := uint64(n) % uint64(g.perJob)
	return uint64(n) / uint64(g.perJob), in / uint64(g.perToken), in % uint64(g.perToken)
}

// openJobs returns the views of the pages of all jobs, whose offsets are the
// first of the words of a job in plan.
func openJobs(l shaders.Layout, g grid, pages, plan buffer, jobWords uint64) ([]*Page, error) {
	if err := checkWhole(pages); err != nil {
		return nil, err
	}
	var views []*Page
	for job := range g.jobs() {
		at, err := plan.word(jobWords * uint64(job))
		if err != nil {
			return nil, err
		}
		view, err := openAt(l, pages, at, int(g.perJob))
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}
