package tokenizer

import (
	"cmp"
	"container/heap"
)

// candidate is a pair of neighbours that can be merged.
type candidate struct {
	merge
	at          int // place of the left one
	left, right int // their tokens when it was found
}

// candidates is a heap: the lowest rank first, then the leftmost.
type candidates []candidate

func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c candidates) Push(any)      {} // add and take need neither: no boxing
func (c candidates) Pop() any      { return nil }
func (c candidates) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(c[i].rank, c[j].rank), cmp.Compare(c[i].at, c[j].at)) < 0
}

func (c *candidates) add(x candidate) {
	*c = append(*c, x)
	heap.Fix(c, len(*c)-1)
}

func (c *candidates) take() candidate {
	x, last := (*c)[0], len(*c)-1
	(*c)[0] = (*c)[last]
	if *c = (*c)[:last]; last > 0 {
		heap.Fix(c, 0)
	}
	return x
}

// chain is a word that is being merged: tokens with the places of their neighbours. A
// token merged into the one before it is −1. It serves one word after another.
type chain struct {
	ids, before, behind []int
	found               candidates
}

// start takes a word of one token a byte and returns how many bytes have none.
func (c *chain) start(word string, bytes *[256]int) (leftOut int) {
	c.ids, c.before, c.behind = c.ids[:0], c.before[:0], c.behind[:0]
	for i := range len(word) {
		id := bytes[word[i]]
		if id < 0 {
			leftOut++
			continue
		}
		n := len(c.ids)
		c.ids, c.before, c.behind = append(c.ids, id), append(c.before, n-1), append(c.behind, n+1)
	}
	return leftOut
}

// mergeAll merges the leftmost pair of lowest rank until no pair can be merged,
// in n log n steps for n tokens, and returns the tokens until the next word.
func (t *Tokenizer) mergeAll(c *chain) []int {
	ids := c.ids
	for i := range ids {
		t.find(c, i)
	}
	for len(c.found) > 0 {
		x := c.found.take()
		right := c.behind[x.at]
		if ids[x.at] != x.left || right >= len(ids) || ids[right] != x.right {
			continue
		}
		ids[x.at], ids[right] = x.id, -1
		c.behind[x.at] = c.behind[right]
		if next := c.behind[x.at]; next < len(ids) {
			c.before[next] = x.at
		}
		t.find(c, x.at)
		t.find(c, c.before[x.at])
	}
	out := ids[:0]
	for i := 0; i < len(ids); i = c.behind[i] {
		out = append(out, ids[i])
	}
	return out
}

// find notes the merge of the token at i with the one behind it, if any.
func (t *Tokenizer) find(c *chain, i int) {
	if i < 0 || c.behind[i] >= len(c.ids) {
		return
	}
	left, right := c.ids[i], c.ids[c.behind[i]]
	if m, ok := t.merges[[2]int{left, right}]; ok {
		c.found.add(candidate{m, i, left, right})
	}
}
