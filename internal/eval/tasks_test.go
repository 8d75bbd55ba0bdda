package eval

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
)

func TestSixLineTasks(t *testing.T) {
	const two = "A man sits. he\n3\nis.\nruns.\nholds.\nstarts.\nB\n0\n, a\nb\nc\nd\n\n"
	tasks, err := NewTasks("hellaswag", "f", []byte(two), 0)
	require.NoError(t, err)
	require.Equal(t, []Question{
		{"A man sits. he", []string{"is.", "runs.", "holds.", "starts."}, 3, 1},
		{"B", []string{", a", "b", "c", "d"}, 0, 7},
	}, tasks.Questions)
	tasks, err = NewTasks("hellaswag", "f", []byte(strings.ReplaceAll(two, "\n", "\r\n")), 1)
	require.NoError(t, err)
	require.Len(t, tasks.Questions, 1)
}

func TestJSONTasks(t *testing.T) {
	tasks, err := NewTasks("piqa", "f", []byte(`{"goal": "g", "sol1": "a", "sol2": "b", "label": 1}`+"\n"+
		`{"context": "c", "endings": ["x", "y", "z"], "label": 2}`), 0)
	require.NoError(t, err)
	require.Equal(t, []Question{
		{"Question: g\nAnswer:", []string{"a", "b"}, 1, 1}, {"c", []string{"x", "y", "z"}, 2, 2},
	}, tasks.Questions)
}

func TestMalformedTasksNameTheLine(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"", "no tasks"},
		{" \n\n", "no tasks"},
		{"a\n0\nb\nc\nd", "line 5: the last task has 5 lines, want 6"},
		{"a\n0\nb\nc\nd\ne\nA\n4\nb\nc\nd\ne", `line 8: label "4": must be 0 to 3`},
		{"a\n-1\nb\nc\nd\ne", `line 2: label "-1": must be 0 to 3`},
		{"a\nb\nc\nd\ne\nf", `line 2: label "b": must be 0 to 3`},
		{"a\n0\n\nc\nd\ne", "line 3: is empty"},
		{`{"goal": "g", "sol1": "a", "sol2": "b", "label": 0}` + "\n{", "line 2: unexpected end of JSON input"},
		{`{"goal": "g", "sol1": "a", "sol2": "b", "label": 2}`, "line 1: label 2: must be 0 to 1"},
		{`{"goal": "g", "sol1": "a", "sol2": "b"}`, "line 1: no label"},
		{`{"goal": "g", "sol1": "a", "label": 0}`, "line 1: neither goal, sol1 and sol2 nor context and two endings or more"},
		{`{"context": "g", "endings": ["a"], "label": 0}`, "line 1: neither goal, sol1 and sol2 nor context and two endings or more"},
		{`{"context": "g", "endings": ["a", " "], "label": 0}`, "line 1: an ending is empty"},
		{`{"context": "g", "endings": ["a", "b"], "label": "x"}`, "line 1: label: is string, must be a whole number"},
		{`{"context": "g", "endings": "a", "label": 0}`, "line 1: endings: is string, must be a list of strings"},
		{`{"goal": 1, "sol1": "a", "sol2": "b", "label": 0}`, "line 1: goal: is number, must be a string"},
		{`{"goal": "g", "sol1": "a", "sol2": "b", "label": 0}` + "\n\n{}", "line 2: is empty"},
		{"a\n0\nb\xff\nc\nd\ne", "line 3: is no text in UTF-8"},
		{"a\n0\nb\nc\x00\nd\ne", "line 4: is no text in UTF-8"},
	} {
		_, err := NewTasks("piqa", "file", []byte(c.data), 0)
		require.EqualError(t, err, "eval: file: "+c.want+": malformed tasks", "%q", c.data)
		require.ErrorIs(t, err, ErrTasks)
	}
}

func TestRightEnding(t *testing.T) {
	q := Question{Endings: []string{"abcd", "a", "ab"}, Label: 0}
	require.Equal(t, [2]float64{0, 1}, Answer{LogLikelihood: []float64{-4, -3, -5}}.right(q), "a letter: −1, −3, −2.5")
	require.Equal(t, [2]float64{1, 1}, Answer{LogLikelihood: []float64{-1, -1, -2}}.right(q), "of equal ones the first")
}

