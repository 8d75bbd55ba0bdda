package eval

import (
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
		{`{"context": "g", "endings": ["a", "b"], "label": "x"}`, "line 1: json: cannot unmarshal string into Go struct field choice.Label of type int"},
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
		a, err := r.ask(t.Context(), coded{f16}, e)
		require.NoError(t, err)
		for i, ending := range e.endings {
			require.InDelta(t, whole(append(append([]int(nil), e.prefix...), ending...)), a.LogLikelihood[i], 1e-2, "ending %d", i)
		}
	}
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
	c := corpus(t, b, 250, 500)
	n, err := c.NewNeedle(b)
	require.NoError(t, err)
	require.Len(t, n.cases, needleDepths*needleEach)
	for _, k := range n.cases {
		require.Equal(t, 250-needleTokens, len(k.tokens))
		require.Contains(t, b.Model.Tokenizer.Decode(k.tokens), "lighthouse is "+k.answer)
	}
	o := options(t, b, "f16,q4_0")
	o.Needle = &Needle{cases: n.cases[:2], part: "n"}
	for _, b.Late = range []bool{false, true} {
		r, err := Run(t.Context(), b, o)
		require.NoError(t, err)
		require.Equal(t, []Depth{{0, 2, 0}}, r.Rows[1].Tasks["needle"].Depths, "a random model finds nothing")
	}
	_, err = corpus(t, b, 130, 130).NewNeedle(b)
	require.ErrorIs(t, err, ErrText)
}

func TestQuestionsThatDoNotFit(t *testing.T) {
	b := tiny(t)
	o := options(t, b, "f16")
	o.Tasks = []*Tasks{{Name: "piqa", Questions: []Question{{Context: strings.Repeat("x", 300), Endings: []string{"a", "b"}, Line: 7}}}}
	_, err := Run(t.Context(), b, o)
	require.EqualError(t, err, "eval: piqa, line 7: 302 tokens with ending 0: the model's context is 256")
}
