package spirv

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// branching is a kernel that calls function %60 if constant 0 is not 0, and %70
// otherwise, and after that loops while constant 1 is not 0.
func branching(t testing.TB) *Module {
	return module(t,
		in(opCapability, 1),
		in(14, 0, 1),
		in(opEntryPoint, 5, 40, 0x6e69616d, 0),
		in(opExecutionMode, 40, modeLocalSize, 1, 1, 1),
		in(opName, 60, 0x656e6f),
		in(opName, 70, 0x6f7774),
		in(opDecorate, 20, decorationSpecID, 0),
		in(opDecorate, 21, decorationSpecID, 1),
		in(19, 10), // void
		in(33, 11, 10),
		in(opTypeInt, 12, 32, 0),
		in(opTypeBool, 13),
		in(opSpecConstant, 12, 20, 0),
		in(opSpecConstant, 12, 21, 0),
		in(opConstant, 12, 22, 0),
		in(opConstantTrue, 13, 25),
		in(opSpecConstantOp, 13, 23, 171, 20, 22), // INotEqual
		in(opFunction, 10, 40, 0, 11),
		in(opLabel, 41),
		in(opSelectionMerge, 44, 0),
		in(opBranchConditional, 23, 42, 43),
		in(opLabel, 42),
		in(opFunctionCall, 10, 50, 60),
		in(opBranch, 44),
		in(opLabel, 43),
		in(opFunctionCall, 10, 51, 70),
		in(opBranch, 44),
		in(opLabel, 44),
		in(opPhi, 13, 52, 23, 42, 25, 43),
		in(168, 13, 53, 52), // LogicalNot
		in(opSelectionMerge, 46, 0),
		in(opBranchConditional, 53, 45, 46),
		in(opLabel, 45),
		in(opBranch, 46),
		in(opLabel, 46),
		in(opBranch, 47),
		in(opLabel, 47),
		in(opLoopMerge, 49, 48, 0),
		in(opBranch, 54),
		in(opLabel, 54),
		in(171, 13, 55, 21, 22), // INotEqual
		in(opBranchConditional, 55, 56, 49),
		in(opLabel, 56),
		in(opBranch, 48),
		in(opLabel, 48),
		in(opBranch, 47),
		in(opLabel, 49),
		in(253),
		in(opFunctionEnd),
		in(opFunction, 10, 60, 0, 11),
		in(opLabel, 61),
		in(253),
		in(opFunctionEnd),
		in(opFunction, 10, 70, 0, 11),
		in(opLabel, 71),
		in(253),
		in(opFunctionEnd),
	)
}

// labels are those of a module's blocks.
func labels(m *Module) (out []uint32) {
	for _, in := range m.Instructions {
		if in.Op == opLabel {
			out = append(out, in.resultID())
		}
	}
	return out
}

func TestPruneLeavesWhatIsReached(t *testing.T) {
	m := branching(t)
	validate(t, m.words)
	for _, test := range []struct {
		name     string
		constant [2]uint32
		labels   []uint32
		gone     []uint32 // of names
	}{
		{"one function, no turn", [2]uint32{7, 0}, []uint32{41, 42, 44, 46, 47, 54, 48, 49, 61}, []uint32{70}},
		{"the other, for ever", [2]uint32{0, 1}, []uint32{41, 43, 44, 46, 47, 54, 56, 48, 49, 71}, []uint32{60}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pruned, err := m.Prune(map[uint32]uint32{0: test.constant[0], 1: test.constant[1]})
			require.NoError(t, err)
			validate(t, pruned.words)
			assert.Equal(t, test.labels, labels(pruned))
			for _, id := range test.gone {
				assert.NotContains(t, pruned.names, id)
				assert.Contains(t, m.names, id)
			}
		})
	}
}

func TestPruneRefusesWhatIsNoFunction(t *testing.T) {
	begin := []Instruction{in(opFunction, 10, 40, 0, 11), in(opLabel, 41)}
	for _, test := range []struct {
		want   string
		behind []Instruction
	}{
		{"spirv: function %40 does not end", []Instruction{in(253)}},
		{"spirv: word 12: OpFunction out of place", []Instruction{in(opFunction, 10, 43, 0, 11)}},
		{"spirv: word 12: OpLabel out of place", []Instruction{in(opLabel, 42)}},
		{"spirv: word 13: OpReturn outside of a block", []Instruction{in(253), in(253)}},
		{"spirv: word 14: OpName out of place", []Instruction{in(253), in(opFunctionEnd), in(opName, 40, 0)}},
	} {
		_, err := module(t, slices.Concat(begin, test.behind)...).Prune(nil)
		assert.EqualError(t, err, test.want)
	}
}

// TestPrunedKernels prunes every kernel for heads of several sizes: what is left is
// valid and keeps to the contract. A row of one block needs less than one of eight, where
// blocks are not a loop (score: STAGED).
func TestPrunedKernels(t *testing.T) {
	for _, k := range shaders.All() {
		t.Run(k.Name, func(t *testing.T) {
			m, sizes := parsed(t, k.SPIRV), []int{}
			for _, headDim := range []uint32{32, 64, 128, 256} {
				values := map[uint32]uint32{}
				for _, c := range k.Constants {
					values[c.ID] = c.Default
					switch c.Name {
					case "HEAD_DIM":
						values[c.ID] = headDim
					case "STAGED":
						values[c.ID] = 1
					}
				}
				pruned, err := m.Prune(values)
				require.NoError(t, err)
				validate(t, pruned.words)
				assert.Empty(t, Lint(pruned))
				sizes = append(sizes, len(pruned.words))
			}
			assert.LessOrEqual(t, slices.Max(sizes), len(m.words))
			if slices.Contains([]string{"score", "decode_calibrated"}, k.Name) {
				assert.Less(t, sizes[0], sizes[3])
				assert.True(t, slices.IsSorted(sizes), sizes)
			}
		})
	}
}
