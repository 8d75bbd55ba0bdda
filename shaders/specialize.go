package shaders

import "math"

// workgroup is the invocations of a workgroup where there is no reason for fewer:
// what every Vulkan device has.
const workgroup = 128

// Target is what the kernels of a cache depend on of a device.
type Target struct {
	SubgroupSize uint32 // invocations that run together
	CPU          bool   // the device is a processor
}

// Setting is what they depend on of a cache and of a call. Layout.Type is the
// type of the rows that a kernel reads.
type Setting struct {
	Layout  Layout
	Out     uint32 // type of the rows that decode, convert and combine write
	Queries int    // query vectors of a tile: Target.Tile
	Tiles   int    // tiles of a KV head, for score; 0: one
	Ring    bool   // score and weighted_sum read the recent window, not pages
}

// Pipeline is a kernel as a cache builds it.
type Pipeline struct {
	Kernel *Kernel
	Spec   Spec
}

// Specialize is the one answer to which constants a cache gives a kernel.
// Results do not depend on the target.
func Specialize(k *Kernel, t Target, s Setting) Pipeline {
	l := s.Layout
	return Pipeline{k, Spec{
		Workgroup: t.workgroup(k, l.HeadDim, s.Queries), Lanes: lanes(k, l), Type: l.Type, OutType: s.Out,
		HeadDim: uint32(l.HeadDim), Rows: uint32(l.Rows), Low: uint32(l.Low), High: uint32(l.High),
		Queries: uint32(s.Queries), Ring: flag(s.Ring), Staged: t.staged(k, s),
	}}
}

// Words are the values of the kernel's constants.
func (p Pipeline) Words() []uint32 { return p.Spec.Words(p.Kernel) }

// Tune replaces constants by values of kernel.CONSTANT, such as "encode.LANES":
// for measuring kernels.
func (p Pipeline) Tune(values map[string]uint32) Pipeline {
	words := p.Words()
	for i, c := range p.Kernel.Constants {
		if v, ok := values[p.Kernel.Name+"."+c.Name]; ok {
			words[i] = v
		}
	}
	p.Spec = ParseSpec(words)
	return p
}

// Workgroups are those that give each of so many items the kernel's lanes.
func (p Pipeline) Workgroups(items int) uint32 {
	return uint32((items*int(p.Spec.Lanes) + int(p.Spec.Workgroup) - 1) / int(p.Spec.Workgroup))
}

// workgroup is the invocations of a workgroup. On a CPU softmax and weighted_sum have those
// that run together: barriers between more cost much there, and small workgroups
// spread better over its threads; so has pack, of which each sums up the bits of all
// groups before its own; score rounds tokens up to few. Kernels that code and decode records
// have the tokens of a page as invocations, seldom more than 32; those that arrange
// queries and combine sums, on a CPU, as many as a row has work for.
func (t Target) workgroup(k *Kernel, headDim, queries int) uint32 {
	switch {
	case t.CPU && (k == Pack || k == Softmax || k == WeightedSum || k == WeightedSumCalibrated):
		return max(8, t.SubgroupSize)
	case t.CPU && k == ArrangeCalibrated:
		return max(t.SubgroupSize, min(uint32(headDim/channelsTogether(headDim, queries)+7)/8*8, 32))
	case t.CPU && k == CombineCalibrated:
		return min(uint32(headDim+7)/8*8, workgroup)
	case t.CPU && k == ArrangeMeans:
		return max(t.SubgroupSize, 16)
	case k == WeightedSum || k == WeightedSumCalibrated || k == ArrangeMeans, t.CPU && (k == Score || k == ScoreCalibrated):
		return 64
	case k == EncodeCalibrated || k == DecodeCalibrated:
		return 32
	}
	return workgroup
}

// lanes is the invocations that share a group in encode.
func lanes(k *Kernel, l Layout) uint32 {
	if k == Encode {
		return uint32(l.EncodeLanes())
	}
	return 1
}

// staged is STAGED: 0 or 1 (stages), or, of score, the tiles of a workgroup. A CPU takes as long
// to read a row as to multiply it with 20 query vectors: it has 16 of them in long texts, which
// have tiles of 8, where there is more than one tile and they fit the shared memory that every
// device has. Twice as many vectors take twice to thrice as long to compile.
func (t Target) staged(k *Kernel, s Setting) uint32 {
	const vectors, words, long = 16, 4096, 8
	if (k != Score && k != ScoreCalibrated) || !t.CPU || s.Tiles < 2 || s.Queries < long {
		return flag(t.stages(k))
	}
	return uint32(max(1, min(vectors/s.Queries, words/TileWords(s.Layout.HeadDim, s.Queries))))
}

// stages tells whether the invocations of a workgroup share what they bring to shared
// memory: on a CPU the queries of score, whose loads are slow there, and a lane of encode
// holds a short row by itself, so that no variable indexes it; elsewhere rows of V, and what
// arranges queries and combines sums gives an invocation a channel, a page of a vector or
// an element of one, so that there is work for all and each waits but a few times. CPUs
// have few threads, and loads of a lane each are slow there: an invocation has more.
func (t Target) stages(k *Kernel) bool {
	switch k {
	case Encode, Score, ScoreCalibrated:
		return t.CPU
	case WeightedSum, WeightedSumCalibrated, ArrangeCalibrated, ArrangeMeans, CombineCalibrated:
		return !t.CPU
	}
	return false
}

// Tile is the size of a tile of query vectors that read so many tokens. Rows are
// read once a tile; tiles are padded. GPUs take the size that pads least, the
// larger of equal ones: 64 sums for each of 32 lanes are what fits the registers
// of all that are compiled for. On a CPU a row costs as much to read as its
// products with 20 vectors, but large tiles take long to compile, those of 16 vectors 40 s
// and of 8 a third of that for the same speed: long sequences have 8, short ones 4.
func (t Target) Tile(headDim, vectors, tokens int) int {
	if vectors <= 2 {
		return vectors
	}
	best, least := 0, math.MaxInt
	for _, size := range [...]int{16, 12, 8, 4} {
		if cost := t.TileCost(size, vectors); cost < least && t.mayTile(size, headDim, vectors, tokens) {
			best, least = size, cost
		}
	}
	return best
}

// mayTile tells whether a size is one to choose from.
func (t Target) mayTile(size, headDim, vectors, tokens int) bool {
	const long = 1024 // tokens from which on a large tile pays on a CPU
	most := 64 / (Blocks(headDim))
	if !t.CPU {
		return size <= most
	}
	if vectors <= 8 || tokens < long {
		most = 4
	}
	return size == min(most, 8)
}

// TileCost weighs the tiles of so many vectors against each other.
func (t Target) TileCost(size, vectors int) int {
	tiles := (vectors + size - 1) / size
	if !t.CPU {
		return tiles * size
	}
	const read = 20
	return tiles * (read + size)
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
