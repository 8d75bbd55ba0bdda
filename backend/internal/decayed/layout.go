package decayed

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// Parameters say how levels follow from attention.
type Parameters struct {
	HalfLife int     // queries after which a share counts half, even
	Floor    float32 // added to shares of the mean
	Sink     float32 // a token whose mean share of the squared probabilities of query heads reaches it is a sink
	First    int     // first tokens of a text, raw
}

// check names what cannot be.
func (p Parameters) check() error {
	switch {
	case p.HalfLife < 2 || p.HalfLife%2 != 0:
		return fmt.Errorf("half-life of %d queries: must be even and at least 2", p.HalfLife)
	case !(p.Floor > 0 && p.Floor <= 1):
		return fmt.Errorf("floor of importance %v: must be above 0 and at most 1", p.Floor)
	case !(p.Sink > 0 && p.Sink <= 1):
		return fmt.Errorf("share of sinks %v: must be above 0 and at most 1", p.Sink)
	case p.First < 0:
		return fmt.Errorf("first %d tokens: must be 0 or more", p.First)
	}
	return nil
}

// Layout says where the importance of a sequence lies in its buffer, [layer][header,
// then two bytes a token], and how its numbers are scaled. It has what the sequences of
// a cache share.
type Layout struct {
	Parameters
	work     *core.Work
	block    int           // queries of a block: half a half-life
	fraction uint32        // bits behind the point
	sums     device.Buffer // of a call of more than one dispatch
	upload   device.Buffer // probabilities from the host; nil: none came yet
}

// NewLayout refuses parameters, and what kernels cannot see at once.
func NewLayout(w *core.Work, p Parameters) (*Layout, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("backend: %w: %w", err, policy.ErrConfig)
	}
	if w.LayerGroups != w.Layers {
		return nil, fmt.Errorf("backend: groups of all layers: a level is of one layer: %w", policy.ErrConfig)
	}
	fraction, err := shaders.ImportanceFraction(w.QueryHeads, p.HalfLife/2)
	if err != nil {
		return nil, fmt.Errorf("backend: %w: %w", err, policy.ErrConfig)
	}
	l := &Layout{Parameters: p, work: w, block: p.HalfLife / 2, fraction: fraction}
	if err := w.CheckView("importance", l.Words()); err != nil {
		return nil, err
	}
	return l, w.Make(core.Wanted{At: &l.sums, Label: "sums of importance", Words: 2 * shaders.ImportanceWords(w.Capacity), Memory: device.DeviceLocal})
}

// Close frees what the sequences share.
func (l *Layout) Close() { core.Release(l.sums, l.upload) }

// layerWords are the words of a layer: a multiple of what aligns a view.
func (l *Layout) layerWords() int {
	return core.RoundUp(shaders.ImportanceHeader+shaders.ImportanceWords(l.work.Capacity), l.work.Limits.ViewAlign)
}

// Words are the words of a sequence's importance.
func (l *Layout) Words() int { return l.work.Layers * l.layerWords() }

// Bytes are the bytes of importance of so many tokens.
func (l *Layout) Bytes(tokens int) int64 {
	return 4 * int64(l.work.Layers) * int64(shaders.ImportanceWords(tokens))
}

// needed are the queries that must have seen a token before its level follows
// from its importance: as many as see it in the recent window.
func (l *Layout) needed() int { return max(1, l.work.Recent) }

// counting is the first of so many queries of a call whose probabilities can add
// something: earlier ones decayed to nothing by the end of the call.
func (l *Layout) counting(queries int) int {
	return max(0, queries-int(2*l.fraction+1)*l.block)
}

// sink is the importance of a sink after queries that count as so many.
func (l *Layout) sink(effective float64) uint32 {
	least := math.Ldexp(float64(l.Sink)*float64(l.work.QueryHeads)*effective, int(l.fraction))
	if effective == 0 {
		least = shaders.SinkMark
	}
	return uint32(min(math.Ceil(least), shaders.SinkMark))
}
