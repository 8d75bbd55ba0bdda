package spirv

import "slices"

// Prune returns the module without what no invocation gets to under a
// specialization, values by SpecId: branches not taken, functions not called.
// Drivers do that too, but some only after they have put the body of each function
// in the place of each of its calls, which takes them many times as long. What is
// left is for these values only.
func (m *Module) Prune(specialization map[uint32]uint32) (*Module, error) {
	declarations, functions, err := m.functions()
	if err != nil {
		return nil, err
	}
	e := m.evaluator(specialization)
	for _, in := range declarations {
		e.take(in)
	}
	bodies := map[uint32][]Instruction{}
	for _, f := range functions {
		bodies[f.id] = e.pruned(f)
	}
	called := calledFrom(m.entryPoints(), bodies)
	var code []Instruction
	for _, f := range functions {
		if called[f.id] {
			code = append(code, bodies[f.id]...)
		}
	}
	return m.with(declarations, code)
}

// calledFrom are the functions that are called from some, those included.
func calledFrom(some []uint32, bodies map[uint32][]Instruction) map[uint32]bool {
	called := map[uint32]bool{}
	for len(some) > 0 {
		id := some[0]
		some = some[1:]
		if called[id] {
			continue
		}
		called[id] = true
		for _, in := range bodies[id] {
			if in.Op == opFunctionCall {
				some = append(some, in.Operands[2])
			}
		}
	}
	return called
}

// with is the module of declarations, but for names and decorations of what is no
// longer there, and code.
func (m *Module) with(declarations, code []Instruction) (*Module, error) {
	there := map[uint32]bool{}
	for _, in := range slices.Concat(declarations, code) {
		there[in.resultID()] = true
	}
	words := slices.Clone(m.words[:headerWords])
	for _, in := range declarations {
		if target := in.Op == opName || in.Op == opDecorate; !target || there[in.Operands[0]] {
			words = instruction(words, in.Op, in.Operands...)
		}
	}
	for _, in := range code {
		words = instruction(words, in.Op, in.Operands...)
	}
	return parse(words)
}

// flow is what a function does under a specialization.
type flow struct {
	*evaluator
	blocks  map[uint32]*block
	reached map[uint32]bool            // by label
	from    map[uint32]map[uint32]bool // by label, the labels of blocks that go on there
	named   map[uint32]uint32          // merge blocks and continue targets of what is reached; of the latter the loop's header
}

// pruned are the instructions of a function that are left.
func (e *evaluator) pruned(f *function) []Instruction {
	w := &flow{evaluator: e, blocks: map[uint32]*block{}}
	for _, b := range f.blocks {
		w.blocks[b.label] = b
	}
	for known := -1; known != len(e.values) && len(f.blocks) > 0; { // more values, fewer branches
		known = len(e.values)
		w.follow(f.blocks[0].label)
		w.evaluate(f)
	}
	out := slices.Clone(f.head)
	for _, b := range f.blocks {
		out = append(out, w.left(b)...)
	}
	return append(out, f.end)
}

// follow finds what is reached from the first block.
func (w *flow) follow(first uint32) {
	w.reached, w.from, w.named = map[uint32]bool{}, map[uint32]map[uint32]bool{}, map[uint32]uint32{}
	for todo := []uint32{first}; len(todo) > 0; {
		label := todo[0]
		todo = todo[1:]
		b := w.blocks[label]
		if w.reached[label] || b == nil || len(b.instructions) < 2 {
			continue
		}
		w.reached[label] = true
		if in, ok := b.merge(); ok && !w.decided(b) {
			w.name(label, in)
		}
		for _, next := range w.next(b) {
			if w.from[next] == nil {
				w.from[next] = map[uint32]bool{}
			}
			w.from[next][label] = true
			todo = append(todo, next)
		}
	}
}

// name notes the blocks that a merge instruction names.
func (w *flow) name(header uint32, in Instruction) {
	if _, ok := w.named[in.Operands[0]]; !ok {
		w.named[in.Operands[0]] = 0
	}
	if in.Op == opLoopMerge {
		w.named[in.Operands[1]] = header
	}
}

// decided says whether a block ends in a branch on a known condition, other than that
// of a loop's header.
func (w *flow) decided(b *block) bool {
	last := b.last()
	if last.Op != opBranchConditional {
		return false
	}
	in, merges := b.merge()
	_, known := w.values[last.Operands[0]]
	return known && !(merges && in.Op == opLoopMerge)
}

// next are the labels that a block goes on at.
func (w *flow) next(b *block) []uint32 {
	if !w.decided(b) {
		return branches(b.last())
	}
	o := b.last().Operands
	if w.values[o[0]] != 0 {
		return o[1:2]
	}
	return o[2:3]
}

// evaluate gives values to what is computed from known ones alone.
func (w *flow) evaluate(f *function) {
	for _, b := range f.blocks {
		if !w.reached[b.label] {
			continue
		}
		for _, in := range b.instructions {
			switch _, ok := constantOps[in.Op]; {
			case w.bytes[in.typeID()] != 4: // neither a truth value nor of 32 bits
			case in.Op == opPhi:
				w.phi(b.label, in)
			case ok && in.Op != opCompositeExtract:
				w.operation(in.resultID(), in.Op, in.Operands[2:])
			}
		}
	}
}

// phi gives a phi the value that it has from all blocks that go on at label.
func (w *flow) phi(label uint32, in Instruction) {
	var values []uint32
	for _, pair := range w.pairs(label, in) {
		value, ok := w.values[pair[0]]
		if !ok {
			return
		}
		values = append(values, value)
	}
	if values = slices.Compact(values); len(values) == 1 {
		w.values[in.resultID()] = values[0]
	}
}

// pairs are those of a phi whose block goes on at label.
func (w *flow) pairs(label uint32, in Instruction) (out [][2]uint32) {
	for pair := range slices.Chunk(in.Operands[2:], 2) {
		if len(pair) == 2 && w.from[label][pair[1]] {
			out = append(out, [2]uint32{pair[0], pair[1]})
		}
	}
	return out
}

// left are the instructions of a block that are left. Of one that is named and not
// reached it is the label, and the branch that its place asks for.
func (w *flow) left(b *block) []Instruction {
	if !w.reached[b.label] {
		header, ok := w.named[b.label]
		switch {
		case !ok:
			return nil
		case header != 0:
			return []Instruction{b.instructions[0], {Op: opBranch, Operands: []uint32{header}}}
		}
		return []Instruction{b.instructions[0], {Op: opUnreachable}}
	}
	var out []Instruction
	for _, in := range b.instructions {
		if in.Op == opPhi {
			operands := slices.Clone(in.Operands[:2])
			for _, pair := range w.pairs(b.label, in) {
				operands = append(operands, pair[:]...)
			}
			in.Operands = operands
		}
		out = append(out, in)
	}
	if !w.decided(b) {
		return out
	}
	out = out[:len(out)-1]
	if out[len(out)-1].Op == opSelectionMerge {
		out = out[:len(out)-1]
	}
	return append(out, Instruction{Op: opBranch, Operands: w.next(b)})
}
