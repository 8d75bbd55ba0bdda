package backend

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// Pages are what encoding anew at their levels gives, whatever they were before, and
// rows are what the profile's formulas give.
func TestCalibratedPages(t *testing.T) {
	testCalibratedPages(t, cpu(t), calibratedConfig(2, 3, 64, 64), 300)
}

func TestCalibratedPagesOnVulkanAndReference(t *testing.T) {
	testCalibratedPages(t, openLLVMpipe(t, "both:llvmpipe"), calibratedConfig(2, 2, 32, 24), 120)
}

func testCalibratedPages(t *testing.T, d device.Device, cfg Config, tokens int) {
	s := newSequence(t, d, F16, cfg)
	for s.tokens(0) < tokens {
		s.step(1 + s.tokens(0)%5)
	}
	st := s.seq.Stats()
	require.Positive(t, st.Moves.Promoted)
	require.Positive(t, st.Moves.Demoted)
	require.Zero(t, st.Moves.Missed)
	s.requireRecords()
	s.requireLevels()
	s.requireRecords()
	s.requireDecoded()
	require.Greater(t, len(s.levelsInUse()), 3, "levels %v", s.levelsInUse())
	require.Equal(t, uint8(shaders.Raw), s.seq.table.Bits(shaders.Key, 0, 0, 1)[1], "the first tokens are raw")
}

// Keys are turned back to the beginning of their stretch, queries of each stretch alike.
func TestCalibratedStretchesOnVulkanAndReference(t *testing.T) {
	cfg := calibratedConfig(1, 1, 32, 32)
	cfg.Capacity = 1120
	s := newSequence(t, openLLVMpipe(t, "both:llvmpipe"), F16, cfg)
	for s.tokens(0) < 1080 {
		s.step(30)
	}
	q := s.queries(2)
	require.Less(t, relative(s.attend(0, q, AttendOptions{}), s.exactAttention(0, q, AttendOptions{})), 1e-5)
	s.requireRecords()
	s.requireDecoded()
	s.rollback(70) // to the stretch before, from the host
	s.requireRecords()
	require.Less(t, relative(s.attend(0, q, AttendOptions{}), s.exactAttention(0, q, AttendOptions{})), 1e-5)
}

// Rows that cannot be quantized are raw, in the kind that has them alone.
func TestCalibratedNonFinite(t *testing.T) {
	s := newSequence(t, cpu(t), F32, calibratedConfig(1, 2, 32, 32))
	k, v := s.values(40), s.values(40)
	k[5*64+3], v[30*64] = float32(math.Inf(1)), float32(math.Inf(-1))
	s.appendValues(0, k, v)
	require.NoError(t, s.seq.Step(t.Context()))
	require.Equal(t, int64(2), s.seq.Stats().NonFinite)
	require.Equal(t, uint8(shaders.Unquantizable), s.seq.table.Bits(shaders.Key, 0, 0, 1)[5])
	s.requireRecords()
}

// A fork equals its origin, and a sequence that was rolled back one that never had the
// tokens, but for what their queries gave to others.
func TestCalibratedForkAndRollback(t *testing.T) {
	cfg := calibratedConfig(2, 2, 32, 32)
	cfg.Sequences = 2
	s := newSequence(t, cpu(t), F16, cfg)
	for range 60 {
		s.step(2)
	}
	f := s.fork()
	require.Equal(t, s.read(0), f.read(0))
	for range 30 {
		f.step(2)
	}
	f.requireRecords()
	s.requireRecords()
	s.rollback(20) // in the ring
	s.requireRecords()
	s.step(3)
	s.rollback(80) // from the host
	s.requireRecords()
	for range 20 {
		s.step(3)
	}
	s.requireLevels()
	s.requireRecords()
	require.NoError(t, f.seq.Drop())
}

// With a reserve pages move in it, and no step takes device memory.
func TestCalibratedReserve(t *testing.T) {
	cfg := calibratedConfig(3, 2, 32, 32)
	cfg.Reserve = 1 << 20
	s := newSequence(t, cpu(t), F16, cfg)
	s.step(32) // what observing takes is made once
	s.step(40)
	before := s.c.work.Device.Stats().LiveBytes
	for range 80 {
		s.step(3)
	}
	require.Equal(t, before, s.c.work.Device.Stats().LiveBytes)
	s.requireLevels()
	s.requireRecords()
}

// Levels that are fixed stay those of the mean, and nothing adapts.
func TestCalibratedFixed(t *testing.T) {
	cfg := calibratedConfig(2, 2, 32, 32)
	cfg.Policy = policy.Levels{Fixed: true}
	s := newSequence(t, cpu(t), F16, cfg)
	for range 40 {
		s.step(3)
	}
	require.Equal(t, []uint8{3, shaders.Raw}, s.levelsInUse())
	require.Equal(t, Moves{}, s.seq.Stats().Moves)
	s.requireRecords()
	s.requireDecoded()
}

