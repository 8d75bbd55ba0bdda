package conformance

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// program is a case ready to run: buffers, and steps that run in order.
type program struct {
	buffers []buffer
	steps   []step
	equal   []equality
}

// buffer is named words as they are before the first step.
type buffer struct {
	name   string
	words  []uint32
	output bool // some step writes it: it counts in the digest
	part   bool // words from word at of buffer number of
	of, at int
}

// step is one dispatch; views are the indices of its buffers by binding.
type step struct {
	kernel     *shaders.Kernel
	spec       []uint32
	push       []byte
	workgroups uint32
	views      []int
}

// equality is a law: after the program, words of two buffers are the same.
type equality struct {
	what                      string
	got, want                 int // buffers
	gotOffset, wantOffset, of int // words
}

// unwritten fills outputs before a program runs, so that a word which a kernel
// must not write shows.
const unwritten = 0x5a5a5a5a

// input adds a buffer that no step writes.
func (p *program) input(name string, words []uint32) int {
	if len(words) == 0 {
		words = slices.Repeat([]uint32{unwritten}, shaders.Align)
	}
	p.buffers = append(p.buffers, buffer{name: name, words: words})
	return len(p.buffers) - 1
}

// result adds a buffer of n words that a step writes.
func (p *program) result(name string, n int) int {
	return p.change(name, slices.Repeat([]uint32{unwritten}, n))
}

// change adds a buffer whose words a step changes.
func (p *program) change(name string, words []uint32) int {
	p.buffers = append(p.buffers, buffer{name: name, words: words, output: true})
	return len(p.buffers) - 1
}

// part adds a view of n words of a buffer from a word on, a multiple of guardWords.
func (p *program) part(name string, of, at, n int) int {
	p.buffers = append(p.buffers, buffer{name: name, words: p.buffers[of].words[at : at+n], part: true, of: of, at: at})
	return len(p.buffers) - 1
}

func (p *program) run(k *shaders.Kernel, spec []uint32, push []byte, workgroups int, views ...int) {
	p.steps = append(p.steps, step{k, spec, push, uint32(workgroups), views})
}

// reference gives the words of every buffer after the program, by cpuref.
func (p *program) reference() ([][]uint32, error) {
	words := make([][]uint32, len(p.buffers))
	for i, b := range p.buffers {
		words[i] = slices.Clone(b.words)
		if b.part {
			words[i] = words[b.of][b.at : b.at+len(b.words)]
		}
	}
	for _, s := range p.steps {
		views := make([][]uint32, len(s.views))
		for i, v := range s.views {
			views[i] = words[v]
		}
		if err := cpuref.Run(s.kernel, s.spec, s.push, s.workgroups, views); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// holds checks the program's laws on the words after it.
func (p *program) holds(words [][]uint32) error {
	for _, e := range p.equal {
		got := words[e.got][e.gotOffset : e.gotOffset+e.of]
		want := words[e.want][e.wantOffset : e.wantOffset+e.of]
		for i := range want {
			if got[i] != want[i] {
				return fmt.Errorf("%s: %s[%d] is %08x, %s[%d] is %08x", e.what,
					p.buffers[e.got].name, e.gotOffset+i, got[i],
					p.buffers[e.want].name, e.wantOffset+i, want[i])
			}
		}
	}
	return nil
}
