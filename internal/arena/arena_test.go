package arena

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllocRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		words int
		limit int64
		want  error
		text  string
	}{
		{"nothing", 0, 0, ErrPageSize, "arena: page of 0 words, limit 1..33554432: page size out of range"},
		{"negative", -1, 0, ErrPageSize, "arena: page of -1 words, limit 1..33554432: page size out of range"},
		{"more than a buffer", MaxPage + 1, 0, ErrPageSize,
			"arena: page of 33554433 words, limit 1..33554432: page size out of range"},
		{"more than the limit", 101, 100, ErrFull,
			"arena: slab of 416 bytes with 0 of 400 bytes committed: arena full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(t, c.limit)
			_, err := m.arena.Alloc(c.words)
			require.ErrorIs(t, err, c.want)
			require.EqualError(t, err, c.text)
			require.Equal(t, Stats{}, m.arena.Stats())
		})
	}
}

func TestLargestPageFits(t *testing.T) {
	a := New(failing{}, 0)
	r, err := a.Alloc(MaxPage)
	require.NoError(t, err)
	require.Equal(t, Stats{Live: MaxPage, Committed: MaxPage, Slabs: 1, Pages: 1}, a.Stats())
	require.NoError(t, a.Free(r))
	require.Equal(t, Stats{}, a.Stats())
}

func TestBestFitAndJoin(t *testing.T) {
	m := newModel(t, 0)
	var refs []Ref
	for _, words := range []int{100, 40, 100, 20, 100, 22} {
		refs = append(refs, m.alloc(words))
	}
	m.free(refs[1])
	m.free(refs[3])
	require.Equal(t, refs[3], m.alloc(17), "the smallest hole that fits")
	m.free(refs[3])
	m.free(refs[2]) // joins 40 + 100 + 20
	require.Equal(t, refs[1], m.alloc(160))
	words, ok := m.arena.Words(refs[1])
	require.True(t, ok)
	require.Equal(t, uint32(160), words)
	m.check()
}

func TestLimitShrinksSlab(t *testing.T) {
	m := newModel(t, 1000)
	r := m.alloc(100)
	require.Equal(t, int64(100), m.check().Committed)
	m.alloc(900)
	_, err := m.arena.Alloc(1)
	require.ErrorIs(t, err, ErrFull)
	m.free(r)
	m.alloc(64)
	m.check()
}

func TestFreeRefusesUnknown(t *testing.T) {
	m := newModel(t, 0)
	r := m.alloc(100)
	for _, bad := range []Ref{{Slab: -1}, {Slab: 1}, {Slab: 0, Offset: 4}} {
		require.ErrorIs(t, m.arena.Free(bad), ErrUnknownPage)
	}
	m.free(r)
	require.ErrorIs(t, m.arena.Free(r), ErrUnknownPage)
}

// failing makes slabs of any size, or none if it has an error.
type failing struct{ err error }

func (f failing) Create(int, uint32) error { return f.err }
func (failing) Destroy(int)                {}

func TestDeviceErrorIsWrapped(t *testing.T) {
	device := errors.New("out of device memory")
	a := New(failing{device}, 0)
	_, err := a.Alloc(5)
	require.ErrorIs(t, err, device)
	require.EqualError(t, err, "arena: slab of 32 bytes: out of device memory")
	require.Equal(t, Stats{}, a.Stats())
}

// sparse leaves every third page of a few slabs.
func sparse(m *model) {
	var refs []Ref
	for range 300 {
		refs = append(refs, m.alloc(500))
	}
	for i, r := range refs {
		if i%3 != 0 {
			m.free(r)
		}
	}
}

func TestAbandonChangesNothing(t *testing.T) {
	m := newModel(t, 0)
	sparse(m)
	before := m.check()
	moves := m.arena.Compaction(1 << 20)
	require.NotEmpty(t, moves)
	m.arena.Abandon(moves)
	require.Equal(t, before, m.check())
	require.NotEmpty(t, m.compact(1<<20))
	after := m.check()
	require.LessOrEqual(t, after.Free*25, after.Live)
}

func TestCompactionInSmallSteps(t *testing.T) {
	m := newModel(t, 0)
	sparse(m)
	rounds := 0
	for len(m.compact(1000)) > 0 {
		rounds++
	}
	require.Less(t, rounds, 100)
	st := m.check()
	require.LessOrEqual(t, st.Free*20, st.Live)
}
