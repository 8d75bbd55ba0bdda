package paper

import (
	"context"
	"maps"

	"github.com/qaqvk/qaqvk/internal/eval"
)

// probeTokens are the tokens of which keys, values and attention are looked at.
const probeTokens = 576

// Run measures all that the exhibits need: the text while it is read, tasks after
// the question, as the authors do. The options need a corpus; their methods should
// be those of Methods.
func Run(ctx context.Context, b *eval.Bench, o eval.Options) (*eval.Result, *eval.Probe, error) {
	first := o.Corpus.Contexts[0]
	probe, err := b.Probe(ctx, first[:min(probeTokens, len(first))])
	if err != nil {
		return nil, nil, err
	}
	tasks := o.Tasks
	o.Tasks = nil
	result, err := eval.Run(ctx, b, o)
	if err != nil || len(tasks) == 0 {
		return result, probe, err
	}
	late := *b
	late.Late = true
	o.Corpus, o.Tasks = nil, tasks
	answers, err := eval.Run(ctx, &late, o)
	if err != nil {
		return nil, nil, err
	}
	for i, row := range answers.Rows {
		maps.Copy(result.Rows[i].Tasks, row.Tasks)
		result.Rows[i].Seconds += row.Seconds
	}
	return result, probe, nil
}
