//go:build glfw && linux && !wayland

package window

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"image"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/recording"
	"github.com/qaqvk/qaqvk/internal/similar"
	"github.com/qaqvk/qaqvk/internal/view"
	"github.com/qaqvk/qaqvk/vk"
)

var update = flag.Bool("update", false, "write the pictures of windows anew")

func sample(t testing.TB) *recording.Recording {
	r, err := recording.Load("../recording/testdata/smollm2.qaqrec")
	require.NoError(t, err)
	return r
}

// shows opens a window that shows a view. The returned function waits until it is
// closed.
func shows(t *testing.T, source func(*Window) view.Source) (w *Window, closed func()) {
	w, err := Open(Options{Title: "qaqvk", Width: 1280, Height: 800, Device: "llvmpipe", Validation: true})
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	done := make(chan error, 1)
	v := view.New(source(w))
	go func() { done <- w.Show(ctx, v) }()
	return w, func() {
		require.NoError(t, <-done)
		require.NoError(t, ctx.Err(), "closed by its user, not by time")
		stop()
		require.NoError(t, w.Close(), "the validation layer is silent, and nothing is left")
	}
}

// ended is a replay at the end of a recording.
func ended(t testing.TB) *view.Replay {
	now := time.Unix(0, 0)
	r := view.NewReplay(sample(t), func() time.Time { return now })
	r.Pause(true)
	r.Rewind(true)
	return r
}

// drawn is the picture of a view at the end of the recording, of some size, after what
// its user did at the size of a window that opens.
func drawn(t *testing.T, size image.Point, did func(*view.View)) *image.RGBA {
	v := view.New(ended(t))
	v.Poll()
	if did != nil {
		require.NoError(t, v.Draw(image.NewRGBA(image.Rect(0, 0, 1280, 800)), 1))
		did(v)
	}
	img := image.NewRGBA(image.Rectangle{Max: size})
	require.NoError(t, v.Draw(img, 1))
	return img
}

// requireShown waits until the window shows a picture, byte for byte.
func (u *user) requireShown(want *image.RGBA) {
	u.t.Helper()
	u.until("the picture is shown", func() bool {
		got := u.picture()
		return got.Rect == want.Rect && bytes.Equal(got.Pix, want.Pix)
	})
}

// A replay gives the same picture each time, the one that was checked in, and follows
// its user.
func TestVulkanReplay(t *testing.T) {
	var first *image.RGBA
	for range 2 {
		_, closed := shows(t, func(*Window) view.Source { return ended(t) })
		u := newUser(t)
		u.requireShown(drawn(t, image.Pt(1280, 800), nil))
		u.click(85, 430)
		chosen := func(v *view.View) { v.Click(image.Pt(85, 430)) }
		u.requireShown(drawn(t, image.Pt(1280, 800), chosen))
		if first == nil {
			first = u.picture()
			like, err := similar.ToFile(first, "testdata/watch.png", *update)
			require.NoError(t, err)
			require.Greater(t, like, least)
			require.Less(t, similar.Pictures(first, image.NewRGBA(first.Rect)), 0.9, "a black picture is not like it")
		}
		require.True(t, bytes.Equal(first.Pix, u.picture().Pix))
		u.wheel(700, 450, true)
		u.press('k')
		more := func(v *view.View) {
			chosen(v)
			v.Scroll(image.Pt(700, 450), 1)
			v.Char('k')
		}
		u.requireShown(drawn(t, image.Pt(1280, 800), more))
		u.resize(900, 600)
		u.requireShown(drawn(t, image.Pt(900, 600), more))
		u.resize(1280, 800)
		u.requireShown(drawn(t, image.Pt(1280, 800), more))
		u.press('h')
		u.requireShown(drawn(t, image.Pt(1280, 800), func(v *view.View) { more(v); v.Char('h') }))
		u.press('q')
		closed()
	}
}

// least is how like a picture must be to the one that was checked in, which README shows.
const least = 0.98

// A window follows a run: 60 pictures of it, a change of its target, a pause and a token
// on.
func TestVulkanLive(t *testing.T) {
	r := sample(t)
	var live *view.Live
	w, closed := shows(t, func(w *Window) view.Source {
		live = view.NewLive(w.Wake)
		return live
	})
	require.Equal(t, "llvmpipe", w.Presenter()[:8])
	require.NoError(t, live.Begin(r.Header))
	u := newUser(t)
	var asked *recording.Target
	for i, step := range r.Steps {
		reply, err := live.Step(step)
		require.NoError(t, err)
		if reply.Target != nil {
			asked = reply.Target
		}
		switch i {
		case 20:
			u.press('[')
		case 60:
			u.press(' ')
			u.until("it is paused", func() bool { return live.Status().Paused })
			time.AfterFunc(300*time.Millisecond, func() { live.Skip(1) })
		case 61:
			require.GreaterOrEqual(t, reply.Paused, 100*time.Millisecond, "the run was held")
			time.AfterFunc(300*time.Millisecond, func() { live.Pause(false) })
		case 62:
			require.GreaterOrEqual(t, reply.Paused, 100*time.Millisecond, "a token on, and it was held again")
		default:
			require.Zero(t, reply.Paused)
		}
		time.Sleep(30 * time.Millisecond)
	}
	require.NotNil(t, asked, "[ asks for a smaller budget")
	require.InDelta(t, r.Steps[20].Live*95/100, asked.Budget, float64(r.Steps[20].Live)/20)
	require.NoError(t, live.End(r.End))
	live.Over("finished")
	u.press('q')
	closed()
	require.GreaterOrEqual(t, w.frames, 60)
}

func TestVulkanNoWindow(t *testing.T) {
	display := os.Getenv("DISPLAY")
	t.Setenv("DISPLAY", "")
	_, err := Open(Options{Title: "qaqvk", Width: 100, Height: 100})
	require.ErrorIs(t, err, ErrNone)
	require.ErrorContains(t, err, "DISPLAY is not set")
	t.Setenv("DISPLAY", ":4711")
	_, err = Open(Options{Title: "qaqvk", Width: 100, Height: 100})
	require.ErrorIs(t, err, ErrNone)
	require.ErrorContains(t, err, "display :4711 cannot be opened")
	t.Setenv("DISPLAY", display)
	_, err = Open(Options{Title: "qaqvk", Width: 100, Height: 100, Device: "nothing like it"})
	require.ErrorIs(t, err, vk.ErrUnknownDevice)
}

// A device that computes and knows no windows of X11 leaves presenting to another; where
// there is no other, there is no window.
func TestVulkanAnotherDevicePresents(t *testing.T) {
	swiftshader := cmp.Or(os.Getenv("QAQVK_SWIFTSHADER_ICD"), "/usr/lib/chromium/vk_swiftshader_icd.json")
	t.Setenv("VK_ICD_FILENAMES", swiftshader+":"+os.Getenv("VK_ICD_FILENAMES"))
	w, err := Open(Options{Title: "qaqvk", Width: 300, Height: 200, Device: "SwiftShader"})
	require.NoError(t, err)
	require.Contains(t, w.Presenter(), "llvmpipe")
	_, err = Open(Options{Title: "qaqvk", Width: 300, Height: 200})
	require.EqualError(t, err, "window: one is open")
	require.NoError(t, w.Close())
	t.Setenv("VK_ICD_FILENAMES", swiftshader)
	_, err = Open(Options{Title: "qaqvk", Width: 300, Height: 200, Device: "SwiftShader"})
	require.ErrorIs(t, err, ErrNone)
}
