package paper

import (
	"context"
	"maps"

	"github.com/qaqvk/qaqvk/internal/eval"
)

// probeTokens are the tokens of which keys, values and attention are looked at.
const probeTokens = 576

// TaskWindow are the newest tokens of a question that stay as they came: a question is
// shorter than the recent window of a text.
const TaskWindow = 5

// Run measures all that the exhibits need: the text while it is read, with all methods,
// and tasks after the question, as the authors do, with some of them (answering). The
// options need a corpus; their methods should be those of Methods.
func Run(ctx context.Context, b *eval.Bench, o eval.Options) (*eval.Result, *eval.Probe, error) {
	read, asked, late := o, o, *b
	read.Tasks = nil
	asked.Corpus, asked.Methods, late.Late = nil, answering(o.Methods), true
	late.Window = TaskWindow
	before, err := eval.Work(b, read)
	if err != nil {
		return nil, nil, err
	}
	after, err := eval.Work(&late, asked)
	if err != nil {
		return nil, nil, err
	}
	read.Progress = func(phase string, done, all int) { o.Progress(phase, done, all+after) }
	asked.Progress = func(phase string, done, all int) { o.Progress(phase, before+done, before+all) }
	first := o.Corpus.Contexts[0]
	probe, err := b.Probe(ctx, first[:min(probeTokens, len(first))])
	if err != nil {
		return nil, nil, err
	}
	result, err := eval.Run(ctx, b, read)
	if err != nil || len(o.Tasks) == 0 {
		return result, probe, err
	}
	answers, err := eval.Run(ctx, &late, asked)
	if err != nil {
		return nil, nil, err
	}
	merge(result, answers)
	return result, probe, nil
}

// merge brings the tasks of some methods to the rows of all.
func merge(result, answers *eval.Result) {
	for _, from := range answers.Rows {
		for i := range result.Rows {
			if to := &result.Rows[i]; to.Method == from.Method {
				maps.Copy(to.Tasks, from.Tasks)
				to.Seconds += from.Seconds
			}
		}
	}
}
