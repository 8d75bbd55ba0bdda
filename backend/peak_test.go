package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// Segments grow a few at a time: at its peak, device memory has second copies of
// a part of the pages, not of all.
func TestPeakMemoryHasFewSecondCopies(t *testing.T) {
	for _, p := range []policy.Policy{policy.None{}, testQAQ(policy.Paper)} {
		t.Run(p.Name(), func(t *testing.T) {
			d := cpu(t)
			s := newSequence(t, d, F32, Config{Layers: 32, KVHeads: 1, HeadDim: 64, Capacity: 16000, OutlierFraction: .02, Policy: p, HostBudget: 1 << 30})
			for range 20 {
				s.step(32)
			}
			largest := 0
			for lg := range s.c.work.LayerGroups {
				largest = max(largest, s.seq.table.Pairs(lg)[0].Segment.Buffer.Len())
			}
			b := s.c.Stats().Bytes
			require.Greater(t, d.Stats().PeakBytes, b.Committed+b.Scratch)
			// Segments that grow and segments that adapt, each up to the bound and
			// the one that goes over it.
			require.LessOrEqual(t, d.Stats().PeakBytes, b.Committed+b.Scratch+8*int64(adapt.CopyWords(s.seq.table)+largest))
		})
	}
}
