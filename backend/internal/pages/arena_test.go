package pages

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// arena is an arena on the reference with a reserve of so many words in n
// segments.
func arena(t *testing.T, reserve, n int) *Arena {
	t.Helper()
	d, err := device.Open("cpu", device.Options{MinimumLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	g, err := core.NewGeometry(core.Shape{Layers: 2, KVHeads: 2, HeadDim: 32, Capacity: 4096, Recent: 1, Queries: 1, MaxStepTokens: 8,
		PageTokens: 4, Type: shaders.TypeF16}, 64)
	require.NoError(t, err)
	a, err := NewArena(d, g, reserve, n)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return a
}

func (a *Arena) runner() *core.Runner {
	none := func(string) func() { return func() {} }
	return core.NewRunner(a.dev, "", none, func(err error) error { return err })
}

// What is given back joins the free words next to it.
func TestSegmentTakesTheTightestPlace(t *testing.T) {
	g := arena(t, 64, 1).Reserve()[0]
	var at [4]int
	for i := range at {
		var ok bool
		at[i], ok = g.take(16)
		require.True(t, ok)
	}
	_, ok := g.take(1)
	require.False(t, ok)
	require.Equal(t, [4]int{0, 16, 32, 48}, at)
	g.give(Span{0, 16})
	g.give(Span{32, 8})
	require.Equal(t, []Span{{0, 16}, {32, 8}}, g.Free())
	small, ok := g.take(8)
	require.True(t, ok)
	require.Equal(t, 32, small, "where least is left")
	g.give(Span{32, 16})
	g.give(Span{16, 16})
	require.Equal(t, []Span{{0, 48}}, g.Free())
	require.Equal(t, 16, g.used())
}

// Pairs near each other stay so while there is room, and the reserve is used
// before anything else.
func TestPlaceNearThenReserveThenNothing(t *testing.T) {
	a := arena(t, 128, 2)
	near := a.Reserve()[1]
	first := a.Place(near, 0, Sizes{10, 6})
	require.Same(t, near, first.Segment)
	require.Equal(t, [2]Span{{0, 10}, {12, 6}}, first.Pages)
	require.Equal(t, Span{0, 20}, first.Span())
	require.Nil(t, a.PlaceAll(near, 0, []Sizes{{40, 4}, {30, 30}, {30, 30}}), "all or none")
	require.Equal(t, 20, near.used())
	a.Free(first)
	require.Zero(t, near.used())
	require.Nil(t, a.Place(nil, 0, Sizes{100, 100}))
}

// A loan is an aligned half of what is free at one place.
func TestLendsTheEndOfTheWidestRoom(t *testing.T) {
	a := arena(t, 2048, 2)
	p := a.Place(a.Reserve()[0], 0, Sizes{100, 100})
	before := [2][]Span{slices.Clone(a.Reserve()[0].Free()), slices.Clone(a.Reserve()[1].Free())}
	loan := a.Lend(64, 1<<20, 64)
	require.Equal(t, device.View{Buffer: a.Reserve()[1].Buffer, Offset: 512, Words: 512}, loan.View(), "half of it")
	more := a.Lend(1, 100, 64)
	require.Equal(t, device.View{Buffer: a.Reserve()[0].Buffer, Offset: 960, Words: 64}, more.View(), "an aligned place")
	a.Return(more)
	a.Return(loan)
	require.Equal(t, before, [2][]Span{a.Reserve()[0].Free(), a.Reserve()[1].Free()})
	a.Free(p)
	none := a.Lend(512, 1<<20, 64)
	require.Equal(t, device.View{}, none.View())
	a.Return(none)
}

// Words behind the last aligned place stay free.
func TestLendsWhatIsBeforeAnUnalignedEnd(t *testing.T) {
	a := arena(t, 1000, 1)
	seg := a.Reserve()[0]
	loan := a.Lend(64, 200, 64)
	require.Equal(t, Span{768, 192}, loan.span)
	require.Equal(t, []Span{{0, 768}, {960, 40}}, seg.Free())
	a.Return(loan)
	require.Equal(t, []Span{{0, 1000}}, seg.Free())
}

// A table that grows moves its last pairs to a larger segment, unless a fork
// holds them.
func TestGrowMovesWhatNobodyElseHolds(t *testing.T) {
	a := arena(t, 0, 0)
	table := a.NewTable()
	bits := [2][]uint8{make([]uint8, 8), make([]uint8, 8)}
	grow := func(tb *Table) *Growth {
		_, fits := tb.Fit(0, []Sizes{{20, 20}})
		require.False(t, fits)
		g, err := tb.Enlarge(0, []Sizes{{20, 20}})
		require.NoError(t, err)
		return &g
	}
	g := grow(table)
	require.Zero(t, g.Copied())
	g.Commit()
	table.Append(0, g.Pairs[0], bits, [2]int{})
	g = grow(table)
	require.Equal(t, 40, g.Copied())
	g.Drop()
	_, segments := a.Size()
	require.Equal(t, 1, segments, "what was dropped is gone")
	g = grow(table)
	l := device.NewList(a.dev)
	require.True(t, g.Record(l))
	require.Contains(t, l.String(), "copy buffer pages.0.0 -> pages.0.0 | 0->0:40")
	g.Commit()
	table.Append(0, g.Pairs[0], bits, [2]int{})
	require.Same(t, table.Pairs(0)[0].Segment, table.Pairs(0)[1].Segment)

	fork := a.NewTable()
	fork.Share(table)
	require.Equal(t, table.Count(), fork.Count())
	require.Equal(t, table.Count(), a.Count(), "shared pages count once")
	g = grow(fork)
	require.Zero(t, g.Copied())
	g.Commit()
	fork.Append(0, g.Pairs[0], bits, [2]int{})
	require.Equal(t, int64(160+80-120), a.Count().Words)
	require.Equal(t, 2, fork.RunEnd(0, 0))
	require.Equal(t, 2, fork.RunStart(0, 2))
	table.Close()
	fork.Close()
	words, segments := a.Size()
	require.Zero(t, words)
	require.Zero(t, segments)
}

// Pairs move together over a staging buffer of any size, with what is in them.
func TestCompactKeepsWhatIsInPairs(t *testing.T) {
	for _, words := range []int{4, 300, 1 << 12} {
		a := arena(t, 4096, 1)
		table, rng := a.NewTable(), rand.New(rand.NewPCG(1, uint64(words)))
		seg := a.Reserve()[0]
		content := make([]uint32, seg.Buffer.Len())
		for i := range content {
			content[i] = rng.Uint32()
		}
		require.NoError(t, device.Write(context.Background(), a.dev, seg.Buffer, 0, content))
		var gone []*Pair
		want := map[*Pair][]uint32{}
		for p := a.Place(nil, 0, Sizes{40, 23}); p != nil; p = a.Place(nil, 0, Sizes{1 + rng.IntN(60), 1 + rng.IntN(60)}) {
			if rng.IntN(2) == 0 {
				gone = append(gone, p)
				continue
			}
			table.Append(0, p, [2][]uint8{make([]uint8, 8), make([]uint8, 8)}, [2]int{})
			want[p] = content[p.Span().At:][:p.Span().Words]
		}
		a.FreeAll(gone)
		require.True(t, a.Scattered(GatherPart))
		staging, err := a.dev.NewBuffer("staging", words, device.Download)
		require.NoError(t, err)
		t.Cleanup(staging.Release)
		run := a.runner()
		require.NoError(t, a.Compact(run, staging, GatherPart))
		run.Release()
		require.False(t, a.Scattered(GatherPart))
		require.Len(t, seg.Free(), 1)
		require.Equal(t, seg.Buffer.Len(), seg.Free()[0].end())
		for p, words := range want {
			got, err := device.Read(context.Background(), a.dev, device.View{Buffer: seg.Buffer, Offset: p.Span().At, Words: p.Span().Words})
			require.NoError(t, err)
			require.Equal(t, words, got)
		}
		table.Close()
	}
}

// Little free room is gathered where something finds none, and only there.
func TestLittleRoomIsGatheredAtLast(t *testing.T) {
	a := arena(t, 8192, 1)
	seg := a.Reserve()[0]
	pairs := make([]*Pair, 256)
	for i := range pairs {
		pairs[i] = a.Place(nil, 0, Sizes{16, 16})
		require.NotNil(t, pairs[i])
	}
	table := a.NewTable()
	for i, p := range pairs {
		if i == 50 {
			a.Free(p)
			continue
		}
		table.Append(0, p, [2][]uint8{make([]uint8, 8), make([]uint8, 8)}, [2]int{})
	}
	require.False(t, a.Scattered(LastPart), "all of it lies side by side")
	list := table.Pairs(0)
	a.Free(list[10])
	table.pairs[0] = slices.Delete(list, 10, 11)
	require.False(t, a.Scattered(LastPart), "half of it lies side by side")
	a.Free(list[80])
	table.pairs[0] = slices.Delete(table.pairs[0], 80, 81)
	require.False(t, a.Scattered(GatherPart))
	require.True(t, a.Scattered(LastPart))
	require.Nil(t, a.Place(nil, 0, Sizes{40, 40}))
	staging, err := a.dev.NewBuffer("staging", 64, device.Download)
	require.NoError(t, err)
	t.Cleanup(staging.Release)
	run := a.runner()
	t.Cleanup(run.Release)
	require.NoError(t, a.Compact(run, staging, GatherPart))
	require.Len(t, seg.Free(), 3)
	require.NoError(t, a.Compact(run, staging, LastPart))
	require.Equal(t, []Span{{8096, 96}}, seg.Free())
	require.NotNil(t, a.Place(nil, 0, Sizes{40, 40}))
}
