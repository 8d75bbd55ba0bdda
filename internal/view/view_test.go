package view

import (
	"bytes"
	"image"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/palette"
	"github.com/qaqvk/qaqvk/internal/recording"
)

var size = image.Rect(0, 0, 1280, 800)

func sample(t testing.TB) *recording.Recording {
	r, err := recording.Load("../recording/testdata/smollm2.qaqrec")
	require.NoError(t, err)
	return r
}

// atEnd is a view of the end of the recording, drawn once.
func atEnd(t testing.TB) (*View, *Replay, *image.RGBA) {
	replay := NewReplay(sample(t), func() time.Time { return time.Unix(0, 0) })
	replay.Pause(true)
	replay.Rewind(true)
	v, img := New(replay), image.NewRGBA(size)
	require.True(t, v.Poll())
	require.NoError(t, v.Draw(img, 1))
	require.False(t, v.Poll(), "nothing is new")
	return v, replay, img
}

// drawn is the picture of a view.
func drawn(t testing.TB, v *View, scale float64) *image.RGBA {
	img := image.NewRGBA(size)
	require.NoError(t, v.Draw(img, scale))
	return img
}

// The same recording gives the same picture, whether its steps come at once or one by
// one, and however often it went back.
func TestPicturesAreTheSame(t *testing.T) {
	_, _, want := atEnd(t)
	now := time.Unix(0, 0)
	replay := NewReplay(sample(t), func() time.Time { return now })
	v := New(replay)
	for range 3000 {
		now = now.Add(100 * time.Millisecond)
		v.Poll()
	}
	require.True(t, bytes.Equal(want.Pix, drawn(t, v, 1).Pix), "as time went by")
	replay.Skip(-40)
	v.Poll()
	require.False(t, bytes.Equal(want.Pix, drawn(t, v, 1).Pix))
	replay.Rewind(true)
	v.Poll()
	require.True(t, bytes.Equal(want.Pix, drawn(t, v, 1).Pix), "back and forth")
}

// A picture of blue first is the same with its bytes in another order.
func TestBlueFirst(t *testing.T) {
	v, _, want := atEnd(t)
	v.BlueFirst = true
	got := drawn(t, v, 1)
	for i := 0; i < len(got.Pix); i += 4 {
		got.Pix[i], got.Pix[i+2] = got.Pix[i+2], got.Pix[i]
	}
	require.True(t, bytes.Equal(want.Pix, got.Pix))
}

// Cells have the colours of the recording's codes, on screens of any scale.
func TestCellsHaveTheirColours(t *testing.T) {
	for _, scale := range []float64{1, 1.5, 2} {
		v, _, _ := atEnd(t)
		img := drawn(t, v, scale)
		s, r := v.state, v.layout.cells
		require.Positive(t, r.Dy(), "scale %g", scale)
		for _, token := range []int{0, 5, 100, 333, s.Stored - 1} {
			for layer := range s.Layers {
				x := v.span.x(r, float64(token)+0.5)
				y := r.Min.Y + (2*layer+1)*r.Dy()/(2*s.Layers)
				if got := int(v.span.token(r, x)); got != token {
					continue // narrower than a pixel
				}
				c := s.Cell(recording.Both, layer, layer+1, token, token+1)
				want := palette.Mix(palette.Scale(c.Mean/9), palette.Raw, c.Raw)
				require.Equal(t, want, img.RGBAAt(x, y), "token %d, layer %d", token, layer)
			}
		}
		require.Equal(t, inWindow, img.RGBAAt(v.span.x(r, float64(s.Stored)+5), r.Min.Y+5))
	}
}

func TestClicksChoose(t *testing.T) {
	v, _, _ := atEnd(t)
	l := v.layout
	v.Click(image.Pt(l.cells.Min.X+l.cells.Dx()/2, l.cells.Min.Y+l.cells.Dy()/2+2))
	require.Equal(t, len(v.state.Tokens)/2, v.chosen)
	require.Equal(t, v.state.Layers/2, v.layer)
	lines, _, _ := v.textLines()
	for _, p := range lines[5][:2] {
		v.Click(p.at.Min.Add(image.Pt(l.text.Min.X+1, 1)))
		require.Equal(t, p.token, v.chosen)
		require.Contains(t, v.state.Tokens[p.token].Text, p.text)
	}
	v.Char('n')
	require.Equal(t, lines[5][1].token+1, v.chosen)
	v.Char('p')
	v.Char('p')
	require.Equal(t, lines[5][0].token, v.chosen)
	v.Key(Escape)
	require.Equal(t, -1, v.chosen)
	v.Click(image.Pt(3, 3))
	require.Equal(t, -1, v.chosen, "nothing is there")
}

