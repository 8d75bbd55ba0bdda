package eval

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/peers"
)

const everyMethod = "f16,q8_0,q4_0,q4_0-hadamard,q4_0-hadamard-mean,kivi-2,kivi-3,turbo-2,turbo-3,turbo-4," +
	"uniform-4,uniform-3-o1,uniform-2:only=v,qaq,qaq-authors:key-error=0.1,value-error=0.05,qaq:blind=1,n=2,h2o:64,scissorhands:64"

func TestReadingWithEveryMethod(t *testing.T) {
	b := tiny(t)
	o := options(t, b, everyMethod)
	o.Corpus = corpus(t, b, 192, 384)
	r, err := Run(t.Context(), b, o)
	require.NoError(t, err)
	require.Len(t, r.Rows, len(o.Methods))
	require.Equal(t, 384, r.Tokens)
	rows := map[string]Row{}
	for _, row := range r.Rows {
		rows[row.Method] = row
		require.NotNil(t, row.BPE, row.Method)
		require.InDelta(t, *row.BPE/16, *row.StoreRatio, 1e-12)
		require.LessOrEqual(t, row.PPLRatioCI[0], *row.PPLRatio, row.Method)
		require.GreaterOrEqual(t, row.PPLRatioCI[1], *row.PPLRatio, row.Method)
	}
	plain := rows[f16]
	require.Equal(t, []float64{16, 1, 1, 0, 1}, []float64{*plain.BPE, *plain.LiveRatio, *plain.PPLRatio, *plain.KLD, *plain.Top1})
	for name, bits := range map[string]float64{"q8_0": 8.5, "q4_0": 4.5, "kivi-3": 4, "turbo-2": 2.25} {
		require.InDelta(t, bits, *rows[name].BPE, 1e-9, name)
	}
	// 176 tokens are coded, of which four stay raw.
	require.InDelta(t, (4.5*172+16*4)/176, *rows["q4_0-hadamard-mean"].BPE, 1e-9)
	// Of 192 tokens q8_0 keeps 16 in f16.
	require.InDelta(t, (176*8.5/16+16)/192, *rows["q8_0"].LiveRatio, 1e-9)
	require.Greater(t, *rows["uniform-4"].BPE, 4.5, "a minimum and a maximum of 16 bits for 64 elements")
	require.Less(t, *rows["uniform-4"].BPE, 5.0)
	require.Less(t, *rows["q8_0"].KLD, *rows["q4_0"].KLD)
	require.Less(t, *rows["q4_0"].KLD, *rows["kivi-2"].KLD)
	require.Less(t, *rows["turbo-4"].KLD, *rows["turbo-2"].KLD)
	for _, row := range r.Rows[1:] {
		require.Positive(t, *row.KLD, row.Method)
	}
}

// Two runs give the same, also when the second goes on where another broke off.
func TestInterruptedRunGoesOn(t *testing.T) {
	b, list := tiny(t), "f16,q4_0,uniform-3,qaq"
	question := &Tasks{Name: "choices", part: "choices", Questions: []Question{{Context: "the king", Endings: []string{"in the ring", "there"}}}}
	run := func(ctx context.Context, j *Journal, progress func(string, int, int)) (*Result, error) {
		o := options(t, b, list)
		o.Corpus, o.Journal, o.Tasks = corpus(t, b, 160, 480), j, []*Tasks{question}
		if progress != nil {
			o.Progress = progress
		}
		r, err := Run(ctx, b, o)
		if err == nil {
			for i := range r.Rows {
				r.Rows[i].Seconds = 0
			}
		}
		return r, err
	}
	want, err := run(t.Context(), &Journal{}, nil)
	require.NoError(t, err)
	dir := t.TempDir()
	for _, part := range []int{1, 700, 1500} { // tokens times methods of 1920
		j, err := OpenJournal(dir, "k")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		_, err = run(ctx, j, func(_ string, done, _ int) {
			if done >= part {
				cancel()
			}
		})
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, j.Close())
	}
	j, err := OpenJournal(dir, "k")
	require.NoError(t, err)
	require.Equal(t, 8, j.Len(), "two contexts of four methods")
	first := 0
	got, err := run(t.Context(), j, func(_ string, done, _ int) {
		if first == 0 {
			first = done
		}
	})
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, j.Done())
	j, err = OpenJournal(dir, "k")
	require.NoError(t, err)
	require.Zero(t, j.Len(), "a run that is complete leaves nothing")
	require.NoError(t, j.Close())
}

// More methods than go together give what each gives alone: those of the second group
// are compared with what the first left of f16.
func TestGroupsOfMethodsShareTheReference(t *testing.T) {
	b, list := tiny(t), "q8_0,q4_0,q4_0-hadamard,turbo-4,turbo-3,turbo-2,uniform-3,uniform-2"
	run := func(list string) []Row {
		o := options(t, b, list)
		require.NotEqual(t, together, len(o.Methods))
		o.Corpus = corpus(t, b, 160, 320)
		r, err := Run(t.Context(), b, o)
		require.NoError(t, err)
		for i := range r.Rows {
			r.Rows[i].Seconds = 0
		}
		return r.Rows
	}
	all := run(list)
	require.Greater(t, len(all), together)
	for i, m := range methods(t, list) {
		require.Equal(t, run(m.Name()), all[i:i+1])
	}
}

