package recording

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// testHeader is one of two layers of two groups.
func testHeader() Header {
	h := Header{Model: "m.gguf", Device: "d", Policy: "qaq", Layers: 2, Groups: 2, Prompt: 40, All: 60, Target: Target{KeyError: .5, ValueError: .25}}
	for k := range h.Bytes {
		for range h.Layers {
			codes := make([]float32, Codes)
			for c := range codes {
				codes[c] = float32(10 * c)
			}
			h.Bytes[k] = append(h.Bytes[k], codes)
		}
	}
	return h
}

// testSteps are some of a text: pages of 8 tokens are stored, and some groups move.
func testSteps() (list []*Step) {
	stored := 0
	for n := 1; n <= 60; n++ {
		s := &Step{Micros: int64(n) * 1e5, Tokens: []Token{{ID: n, Text: fmt.Sprint(" ", n)}}, Stored: stored, Live: int64(n), Committed: int64(2 * n), F16: int64(8 * n),
			Promoted: int64(n / 20), Demoted: int64(n / 10)}
		if n%8 == 0 {
			s.Stored += 8
			for k := range 2 {
				for l := range 2 {
					codes := make([]byte, 16)
					for i := range codes {
						codes[i] = byte((i + k + l) % 9)
					}
					s.Runs = append(s.Runs, Run{Kind: k, Layer: l, First: stored * 2, Codes: codes})
				}
			}
			s.Importance = bytes.Repeat([]byte{EncodeImportance(1)}, s.Stored)
		}
		if n == 25 {
			s.Runs = []Run{{Kind: 1, Layer: 0, First: 3, Codes: []byte{8, 1}}, {Kind: 0, Layer: 1, First: 0, Codes: []byte{Raw, Evicted}}}
		}
		if n == 30 {
			s.Target, s.Note = &Target{KeyError: 1, ValueError: 1}, "so"
		}
		stored = s.Stored
		list = append(list, s)
	}
	return list
}

func written(t *testing.T, steps []*Step, end *End) []byte {
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader())
	require.NoError(t, err)
	for _, s := range steps {
		w.Step(s)
	}
	if end != nil {
		w.End(end)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	kld := .25
	end := &End{Prefill: 3, Decode: 4, KLD: &kld}
	file := written(t, testSteps(), end)
	r, err := Read(bytes.NewReader(file))
	require.NoError(t, err)
	h := testHeader()
	h.Format, h.Version = Format, Version
	require.Equal(t, h, r.Header)
	require.Equal(t, testSteps(), r.Steps)
	require.Equal(t, end, r.End)

	z, err := zstd.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	defer z.Close()
	_, err = z.WriteTo(&bytes.Buffer{})
	require.NoError(t, err, "the file is a zstd stream")
}

func TestState(t *testing.T) {
	h := testHeader()
	s := NewState(&h)
	for i, step := range testSteps() {
		require.NoError(t, s.Apply(step))
		if i == 28 {
			require.Equal(t, Target{KeyError: .5, ValueError: .25}, s.Target)
		}
	}
	require.Equal(t, Target{KeyError: 1, ValueError: 1}, s.Target)
	require.Equal(t, "so", s.Note)
	require.Len(t, s.Tokens, 60)
	require.Equal(t, 56, s.Stored)
	require.Equal(t, []byte{Raw, Evicted, 3, 4}, s.Codes[0][1][:4])
	require.Equal(t, []byte{1, 2, 3, 8, 1, 6}, s.Codes[1][0][:6])
	for k, h := range s.Histogram {
		var n [Codes]int64
		for _, codes := range s.Codes[k] {
			for _, c := range codes {
				n[c]++
			}
		}
		require.Equal(t, n, h)
	}
	require.Equal(t, Move{25, true}, s.Moves[0][1])
	require.Equal(t, Move{25, false}, s.Moves[0][2])
	require.Equal(t, Move{25, false}, s.Moves[1][0])
	require.Zero(t, s.Moves[1][1])
	require.Equal(t, Cell{Mean: 4}, s.Cell(Both, 0, 2, 1, 2), "2 3 and 3 4 of K, 3 8 and 4 5 of V")
	require.Equal(t, Cell{Raw: .5, Evicted: .5}, s.Cell(Keys, 1, 2, 0, 1))
	require.Equal(t, 10., s.Rate())
	require.Equal(t, 10.*(2+3+3+4+3+8+4+5), s.TokenBytes(Both, 1))
	require.Equal(t, 160.*8, s.RawBytes(Both))
	past := s.History(Both, 1)
	require.Len(t, past, 2)
	require.Equal(t, []int{8, 25}, []int{past[0].Tokens, past[1].Tokens})
	require.Equal(t, []Cell{{Mean: 3}, {Mean: 4}}, past[0].Cells)
	require.Equal(t, []Cell{{Mean: 4}, {Mean: 4}}, past[1].Cells)
	require.Empty(t, s.History(Both, 57))
}

