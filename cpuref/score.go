package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Score writes the scores of arranged queries and stored K rows: of each tile
// for each token of the frame's part that scores hold.
func Score(s shaders.Spec, p shaders.ScorePush, pages, plan, queries, scores []uint32) error {
	l, err := layoutOf("score", s)
	if err != nil {
		return err
	}
	if !isFinite(p.Cap) || !isFinite(p.InverseCap) {
		return argument("score", "soft cap %g, inverse %g: must be finite", p.Cap, p.InverseCap)
	}
	t, err := stagedTiles(s, uint64(p.Vectors))
	if err != nil {
		return err
	}
	f, err := openFrame(buffer{"score", "plan", plan})
	if err != nil {
		return err
	}
	sc := scorer{p: p, f: f}
	if sc.rows, err = openStored(l, source{
		s.Ring, uint64(p.Heads), uint64(p.PageTokens), uint64(p.GroupsPerToken), uint64(p.RowFirst),
		uint64(p.Slots), p.SlotWords, p.RowsAt,
	}, f, buffer{"score", "pages", pages}, 0); err != nil {
		return err
	}
	if err := sc.open(t, buffer{"score", "queries", queries}, buffer{"score", "scores", scores}); err != nil {
		return err
	}
	if len(sc.vectors) == 0 || f.begin() >= f.end {
		return nil
	}
	return parallel(int(f.end-f.begin()), len(sc.vectors)*l.HeadDim, func(from, to int) error {
		x := make([]float32, l.HeadDim)
		codes := make([]uint8, l.HeadDim)
		for i := from; i < to; i++ {
			if err := sc.score(f.begin()+uint64(i), x, codes); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxStaged is the words of a tile in shared memory, of which every device has
// 16 KiB.
const maxStaged = 4096

// stagedTiles are the tiles of a dispatch, checked for what STAGED asks for.
func stagedTiles(s shaders.Spec, vectors uint64) (tiles, error) {
	t, err := tilesOf("score", s.HeadDim, s.Queries, vectors)
	switch {
	case err != nil:
		return t, err
	case s.Staged > 1:
		return t, argument("score", "staged %d: must be 0 or 1", s.Staged)
	case s.Staged == 1 && t.words() > maxStaged:
		return t, argument("score", "staged tiles of %d words: must be at most %d", t.words(), maxStaged)
	}
	return t, nil
}

type scorer struct {
	p       shaders.ScorePush
	f       frame
	rows    *stored
	tiles   uint64     // of all KV heads
	vectors []arranged // of these tiles
	out     scoreTiles
}

// open reads the queries and checks that scores have room.
func (sc *scorer) open(t tiles, queries, scores buffer) error {
	if err := checkWhole(queries, scores); err != nil {
		return err
	}
	heads := uint64(sc.p.Heads)
	sc.tiles = heads * t.perHead
	words, err := queries.spanOf(0, sc.tiles, t.words())
	if err != nil {
		return err
	}
	if sc.out, err = openScores(scores, sc.f, t, heads, sc.p.Stride, sc.f.end); err != nil {
		return err
	}
	for n := range sc.tiles {
		for slot := range t.queries {
			sc.vectors = append(sc.vectors, t.get(words[n*t.words():], slot))
		}
	}
	return nil
}

// score writes the scores of a token; x and codes are room for a row.
func (sc *scorer) score(t uint64, x []float32, codes []uint8) error {
	var row scoredRow
	for n := range sc.tiles {
		if n%sc.out.tiles.perHead == 0 { // the next KV head
			stored, err := sc.rows.row(t, n/sc.out.tiles.perHead)
			if err != nil {
				return err
			}
			if row, err = newScoredRow(stored, x, codes); err != nil {
				return err
			}
		}
		q := sc.out.tiles.queries
		out := sc.out.words[sc.out.tile(n, t-sc.f.base):]
		for slot, vector := range sc.vectors[n*q : (n+1)*q] {
			score := row.score(vector)
			if sc.p.Cap > 0 {
				score = softCap(score, sc.p.Cap, sc.p.InverseCap)
			}
			out[slot] = math.Float32bits(score)
		}
	}
	return nil
}