// Attention on the host over what pages give back is that of the device.
func TestHostAndDeviceAttendAlike(t *testing.T) {
	b := tiny(t)
	withProfile(t, b)
	for _, name := range []string{"uniform-3-o1", "qaq:key-error=0.05,value-error=0.02", "calibrated"} {
		var logits [2][]float32
		for i, attend := range []bool{false, true} {
			b.Attend = attend
			o := options(t, b, name)
			o.Corpus = corpus(t, b, 192, 192)
			o.Logits = func(l []float32) error { logits[i] = append(logits[i], l...); return nil }
			_, err := Run(t.Context(), b, o)
			require.NoError(t, err)
		}
		require.Len(t, logits[0], 192*b.Model.Vocab)
		require.InDeltaSlice(t, logits[1], logits[0], 2e-3, name)
	}
}

func TestErrorsOfTexts(t *testing.T) {
	b := tiny(t)
	for _, c := range []struct {
		text            string
		context, tokens int
		want            string
	}{
		{text(400), 100, 400, "eval: king: context of 100 tokens: must be 130 to 256, the model's: text cannot be evaluated"},
		{text(400), 300, 400, "eval: king: context of 300 tokens: must be 130 to 256, the model's: text cannot be evaluated"},
		{text(400), 160, 100, "eval: king: 100 tokens of the text: fewer than the context of 160: text cannot be evaluated"},
		{"king", 160, 400, "eval: king: text of 2 tokens: shorter than the context of 160: text cannot be evaluated"},
		{"", 160, 400, "eval: king: text of 0 tokens: shorter than the context of 160: text cannot be evaluated"},
	} {
		_, err := NewCorpus(b.Model, "king", c.text, c.context, c.tokens)
		require.EqualError(t, err, c.want)
		require.ErrorIs(t, err, ErrText)
	}
}

func TestFullDisk(t *testing.T) {
	b := tiny(t)
	j, err := OpenJournal(t.TempDir(), "k")
	require.NoError(t, err)
	require.NoError(t, j.file.Close())
	o := options(t, b, "f16")
	o.Corpus, o.Journal = corpus(t, b, 160, 160), j
	_, err = Run(t.Context(), b, o)
	require.ErrorContains(t, err, "what was done before is kept")
}

func TestLogitsErrorEndsTheRun(t *testing.T) {
	b := tiny(t)
	full := errors.New("no space left on device")
	o := options(t, b, "f16")
	o.Corpus = corpus(t, b, 160, 160)
	o.Logits = func([]float32) error { return full }
	_, err := Run(t.Context(), b, o)
	require.ErrorIs(t, err, full)
}

func TestWrongShapeNamesTheMethod(t *testing.T) {
	b := tiny(t)
	b.Window = 2000
	o := options(t, b, "uniform-4")
	o.Corpus = corpus(t, b, 160, 160)
	_, err := Run(t.Context(), b, o)
	require.EqualError(t, err, "eval: method uniform-4: backend: window 2000: must be 1..1024: bad cache configuration")
	require.NotErrorIs(t, err, peers.ErrShape)
}

func TestJournalDropsWhatWasCutOff(t *testing.T) {
	dir := t.TempDir()
	j, err := OpenJournal(dir, "k")
	require.NoError(t, err)
	require.NoError(t, j.put(entryKey{"a", "b", 1}, []int{1, 2}))
	_, err = j.file.WriteString(`{"part":"a","method":"b","ind`)
	require.NoError(t, err)
	require.NoError(t, j.Close())
	for range 2 {
		j, err = OpenJournal(dir, "k")
		require.NoError(t, err)
		var v []int
		require.True(t, j.get(entryKey{"a", "b", 1}, &v))
		require.True(t, slices.Equal([]int{1, 2}, v))
		require.NoError(t, j.put(entryKey{"a", "b", 2}, []int{3}))
		require.NoError(t, j.Close())
	}
}

// A run has a journal of its own: one that ends does not take what another left.
func TestJournalIsOfOneRun(t *testing.T) {
	b := tiny(t)
	o := options(t, b, "f16,q4_0")
	o.Corpus = corpus(t, b, 160, 320)
	key := func(o Options) string {
		k, err := b.Key(o)
		require.NoError(t, err)
		return k
	}
	keys := map[string]bool{key(o): true}
	require.True(t, keys[key(o)], "the same again")
	for _, change := range []func(o *Options){
		func(o *Options) { o.Methods = o.Methods[:1] },
		func(o *Options) { o.Corpus = corpus(t, b, 160, 160) },
		func(o *Options) { o.Needle = &Needle{} },
		func(o *Options) { o.Tasks = []*Tasks{{part: "piqa"}} },
		func(o *Options) { withProfile(t, b) },
	} {
		other := o
		change(&other)
		keys[key(other)] = true
	}
	require.Len(t, keys, 6)
	b.Profile = "absent"
	_, err := b.Key(o)
	require.ErrorIs(t, err, os.ErrNotExist)

	dir := t.TempDir()
	j, err := OpenJournal(dir, "a")
	require.NoError(t, err)
	_, err = OpenJournal(dir, "a")
	require.ErrorIs(t, err, ErrInUse)
	other, err := OpenJournal(dir, "b")
	require.NoError(t, err)
	require.NoError(t, j.put(entryKey{"p", "m", 0}, 7))
	require.NoError(t, other.Done())
	require.NoError(t, j.Close())
	j, err = OpenJournal(dir, "a")
	require.NoError(t, err)
	require.Equal(t, 1, j.Len())
	require.NoError(t, j.Done())
}