// Live bytes stay below the budget while the text grows; levels come back when tokens
// go; what the least levels do not keep is an error.
func TestBytesBudget(t *testing.T) {
	cfg := calibratedConfig(2, 2, 64, 64)
	cfg.Capacity = 700
	whole := newSequence(t, cpu(t), F16, cfg)
	for whole.tokens(0) < 600 {
		whole.step(4)
	}
	st := whole.c.Stats().Bytes
	cfg.BytesBudget = st.Live - st.Stored*3/10
	s := newSequence(t, cpu(t), F16, cfg)
	for s.tokens(0) < 600 {
		s.step(4)
		require.LessOrEqual(t, s.c.Stats().Bytes.Live, cfg.BytesBudget)
	}
	lowered := s.c.Stats().Lowered
	require.Positive(t, lowered)
	require.Greater(t, s.c.Stats().Bytes.Stored, st.Stored*5/10, "the budget is used")
	s.requireRecords()
	s.rollback(300)
	for range 70 {
		s.step(1)
	}
	require.Less(t, s.c.Stats().Lowered, lowered)
	s.requireRecords()

	cfg.BytesBudget = st.Tables + 1000
	s = newSequence(t, cpu(t), F16, cfg)
	k, v := s.values(40), s.values(40)
	s.appendValues(0, k, v)
	s.appendValues(1, k, v)
	err := s.seq.Step(t.Context())
	require.ErrorIs(t, err, ErrBudget)
	require.ErrorIs(t, err, ErrDeferred)
	require.ErrorContains(t, err, "with every token at the least level, tables, recent window and importance")
}

func TestCalibratedRefuses(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*Config)
	}{
		{"policy qaq: a cache with a profile has policy.Levels", func(c *Config) { c.Policy = testQAQ(policy.Paper) }},
		{"policy levels: needs a profile", func(c *Config) { c.Profile, c.Policy = nil, policy.Levels{} }},
		{"2 layers, 2 KV heads of 32 elements, the model has 3 layers", func(c *Config) { c.Layers = 3 }},
		{"level token, outlier fraction 0: groups", func(c *Config) { c.Level = LevelToken }},
		{"level head, outlier fraction 0.01: groups", func(c *Config) { c.OutlierFraction = 0.01 }},
		{"0 query heads: a cache with a profile needs them", func(c *Config) { c.QueryHeads = 0 }},
		{"pages of 8 tokens: the profile was made for 16", func(c *Config) { c.PageTokens = 8 }},
		{"budget of -1 bytes: must not be negative", func(c *Config) { c.BytesBudget = -1 }},
		{"budget of 9 bytes: must not be negative, and needs a profile", func(c *Config) { c.BytesBudget, c.Policy = 9, policy.Levels{Fixed: true} }},
	} {
		cfg := calibratedConfig(2, 2, 32, 32)
		c.change(&cfg)
		_, err := New(cpu(t), cfg)
		require.ErrorIs(t, err, ErrConfig)
		require.ErrorContains(t, err, c.want)
	}
}

// Pages that begin anywhere behind a fork end where the scores do, in a stretch of the text
// that may be its last: what is arranged for them has room.
func TestCalibratedAttendBehindAForkToTheEndOfAStretch(t *testing.T) {
	cfg := calibratedConfig(1, 1, 32, 24)
	cfg.Capacity, cfg.Sequences = 1200, 2
	s := newSequence(t, cpu(t), F32, cfg)
	s.step(40)
	f := s.fork()
	for f.seq.Tokens() < 1000 {
		f.step(40)
	}
	seen := false
	for f.seq.Tokens() < shaders.StretchTokens {
		f.append(0, 4)
		f.attend(0, f.queries(4), AttendOptions{})
		require.NoError(t, f.seq.Step(t.Context()))
		seen = seen || f.seq.table.RunStart(0, f.seq.storedPages()-1)*f.cfg.PageTokens%64 != 0
	}
	require.True(t, seen, "a part that begins within 64 tokens")
}

// A call that attends again to tokens that importance knows, in many batches or in one, of which
// the first see but a part of the tokens, leaves the same importance.
func TestCalibratedImportanceOfRepeatedCallsInBatchesOnVulkan(t *testing.T) {
	cfg := calibratedConfig(1, 2, 32, 24)
	cfg.MaxStepTokens, cfg.MaxSubmit, cfg.AdaptEvery = 200, -1, -1
	var importance [2][][]float32
	var batches [2]int
	for i, scratch := range []int64{0, 32 << 20} {
		d := &countingDevice{Device: openLLVMpipe(t, "llvmpipe")}
		cfg.Scratch = scratch
		s := newSequence(t, d, F32, cfg)
		for range 3 {
			s.step(200)
		}
		for range 3 {
			d.batches = 0
			s.attend(0, s.queries(200), AttendOptions{})
			batches[i] = d.batches
		}
		var err error
		importance[i], err = s.seq.Importance()
		require.NoError(t, err)
	}
	require.Equal(t, 1, batches[1])
	require.Greater(t, batches[0], 2)
	require.Equal(t, importance[1], importance[0])
}