// The log-likelihood of an ending is that of its tokens behind the context, read
// in one go from an uncompressed cache.
func TestLogLikelihoodOfEndings(t *testing.T) {
	b := tiny(t)
	r := &run{bench: b}
	q := Question{Context: strings.Repeat("the king in ", 8) + "the", Endings: []string{"ring", strings.Repeat("thing ", 40) + ".", "x"}}
	e, err := r.encode(q)
	require.NoError(t, err)
	for i, ending := range e.endings {
		require.Equal(t, mustEncode(t, b, q.Context+" "+q.Endings[i]), append(append([]int(nil), e.prefix...), ending...))
	}
	whole := func(tokens []int) float64 {
		logits, err := b.Model.ForwardAll(tokens, model.NewMemory(b.Model.Config))
		require.NoError(t, err)
		return sumOf(t, b, logits, tokens, len(e.prefix))
	}
	for _, late := range []bool{false, true} {
		b.Late = late
		a, err := r.ask(t.Context(), coded{f16}, &fewShot{run: r}, e)
		require.NoError(t, err)
		for i, ending := range e.endings {
			require.InDelta(t, whole(append(append([]int(nil), e.prefix...), ending...)), a.LogLikelihood[i], 1e-2, "ending %d", i)
		}
	}
}

// What questions follow is read once, and answers are those of the whole text read in
// one go.
func TestFewShot(t *testing.T) {
	b := tiny(t)
	b.Window = 1
	o := options(t, b, "f16,uniform-1")
	long := strings.Repeat("the king in ", 8)
	tasks := &Tasks{Name: "choices", part: "c", Questions: []Question{
		{Context: long + "the king in", Endings: []string{"ring", "there"}, Label: 1},
		{Context: "ring in", Endings: []string{"the inner", "here"}},
		{Context: "the ring", Endings: []string{"thing", "in"}, Label: 1},
		{Context: "a thing in the", Endings: []string{"ring", "inner thing"}}}}
	few, err := tasks.WithShots(2)
	require.NoError(t, err)
	require.Equal(t, long+"the king in there\n\nring in the inner\n\n", few.Shots)
	o.Tasks, o.Journal = []*Tasks{few}, &Journal{}
	read := 0
	o.Progress = func(_ string, done, all int) { require.LessOrEqual(t, done, all); read = all - done }
	result, err := Run(t.Context(), b, o)
	require.NoError(t, err)
	require.Zero(t, read)
	require.Equal(t, 2, result.Shots)
	require.Equal(t, 2, result.Rows[0].Tasks["choices"].N)
	for i, q := range few.Questions {
		var a, coarse Answer
		require.True(t, o.Journal.get(entryKey{few.part, f16, i}, &a))
		require.True(t, o.Journal.get(entryKey{few.part, "uniform-1", i}, &coarse))
		require.NotEqual(t, a.LogLikelihood, coarse.LogLikelihood)
		e, err := (&run{bench: b}).encode(Question{Context: few.Shots + q.Context, Endings: q.Endings})
		require.NoError(t, err)
		require.Equal(t, int64(4*len(e.prefix)*b.Model.Layers*b.Model.KVHeads*b.Model.HeadDim), a.Size.F16, "the shots are in it")
		for k, ending := range e.endings {
			tokens := slices.Concat(e.prefix, ending)
			logits, err := b.Model.ForwardAll(tokens, model.NewMemory(b.Model.Config))
			require.NoError(t, err)
			require.InDelta(t, sumOf(t, b, logits, tokens, len(e.prefix)), a.LogLikelihood[k], 1e-2)
		}
	}
	// What an earlier run left counts as done, the shots too.
	o.Tasks, read = append(o.Tasks, &Tasks{Name: "more", part: "m", Questions: tasks.Questions[:1]}), -1
	_, err = Run(t.Context(), b, o)
	require.NoError(t, err)
	require.Zero(t, read)
	_, err = tasks.WithShots(4)
	require.EqualError(t, err, "eval: choices: 4 shots of 4 tasks: must leave one to ask: malformed tasks")
}

// After the question: what is read of it is as it came, what endings see is
// compressed; while reading, the question sees its own compressed tokens.
func TestAfterQuestion(t *testing.T) {
	b := tiny(t)
	b.Window = 1
	o := options(t, b, "f16,uniform-1,q4_0")
	o.Tasks = []*Tasks{{Name: "choices", part: "c", Questions: []Question{
		{Context: strings.Repeat("the king in ", 16) + "the", Endings: []string{"ring", "thing there"}, Label: 1},
		{Context: strings.Repeat("in the ringing ", 9) + "the", Endings: []string{"ring", "king"}, Label: 0}}}}
	var results [2]*Result
	var first [2][]Answer
	for i, late := range []bool{false, true} {
		b.Late, o.Journal = late, &Journal{}
		var err error
		results[i], err = Run(t.Context(), b, o)
		require.NoError(t, err)
		var a Answer
		require.True(t, o.Journal.get(entryKey{(&run{bench: b}).part("c"), "uniform-1", 0}, &a))
		first[i] = append(first[i], a)
	}
	require.Equal(t, []string{"reading", "question"}, []string{results[0].Mode, results[1].Mode})
	require.NotEqual(t, first[0][0].LogLikelihood, first[1][0].LogLikelihood)
	require.Equal(t, int64(0), first[1][0].Size.Elements%int64(2*2*2*64), "whole tokens")
	tally := results[1].Rows[0].Tasks["choices"]
	require.Equal(t, 2, tally.N)
	require.Zero(t, tally.Delta)
	require.Zero(t, tally.CI)
	require.Equal(t, 4.5, *results[1].Rows[2].BPE)
}

