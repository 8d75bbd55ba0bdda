package backend

import (
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/store"
	"github.com/qaqvk/qaqvk/shaders"
)

// scheme is how tokens of a cache get their bits: a policy chooses those of groups with
// ranges (ranged), or a profile's levels follow importance (calibrated).
type scheme interface {
	adapt.Chooser
	// staging are the words of scratch, of plans and of out that storing a page of
	// each kind takes.
	staging() (scratch, plan, out int)
	// importanceWords are the words of device memory of a sequence's importance,
	// importanceBytes those of so many tokens.
	importanceWords() int
	importanceBytes(tokens int) int64
	// tableBytes are the bytes on the device that do not grow with tokens.
	tableBytes() int64
	// meanBits are the bits of groups of a kind, paperBytes the paper's accounting.
	meanBits(n *pages.Counts, k shaders.Kind) float64
	paperBytes(n *pages.Counts) int64
	// roundUnits is what a step of so many tokens counts for until Config.AdaptEvery.
	roundUnits(tokens int) int
	newState(s *Sequence) (state, error)
	close()
}

// state is what a scheme keeps of a sequence.
type state interface {
	// attended takes in the next call of attention of a layer, of so many queries, and
	// done counts them: they are those of the newest of so many tokens.
	attended(layer, queries int) attend.Importance
	done(layer, queries, tokens int)
	// observe takes in probabilities from the host.
	observe(layer int, probs []float32, queries, queryHeads, tokens int) error
	// readImportance brings that of the stored tokens to the host (Sequence.Importance).
	readImportance(stored int) ([][]float32, error)
	// choosing chooses the bits of the stored groups of a sequence of so many tokens.
	choosing(tokens, stored int) adapt.Choosing
	// encoder encodes the sequence's first `tokens` tokens.
	encoder(tokens int) store.Encoder
	// copyTo makes the state of a new sequence that of this one.
	copyTo(f state) error
	// forget drops tokens, of which so many stay, some of them stored.
	forget(tokens, stored int)
	hostBytes() int64
	release()
}
