package eval

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// defaultQueries is n of the methods on the device (QAQ, arXiv 2403.04643: 5).
const defaultQueries = 5

// newPaged is a method on the device with the parameters that all of them take.
func newPaged(p *parameters, alpha float64) *paged {
	m := &paged{name: p.name}
	m.alpha = p.number("alpha", alpha, 0, backend.MaxOutlierFraction)
	m.queries = p.integer("n", defaultQueries, 1, 1024)
	m.window = p.integer("window", 0, 0, 1024)
	m.level = p.level("level")
	return m
}

// fixed makes a method whose policy needs nothing of the model.
func (p *paged) fixed(bits policy.Policy) Method {
	p.policy = func(context.Context, *Bench, int) (policy.Policy, error) { return bits, nil }
	return p
}

// uniform is uniform-B and uniform-B-oP: B bits of K and of V, P percent outliers.
func uniform(p *parameters) (Method, error) {
	bits, outliers, has := strings.Cut(p.rest, "-o")
	b, err := strconv.Atoi(bits)
	percent := 0.0
	if err == nil && has {
		percent, err = strconv.ParseFloat(outliers, 64)
	}
	if err != nil || b < 0 || b > 8 || !(percent >= 0 && percent <= 100*backend.MaxOutlierFraction) {
		return nil, p.fail("must be uniform-B or uniform-B-oP with B bits, 0 to 8, and P percent outliers, 0 to %g", 100*backend.MaxOutlierFraction)
	}
	m := newPaged(p, percent/100)
	only := p.word("only", "", "k", "v")
	if only == "" {
		return m.fixed(policy.Uniform{KeyBits: b, ValueBits: b}), p.done()
	}
	one := oneKind{kind: shaders.Key, bits: b}
	if only == "v" {
		one.kind = shaders.Value
	}
	return m.fixed(one), p.done()
}

// oneKind quantizes K or V alone.
type oneKind struct {
	kind shaders.Kind
	bits int
}

// Name implements policy.Policy.
func (o oneKind) Name() string { return fmt.Sprintf("%d bits of %s", o.bits, o.kind) }

// Check implements policy.Policy.
func (o oneKind) Check(s policy.Shape) error {
	return policy.Uniform{KeyBits: o.bits, ValueBits: o.bits}.Check(s)
}

// Rule implements policy.Policy.
func (o oneKind) Rule(k shaders.Kind) policy.Rule {
	if k != o.kind {
		return policy.None{}.Rule(k)
	}
	return policy.Uniform{KeyBits: o.bits, ValueBits: o.bits}.Rule(k)
}

// Limit implements policy.Policy: every group is pinned.
func (oneKind) Limit(shaders.Kind, int, int, int) float64 { return 0 }

// qaq is qaq and qaq-authors: the bits that keep the error of attention below a
// target.
func qaq(formula policy.Formula) func(p *parameters) (Method, error) {
	return func(p *parameters) (Method, error) {
		m := newPaged(p, 0.01)
		q := policy.QAQ{Formula: formula,
			KeyError: p.above("key-error", policy.DefaultKeyError), ValueError: p.above("value-error", policy.DefaultValueError),
			MinBits: p.integer("min-bits", 1, 0, 8), MaxBits: p.integer("max-bits", 8, 0, shaders.Raw)}
		blind := p.integer("blind", 0, 0, 1) == 1
		m.policy = func(ctx context.Context, b *Bench, _ int) (policy.Policy, error) {
			norms, err := b.queryNorms(ctx)
			q.QueryNorms = norms
			if blind {
				return attentionBlind{q}, err
			}
			return q, err
		}
		return m, p.done()
	}
}

// attentionBlind is QAQ that does not look at attention: the weight of V is 1 as
// that of K (the comparison of the paper's figure 4).
type attentionBlind struct{ policy.QAQ }

// Name implements policy.Policy.
func (attentionBlind) Name() string { return "qaq, attention-blind" }

// Rule implements policy.Policy.
func (a attentionBlind) Rule(k shaders.Kind) policy.Rule {
	r := a.QAQ.Rule(k)
	r.Weight = policy.WeightOne
	return r
}

// scissorhandsRecent are the newest tokens that scissorhands always keeps, and
// scissorhandsHistory its decisions, as in its paper's experiments.
const (
	scissorhandsRecent  = 10
	scissorhandsHistory = 31
)

// evicting is h2o:N and scissorhands:N, N tokens of a layer and KV head that stay, or
// h2o:share=S, S of the tokens of the text: a context, or a question with its longest
// ending.
func evicting(make func(budget int) policy.Policy) func(p *parameters) (Method, error) {
	return func(p *parameters) (Method, error) {
		share := p.number("share", 0, 0, 1)
		least := 1
		if share > 0 {
			least = 0
		}
		budget := p.integer("", 0, least, 1<<24)
		if share > 0 && budget > 0 {
			p.keep(p.fail("a number of tokens and a share: give one"))
		}
		m := newPaged(p, 0) // outliers of evicted tokens would stay
		m.policy = func(_ context.Context, _ *Bench, tokens int) (policy.Policy, error) {
			return make(max(budget, int(share*float64(tokens)), 1)), nil
		}
		return m, p.done()
	}
}

func h2o(budget int) policy.Policy { return policy.H2O{Budget: budget} }

func scissorhands(budget int) policy.Policy {
	return policy.Scissorhands{Budget: budget, Recent: min(scissorhandsRecent, budget), History: scissorhandsHistory}
}