func TestZoomKeepsWhatIsUnderThePointer(t *testing.T) {
	v, _, _ := atEnd(t)
	r := v.layout.cells
	at := image.Pt(r.Min.X+r.Dx()/3, r.Min.Y+9)
	under := v.span.token(r, at.X)
	for range 9 {
		v.Scroll(at, 1)
	}
	require.InDelta(t, under, v.span.token(r, at.X), 1)
	require.Less(t, v.span.shown, 100.0)
	first := v.span.first
	v.Key(Right)
	require.Greater(t, v.span.first, first)
	v.Drag(50)
	v.Key(Left)
	for range 20 {
		v.Key(Left)
	}
	require.Zero(t, v.span.first)
	for range 90 {
		v.Scroll(at, -1)
	}
	require.True(t, v.span.all)
	v.Key(End)
	require.InDelta(t, float64(len(v.state.Tokens)), v.span.first+v.span.shown, 1)
	v.Char('0')
	require.Zero(t, v.span.first)
	before := v.scroll
	v.Scroll(v.layout.text.Min.Add(image.Pt(2, 2)), 1)
	require.Greater(t, v.scroll, before, "over the text the wheel scrolls it")
}

func TestKinds(t *testing.T) {
	v, _, both := atEnd(t)
	v.Char('k')
	require.Equal(t, recording.Keys, v.kinds)
	keys := drawn(t, v, 1)
	require.False(t, bytes.Equal(both.Pix, keys.Pix))
	v.Char('k')
	v.Char('k')
	require.True(t, bytes.Equal(both.Pix, drawn(t, v, 1).Pix))
	v.Char('?')
	help := drawn(t, v, 1)
	require.Equal(t, panel, help.RGBAAt(size.Dx()/2, size.Dy()/2+150), "the list of keys is there")
	v.Char('?')
	require.True(t, bytes.Equal(both.Pix, drawn(t, v, 1).Pix))
	require.True(t, v.Char('q'))
}

// A replay goes as fast as it is told, and back.
func TestReplay(t *testing.T) {
	r, now := sample(t), time.Unix(0, 0)
	replay := NewReplay(r, func() time.Time { return now })
	v := New(replay)
	v.Poll()
	require.Empty(t, v.state.Tokens)
	wait, ok := replay.Next()
	require.True(t, ok)
	require.InDelta(t, float64(r.Steps[0].Micros), float64(wait.Microseconds()), 1)
	now = now.Add(wait)
	v.Poll()
	require.Len(t, v.state.Tokens, len(r.Steps[0].Tokens))
	v.Char('.')
	require.True(t, v.Poll())
	require.Len(t, v.state.Steps, 2)
	require.True(t, v.status.Paused)
	now = now.Add(time.Hour)
	v.Poll()
	require.Len(t, v.state.Steps, 2)
	v.Char(',')
	v.Poll()
	require.Len(t, v.state.Steps, 1)
	v.Char(' ')
	v.Key(Up)
	half := time.Duration(r.Steps[9].Micros-r.Steps[0].Micros)*time.Microsecond/2 + time.Millisecond
	now = now.Add(half)
	v.Poll()
	require.Len(t, v.state.Steps, 10, "twice as fast")
	v.Char('G')
	v.Poll()
	require.Len(t, v.state.Steps, len(r.Steps))
	require.Equal(t, r.End, v.end)
	require.Equal(t, "end of the recording", v.status.Doing)
	_, ok = replay.Next()
	require.False(t, ok)
	v.Char('g')
	v.Poll()
	require.Empty(t, v.state.Steps)
	for range 20 {
		v.Key(Up)
	}
	require.Equal(t, 64.0, replay.speed)
	v.Char('[')
	require.Nil(t, v.wanted, "what was recorded stays")
}

// Pictures of any size are drawn, also before the first step and of no room at all.
func TestAnySize(t *testing.T) {
	v, _, _ := atEnd(t)
	v.choose(7)
	v.Char('?')
	empty := New(NewLive(func() {}))
	for _, of := range []*View{v, empty} {
		of.Poll()
		for _, s := range []image.Point{{1, 1}, {50, 900}, {640, 100}, {300, 300}, {3000, 200}} {
			for _, scale := range []float64{1, 3} {
				require.NoError(t, of.Draw(image.NewRGBA(image.Rectangle{Max: s}), scale))
				of.Click(image.Pt(s.X/2, s.Y/2))
				of.Scroll(image.Pt(s.X/2, s.Y/2), 1)
			}
		}
	}
}
