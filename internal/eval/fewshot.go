package eval

import (
	"context"
	"slices"
)

// fewShot is what all questions of some tasks follow. Every method reads it once; a
// question goes on from a fork.
type fewShot struct {
	run     *run
	name    string // of the tasks
	tokens  []int  // none: questions begin their texts
	longest int    // tokens with a question and an ending
	texts   map[string]Text
	closers []func()
}

// begin is a text for a question, and what closes it, also after an error.
func (f *fewShot) begin(ctx context.Context, m Method, e encoded) (text Text, done func(), err error) {
	if len(f.tokens) == 0 {
		texts, closeAll, err := f.run.open(ctx, []Method{m}, e.longest())
		if err != nil {
			return nil, closeAll, err
		}
		return texts[0], closeAll, nil
	}
	shots, err := f.read(ctx, m)
	if err != nil {
		return nil, func() {}, err
	}
	if text, err = shots.Fork(ctx); err != nil {
		return nil, func() {}, err
	}
	return text, func() { text.Close() }, nil
}

// read is the method's text of the shots.
func (f *fewShot) read(ctx context.Context, m Method) (Text, error) {
	if text := f.texts[m.Name()]; text != nil {
		return text, nil
	}
	texts, closeAll, err := f.run.open(ctx, []Method{m}, f.longest)
	f.closers = append(f.closers, closeAll)
	if err != nil {
		return nil, err
	}
	if _, err := f.run.forward(ctx, texts[0], f.tokens); err != nil {
		return nil, err
	}
	f.texts[m.Name()] = texts[0]
	f.run.advance(f.name, len(f.tokens))
	return texts[0], nil
}

func (f *fewShot) close() {
	for _, done := range slices.Backward(f.closers) {
		done()
	}
}