func TestNeedle(t *testing.T) {
	b := tiny(t)
	b.Model.Context = 2048 // the tiny tokenizer needs many tokens for a fact
	c := corpus(t, b, 1000, 2000)
	n, err := c.NewNeedle(b)
	require.NoError(t, err)
	require.Len(t, n.texts, 2)
	for i, text := range n.texts {
		require.Len(t, text.facts, len(places))
		require.Equal(t, 1000, text.longest())
		require.Equal(t, c.Contexts[i][0], text.tokens[0])
		for k, f := range text.facts {
			fact := places[(k+i)%len(places)] + " is" + b.Model.Tokenizer.Decode(f.answer)
			require.Equal(t, 1, strings.Count(b.Model.Tokenizer.Decode(text.tokens), fact))
			require.Contains(t, b.Model.Tokenizer.Decode(f.question), places[(k+i)%len(places)]+"?")
		}
	}
	_, err = corpus(t, b, 200, 200).NewNeedle(b)
	require.ErrorIs(t, err, ErrText)
	require.ErrorContains(t, err, "context of 200 tokens: must be at least")
}

// What a fork with the question says of the answer is what one pass over all says.
func TestNeedleAsks(t *testing.T) {
	b := tiny(t)
	facts := []fact{{0, mustEncode(t, b, "what is the king?"), mustEncode(t, b, " the ring")}, {1, mustEncode(t, b, "where"), mustEncode(t, b, " there.")}}
	n := &Needle{texts: []needleText{{mustEncode(t, b, text(64)), facts}}, part: "n"}
	r := &run{bench: b}
	for _, b.Late = range []bool{false, true} {
		list, err := r.find(t.Context(), coded{f16}, n.texts[0])
		require.NoError(t, err)
		for i, f := range facts {
			all := slices.Concat(n.texts[0].tokens, f.question, f.answer)
			logits, err := b.Model.ForwardAll(all, model.NewMemory(b.Model.Config))
			require.NoError(t, err)
			require.InDelta(t, sumOf(t, b, logits, all, len(all)-len(f.answer)), list[i].LogP, 1e-2)
			require.False(t, list[i].Hit, "a random model finds nothing")
		}
	}
}

func TestNeedleTally(t *testing.T) {
	n := &Needle{texts: make([]needleText, 2)}
	for i := range places {
		n.texts[0].facts = append(n.texts[0].facts, fact{depth: float64(i) / 9})
	}
	plain, method := make([]found, 20), make([]found, 20)
	for i := range plain {
		plain[i], method[i] = found{-1, true}, found{-1, true}
	}
	method[0], method[10] = found{-3, false}, found{-2, true}
	got := n.tally(method, plain)
	require.Equal(t, 20, got.N)
	require.InDelta(t, 0.95, got.Acc, 1e-12)
	require.InDelta(t, -0.05, got.Delta, 1e-12)
	require.InDelta(t, -0.15, *got.LogPDelta, 1e-12)
	require.InDelta(t, -1.15, *got.LogP, 1e-12)
	require.Equal(t, Depth{0, 2, 1, -2.5, -1.5}, got.Depths[0])
	require.Equal(t, Depth{1, 2, 2, -1, 0}, got.Depths[9])
	require.Zero(t, *n.tally(plain, plain).LogPDeltaCI)
}

func TestQuestionsThatDoNotFit(t *testing.T) {
	b := tiny(t)
	o := options(t, b, "f16")
	o.Tasks = []*Tasks{{Name: "piqa", Questions: []Question{{Context: strings.Repeat("x", 300), Endings: []string{"a", "b"}, Line: 7}}}}
	_, err := Run(t.Context(), b, o)
	require.EqualError(t, err, "eval: piqa, line 7: 302 tokens with ending 0: the model's context is 256")
}
