package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

func TestStandardNames(t *testing.T) {
	var names []string
	for _, c := range Cases() {
		names = append(names, c.name())
	}
	require.Subset(t, names, []string{"copy", "encode/f16/d128/b3/a1", "decode/f16/d128/b3/a1", "demote/d128/b4-3"})
	seen := map[string]bool{}
	for _, n := range names {
		require.False(t, seen[n], n)
		seen[n] = true
	}
}

// Every case runs on the reference, over fewer elements, and gives everything back.
func TestRunOnReference(t *testing.T) {
	d, err := device.Open("cpu", device.Options{MinimumLimits: true})
	require.NoError(t, err)
	done := 0
	r, err := Run(t.Context(), d, Options{Repeat: 1, Elements: 1 << 20, Progress: func(i, all int, _ string) {
		require.Equal(t, done, i)
		require.Equal(t, len(Cases()), all)
		done++
	}})
	require.NoError(t, err)
	require.Equal(t, len(Cases()), done)
	require.Len(t, r.Results, len(Cases()))
	require.Positive(t, r.CopyUnitMs)
	pages := map[string]int64{}
	for _, c := range r.Results {
		require.Positive(t, c.Ms, c.Name)
		require.Positive(t, c.Units, c.Name)
		pages[c.Name] = c.Bytes
	}
	// 8192 rows in 64 pages: 4 header and 16 bits words a page; range, two
	// outlier values, two outlier indices and 12 words of codes a row.
	require.Equal(t, int64(4*(64*(4+16)+8192/2+8192*(1+1+12))), pages["encode/f16/d128/b3/a1"])
	require.NoError(t, d.Close())
}

func TestTuneReachesTheCodecAlone(t *testing.T) {
	for _, name := range []string{"encode.SIZE", "score.WORKGROUP", "erase.LANES", "encode"} {
		require.ErrorContains(t, checkTune(map[string]uint32{name: 1}), "bench: tune "+name+": no constant of [encode ")
	}
	require.NoError(t, checkTune(map[string]uint32{"encode.LANES": 2, "choose_bits.WORKGROUP": 32}))
}
