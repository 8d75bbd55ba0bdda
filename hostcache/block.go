package hostcache

import "fmt"

// blockTokens is the tokens of a block, one bit each in a block's masks.
const blockTokens = 64

// Range names the rows of Tokens tokens in Layers layers, K or V. Where rows
// lie one after another they are ordered by token, then by layer.
type Range struct {
	Sequence      uint64
	Side          Side
	Layer, Layers int // first layer, number of layers
	Token, Tokens int // first token, number of tokens
}

// key is one row.
type key struct {
	sequence uint64
	side     Side
	layer    int
	token    int
}

func (k key) String() string {
	return fmt.Sprintf("sequence %d layer %d %v token %d", k.sequence, k.layer, k.side, k.token)
}

// rows is the number of rows of a range.
func (r Range) rows() int { return r.Layers * r.Tokens }

// key returns the i-th row of a range.
func (r Range) key(i int) key {
	return key{r.Sequence, r.Side, r.Layer + i%r.Layers, r.Token + i/r.Layers}
}

// check refuses ranges outside the cache's layers and tokens.
func (h *Cache) check(r Range) error {
	switch n := h.config.Layers; {
	case r.Side > V:
		return fmt.Errorf("hostcache: side %d, limit 0..1: %w", r.Side, ErrRange)
	case r.Layer < 0 || r.Layers < 1 || r.Layers > n-r.Layer:
		return fmt.Errorf("hostcache: layers from %d, %d of them, limit 0..%d: %w", r.Layer, r.Layers, n-1, ErrRange)
	case r.Token < 0 || r.Tokens < 1 || r.Tokens > maxTokens-r.Token:
		return fmt.Errorf("hostcache: tokens from %d, %d of them, limit 0..%d: %w", r.Token, r.Tokens, maxTokens-1, ErrRange)
	}
	return nil
}

// maxTokens limits token numbers so that no sum of them overflows.
const maxTokens = 1 << 30

// place names a block of a sequence.
type place struct {
	side  Side
	layer int
	index int // token / blockTokens
}

func (k key) place() place { return place{k.side, k.layer, k.token / blockTokens} }

func (k key) bit() uint64 { return 1 << (k.token % blockTokens) }

// block is the memory of the rows of blockTokens tokens.
type block struct {
	data    []byte
	holders int  // sequences
	shared  bool // there were several holders: it is never written again, so that rows lent to one stay
}

// view is a block as a sequence sees it. Bit i of the masks is token i.
type view struct {
	*block
	stored, pending uint64
}

// sequence holds the blocks of a sequence.
type sequence struct {
	blocks  map[place]*view
	pending int // rows
}

// find returns the block of a row, nil if there is none.
func (h *Cache) find(k key) *view {
	if s := h.sequences[k.sequence]; s != nil {
		return s.blocks[k.place()]
	}
	return nil
}

func (h *Cache) blockBytes() int64 { return blockTokens * int64(h.config.RowBytes) }

// newBlock makes a block of one holder.
func (h *Cache) newBlock() *block {
	h.stats.Bytes += h.blockBytes()
	return &block{data: make([]byte, h.blockBytes()), holders: 1}
}

// release gives up a holder of a block.
func (h *Cache) release(b *block) {
	if b.holders--; b.holders == 0 {
		h.stats.Bytes -= h.blockBytes()
	}
}

// writable is a sequence's block at a place, made or copied where needed.
func (h *Cache) writable(s *sequence, p place) *view {
	v := s.blocks[p]
	if v == nil {
		v = &view{block: h.newBlock()}
		s.blocks[p] = v
	} else if v.shared {
		own := h.newBlock()
		copy(own.data, v.data)
		h.release(v.block)
		v.block = own
	}
	return v
}

// row is the memory of a row in its block.
func (h *Cache) row(v *view, k key) []byte {
	n := h.config.RowBytes
	at := k.token % blockTokens * n
	return v.data[at : at+n : at+n]
}