func TestApplyRefuses(t *testing.T) {
	for name, c := range map[string]func(*Step){
		"61 tokens, the header allows 60":                   func(s *Step) { s.Tokens = make([]Token, 61) },
		"9 of 8 tokens stored, 0 were":                      func(s *Step) { s.Stored = 9 },
		"-1 of 8 tokens stored":                             func(s *Step) { s.Stored = -1 },
		"time or bytes run backwards":                       func(s *Step) { s.Micros = -1 },
		"codes of kind 2":                                   func(s *Step) { s.Runs[0].Kind = 2 },
		"codes of kind 0, layer 7":                          func(s *Step) { s.Runs[0].Layer = 7 },
		"groups -1 to 15":                                   func(s *Step) { s.Runs[0].First = -1 },
		"groups 9223372036854775807 to":                     func(s *Step) { s.Runs[0].First = 1<<63 - 1 },
		"code 17 of a group":                                func(s *Step) { s.Runs[0].Codes[3] = 17 },
		"no code for kind 1, layer 1, token 0":              func(s *Step) { s.Runs = s.Runs[:3] },
		"importance of 9 tokens, 8 are stored":              func(s *Step) { s.Importance = make([]byte, 9) },
		"time or bytes run backwards behind token 0":        func(s *Step) { s.Live = -1 },
		"codes of kind 0, layer 0, groups 1 to 17: there a": func(s *Step) { s.Runs[0].First = 1 },
	} {
		h := testHeader()
		step := testSteps()[7]
		step.Tokens = make([]Token, 8)
		c(step)
		require.ErrorContains(t, NewState(&h).Apply(step), name)
	}
}

// Wherever a file ends, what came before can be read, and it is said where.
func TestTruncated(t *testing.T) {
	file := written(t, testSteps(), &End{})
	most := 0
	for n := range len(file) {
		r, err := Read(bytes.NewReader(file[:n]))
		require.Error(t, err, "%d bytes", n)
		if r != nil {
			require.ErrorIs(t, err, ErrTruncated, "%d bytes", n)
			require.GreaterOrEqual(t, len(r.Steps), most)
			most = len(r.Steps)
			require.Equal(t, testSteps()[:most], append([]*Step{}, r.Steps...))
		}
	}
	require.Equal(t, 48, most, "the last block has the other 12")
	_, err := Read(bytes.NewReader(written(t, testSteps(), nil)))
	require.ErrorIs(t, err, ErrTruncated)
	require.ErrorContains(t, err, "after 60 tokens")
}

// A changed byte, wherever it is, is noticed.
func TestDamaged(t *testing.T) {
	file := written(t, testSteps(), &End{})
	for at := range file {
		bad := bytes.Clone(file)
		bad[at] ^= 0x11
		r, err := Read(bytes.NewReader(bad))
		require.Error(t, err, "byte %d", at)
		if r != nil {
			require.NotErrorIs(t, err, ErrNewer)
			require.Equal(t, testSteps()[:len(r.Steps)], append([]*Step{}, r.Steps...))
		}
	}
}

func TestOthersFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	for name, content := range map[string]string{"empty": "", "text": "once upon a time", "short": "ab"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		_, err := Load(path)
		require.Error(t, err)
		require.ErrorContains(t, err, path)
	}
	_, err = Read(bytes.NewReader([]byte("once upon a time in a land")))
	require.ErrorIs(t, err, ErrNoRecording)

	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader())
	require.NoError(t, err)
	b.Reset()
	h := testHeader()
	h.Format, h.Version = Format, Version+1
	w.put(h)
	require.NoError(t, w.Close())
	_, err = Read(&b)
	require.ErrorIs(t, err, ErrNewer)
	require.ErrorContains(t, err, "version 2, this qaqvk reads up to 1")
}

// full fails when its room is used up.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, os.ErrClosed
	}
	return len(p), nil
}

func TestWriterTellsOfAFullDisk(t *testing.T) {
	w, err := NewWriter(&full{400}, testHeader())
	require.NoError(t, err)
	for range 40 {
		for _, s := range testSteps() {
			w.Step(s)
		}
	}
	require.ErrorIs(t, w.Close(), os.ErrClosed)
	_, err = Create(filepath.Join(t.TempDir(), "no", "such"), testHeader())
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = NewWriter(&full{400}, Header{})
	require.ErrorIs(t, err, ErrDamaged)
}

func TestImportanceBytes(t *testing.T) {
	require.Zero(t, EncodeImportance(0))
	require.Zero(t, EncodeImportance(-1))
	require.Zero(t, DecodeImportance(0))
	require.Equal(t, byte(128), EncodeImportance(1))
	require.Equal(t, byte(255), EncodeImportance(1e9))
	require.Equal(t, byte(1), EncodeImportance(1e-9))
	for b := 1; b < 256; b++ {
		require.Equal(t, byte(b), EncodeImportance(DecodeImportance(byte(b))))
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader())
	require.NoError(f, err)
	for _, s := range testSteps() {
		w.Step(s)
	}
	require.NoError(f, w.Close())
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := Read(bytes.NewReader(file))
		require.True(t, r != nil || err != nil)
	})
}
