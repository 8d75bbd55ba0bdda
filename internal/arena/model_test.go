package arena

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// model is the naive allocator's memory: which page owns each word of a slab.
type model struct {
	t      *testing.T
	arena  *Arena
	slabs  map[int][]int
	pages  map[Ref]int // words as asked for
	serial int
}

func newModel(t *testing.T, limit int64) *model {
	m := &model{t: t, slabs: map[int][]int{}, pages: map[Ref]int{}}
	m.arena = New(m, limit)
	return m
}

func (m *model) Create(id int, words uint32) error {
	require.NotContains(m.t, m.slabs, id)
	require.LessOrEqual(m.t, words, uint32(MaxPage))
	m.slabs[id] = make([]int, words)
	return nil
}

func (m *model) Destroy(id int) {
	require.Contains(m.t, m.slabs, id)
	delete(m.slabs, id)
}

// take marks the words of a page and fails when another page owns one.
func (m *model) take(r Ref, words int) {
	require.Zero(m.t, r.Offset%Align)
	m.serial++
	for i := range words {
		word := &m.slabs[r.Slab][int(r.Offset)+i]
		if *word != 0 {
			require.Fail(m.t, "pages overlap", "slab %d word %d", r.Slab, int(r.Offset)+i)
		}
		*word = m.serial
	}
	m.pages[r] = words
}

func (m *model) clear(r Ref) {
	for i := range m.pages[r] {
		m.slabs[r.Slab][int(r.Offset)+i] = 0
	}
	delete(m.pages, r)
}

func (m *model) alloc(words int) Ref {
	r, err := m.arena.Alloc(words)
	require.NoError(m.t, err)
	m.take(r, words)
	return r
}

func (m *model) free(r Ref) {
	m.clear(r)
	require.NoError(m.t, m.arena.Free(r))
}

// compact takes one round of moves and returns them.
func (m *model) compact(maxWords int) []Move {
	moves := m.arena.Compaction(maxWords)
	sum := 0
	for _, v := range moves {
		require.Equal(m.t, int(v.Words), m.pages[v.From])
		m.take(v.To, int(v.Words))
		sum += int(v.Words)
	}
	require.LessOrEqual(m.t, sum, maxWords)
	for _, v := range moves {
		m.clear(v.From)
	}
	require.NoError(m.t, m.arena.Commit(moves))
	return moves
}

func (m *model) check() Stats {
	live, committed := 0, 0
	for _, words := range m.pages {
		live += words
	}
	for _, s := range m.slabs {
		committed += len(s)
	}
	st := m.arena.Stats()
	require.Equal(m.t, int64(live), st.Live)
	require.Equal(m.t, int64(committed), st.Committed)
	require.Equal(m.t, int64(committed-live), st.Free)
	require.Equal(m.t, len(m.slabs), st.Slabs)
	require.Equal(m.t, len(m.pages), st.Pages)
	return st
}

func (m *model) refs() []Ref {
	var list []Ref
	for r := range m.pages {
		list = append(list, r)
	}
	slices.SortFunc(list, func(x, y Ref) int {
		if x.Slab != y.Slab {
			return x.Slab - y.Slab
		}
		return int(x.Offset) - int(y.Offset)
	})
	return list
}

func TestRandomUseAgainstModel(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := newModel(t, 0)
		for range 400 {
			switch refs := m.refs(); {
			case r.IntN(20) == 0:
				m.compact(1 + r.IntN(60000))
			case len(refs) > 0 && r.IntN(100) < 45:
				m.free(refs[r.IntN(len(refs))])
			default:
				m.alloc(1 + r.IntN(1+r.IntN(12000)))
			}
			m.check()
		}
		m.arena.Release()
		require.Empty(t, m.slabs)
		require.Equal(t, Stats{}, m.arena.Stats())
	}
}

// adapt replaces a part of the pages by smaller and larger ones, as bits that
// follow attention do, and compacts until nothing is proposed.
func adapt(m *model, r *rand.Rand, refs []Ref, levels []int) (moved int) {
	where := map[Ref]int{}
	for range len(refs) / 20 {
		i := r.IntN(len(refs))
		levels[i] = max(1, min(8, levels[i]+r.IntN(3)-1))
		page := m.alloc(100 + 160*levels[i] + r.IntN(160))
		m.free(refs[i])
		refs[i] = page
	}
	for i, ref := range refs {
		where[ref] = i
	}
	for moves := m.compact(1 << 18); len(moves) > 0; moves = m.compact(1 << 18) {
		for _, v := range moves {
			moved += int(v.Words)
			refs[where[v.From]] = v.To
			where[v.To] = where[v.From]
		}
	}
	return moved
}

func TestSlackInSteadyState(t *testing.T) {
	for _, c := range []struct {
		name  string
		pages int
	}{{"3 MiB", 1000}, {"30 MiB", 10000}} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 6))
			m := newModel(t, 0)
			refs, levels := make([]Ref, c.pages), make([]int, c.pages)
			for i := range refs {
				levels[i] = 8
				refs[i] = m.alloc(1380 + r.IntN(160))
			}
			moved, written := 0, 0
			for range 60 {
				moved += adapt(m, r, refs, levels)
				written += c.pages / 20 * 800
				st := m.check()
				require.LessOrEqual(t, st.Free*20, st.Live, "free %d of live %d words", st.Free, st.Live)
			}
			require.Less(t, moved, 4*written)
			require.Less(t, m.arena.Stats().Slabs, 100)
		})
	}
}
