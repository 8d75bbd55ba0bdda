package attend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
)

// usefulScratch are words with which the batches of a call are large enough: on llvmpipe
// four times as many take a tenth from the time that a prompt takes to read, and that many
// are borrowed where a reserve has them.
const (
	usefulScratch = 1 << 18
	usefulLoan    = 1 << 20
)

// scratchPart of the rows of a full sequence is scratch of large caches: 2 % of pages
// of a quarter of their size.
const scratchPart = 200

// LeastScratch are the words of scratch that one query needs: of all KV heads, so that
// each kernel runs once a call and has work for the whole device, as far as they are no
// more than so many, but of one head in any case.
func LeastScratch(g *core.Geometry, l device.Limits, most int) int {
	if g.QueryHeads == 0 {
		return 0
	}
	heads := g.KVHeads
	for heads > 1 && fullLayout(g, l, 1, heads).words > min(most, l.ViewWords) {
		heads--
	}
	return fullLayout(g, l, 1, heads).words
}

// UsefulScratch are the words of scratch that calls of many queries use well.
func UsefulScratch(g *core.Geometry, l device.Limits) int { return useful(g, l, usefulScratch) }

// useful are so many words at least, but no more than the largest call needs.
func useful(g *core.Geometry, l device.Limits, least int) int {
	if g.QueryHeads == 0 {
		return 0
	}
	all := fullLayout(g, l, min(g.MaxStepTokens, MaxQueries), g.KVHeads).words
	return min(max(least, g.Capacity*g.TokenWords/scratchPart), all, l.ViewWords)
}

// fullLayout is that of a batch of so many queries and KV heads over a full sequence.
func fullLayout(g *core.Geometry, l device.Limits, queries, heads int) layout {
	return newLayout(g, l, queries*g.QueriesPerHead(), heads, 0, core.RoundUp(g.Capacity, grain))
}

// Idle are the words of the buffer by which rows come to the host that calls may work
// in, as nothing is in it then: all where the device is the host's processor, whose
// memory it is as well as any other.
func Idle(l device.Limits, words int) int {
	if !l.CPU {
		return 0
	}
	return words
}

// workspaces are where calls work: in the scratch, or, where that has no room for all
// queries of one at once, in what is idle, or in room of the reserve that no page has yet.
// Calls follow each other on the device, so that those that are recorded at a time share
// a loan.
type workspaces struct {
	work  *core.Work
	arena *pages.Arena
	most  int // words that a call borrows
	loan  pages.Loan
	users int
}

// take is the workspace of a call that wants so many words. What is borrowed, the caller
// gives back. Others may use what is idle before a recorded call runs.
func (w *workspaces) take(words int, recorded bool) (space device.View, borrowed bool) {
	space, words = device.Whole(w.work.Scratch), min(words, w.most)
	if idle := Idle(w.work.Limits, w.work.Out.Len()); min(words, idle) > space.Words && !recorded {
		space = device.View{Buffer: w.work.Out, Words: idle}
	}
	if words <= space.Words {
		return space, false
	}
	if w.users == 0 {
		w.loan = w.arena.Lend(space.Words, words, w.work.Limits.ViewAlign)
	}
	if lent := w.loan.View(); lent.Words > space.Words {
		w.users++
		return lent, true
	}
	return space, false
}

// giveBack ends a call that borrowed.
func (w *workspaces) giveBack() {
	if w.users--; w.users == 0 {
		w.arena.Return(w.loan)
		w.loan = pages.Loan{}
	}
}
