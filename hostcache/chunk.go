package hostcache

import "fmt"

// chunkTokens is the tokens of a chunk, one bit each in a chunk's masks.
const chunkTokens = 64

// Range names the rows of Tokens tokens in Layers layers, K or V. Where rows
// lie one after another they are ordered by token, then by layer.
type Range struct {
	Sequence      uint64
	Side          Side
	Layer, Layers int // first layer, number of layers
	Token, Tokens int // first token, number of tokens
}

// Key names one row.
type Key struct {
	Sequence uint64
	Side     Side
	Layer    int
	Token    int
}

func (k Key) String() string {
	return fmt.Sprintf("sequence %d layer %d %v token %d", k.Sequence, k.Layer, k.Side, k.Token)
}

func (k Key) asRange() Range {
	return Range{Sequence: k.Sequence, Side: k.Side, Layer: k.Layer, Layers: 1, Token: k.Token, Tokens: 1}
}

// rows is the number of rows of a range.
func (r Range) rows() int { return r.Layers * r.Tokens }

// key returns the i-th row of a range.
func (r Range) key(i int) Key {
	return Key{r.Sequence, r.Side, r.Layer + i%r.Layers, r.Token + i/r.Layers}
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

// place names a chunk of a sequence.
type place struct {
	side  Side
	layer int
	block int // token / chunkTokens
}

func (k Key) place() place { return place{k.Side, k.Layer, k.Token / chunkTokens} }

func (k Key) bit() uint64 { return 1 << (k.Token % chunkTokens) }

// chunk is the memory of the rows of chunkTokens tokens.
type chunk struct {
	data    []byte
	holders int  // sequences
	shared  bool // there were several holders: it is never written again, so that rows lent to one stay
}

// view is a chunk as a sequence sees it. Bit i of the masks is token i.
type view struct {
	*chunk
	stored, pending uint64
}

// sequence holds the chunks of a sequence.
type sequence struct {
	chunks  map[place]*view
	pending int // rows
}

// find returns the chunk of a row, nil if there is none.
func (h *Cache) find(k Key) *view {
	if s := h.sequences[k.Sequence]; s != nil {
		return s.chunks[k.place()]
	}
	return nil
}

func (h *Cache) chunkBytes() int64 { return chunkTokens * int64(h.config.RowBytes) }

// newChunk makes a chunk of one holder.
func (h *Cache) newChunk() *chunk {
	h.stats.Bytes += h.chunkBytes()
	return &chunk{data: make([]byte, h.chunkBytes()), holders: 1}
}

// release gives up a holder of a chunk.
func (h *Cache) release(c *chunk) {
	if c.holders--; c.holders == 0 {
		h.stats.Bytes -= h.chunkBytes()
	}
}

// writable is a sequence's chunk at a place, made or copied where needed.
func (h *Cache) writable(s *sequence, p place) *view {
	v := s.chunks[p]
	if v == nil {
		v = &view{chunk: h.newChunk()}
		s.chunks[p] = v
	} else if v.shared {
		own := h.newChunk()
		copy(own.data, v.data)
		h.release(v.chunk)
		v.chunk = own
	}
	return v
}

// row is the memory of a row in its chunk.
func (h *Cache) row(c *view, k Key) []byte {
	n := h.config.RowBytes
	at := k.Token % chunkTokens * n
	return c.data[at : at+n : at+n]
}
