//go:build glfw && linux && !wayland

package window

import (
	"bytes"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	os.Exit(Main(func() int {
		display, stop, err := startX()
		if err != nil {
			os.Stderr.WriteString("no display for the tests of windows: " + err.Error() + "\n")
			return 1
		}
		defer stop()
		os.Setenv("DISPLAY", display)
		if os.Getenv("VK_ICD_FILENAMES") == "" {
			icds, _ := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json")
			os.Setenv("VK_ICD_FILENAMES", strings.Join(icds, ":"))
		}
		return m.Run()
	}))
}

// startX starts an X server in memory, on a display of its own choice.
func startX() (display string, stop func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", nil, err
	}
	c := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset")
	c.ExtraFiles = []*os.File{w}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	w.Close()
	number := make([]byte, 16)
	n, err := r.Read(number)
	if err != nil {
		return "", nil, err
	}
	return ":" + string(bytes.TrimSpace(number[:n])), func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}, nil
}

// user looks at the display and works its keys and mouse.
type user struct {
	t      *testing.T
	x      *xgb.Conn
	root   xproto.Window
	window xproto.Window // qaqvk's
}

// newUser waits for the window.
func newUser(t *testing.T) *user {
	x, err := xgb.NewConn()
	require.NoError(t, err)
	t.Cleanup(x.Close)
	require.NoError(t, xtest.Init(x))
	u := &user{t: t, x: x, root: xproto.Setup(x).DefaultScreen(x).Root}
	u.until("there is a window", func() bool {
		tree, err := xproto.QueryTree(x, u.root).Reply()
		require.NoError(t, err)
		for _, w := range tree.Children {
			a, err := xproto.GetWindowAttributes(x, w).Reply()
			if name, err2 := xproto.GetProperty(x, false, w, xproto.AtomWmName, xproto.AtomAny, 0, 64).Reply(); err == nil && err2 == nil &&
				a.MapState == xproto.MapStateViewable && string(name.Value) == "qaqvk" {
				u.window = w
			}
		}
		return u.window != 0
	})
	return u
}

// until waits for something.
func (u *user) until(what string, done func() bool) {
	u.t.Helper()
	for began := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		require.Less(u.t, time.Since(began), time.Minute, "waiting until %s", what)
	}
}

// picture is what the window shows.
func (u *user) picture() *image.RGBA {
	g, err := xproto.GetGeometry(u.x, xproto.Drawable(u.window)).Reply()
	require.NoError(u.t, err)
	shot, err := xproto.GetImage(u.x, xproto.ImageFormatZPixmap, xproto.Drawable(u.window), 0, 0, g.Width, g.Height, 0xffffffff).Reply()
	require.NoError(u.t, err)
	img := image.NewRGBA(image.Rect(0, 0, int(g.Width), int(g.Height)))
	for i := 0; i < len(img.Pix); i += 4 {
		img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = shot.Data[i+2], shot.Data[i+1], shot.Data[i], 255
	}
	return img
}

func (u *user) resize(w, h int) {
	require.NoError(u.t, xproto.ConfigureWindowChecked(u.x, u.window, xproto.ConfigWindowWidth|xproto.ConfigWindowHeight, []uint32{uint32(w), uint32(h)}).Check())
}

func (u *user) fake(kind, detail byte, x, y int) {
	require.NoError(u.t, xtest.FakeInputChecked(u.x, kind, detail, 0, u.root, int16(x), int16(y), 0).Check())
}

// pointer moves to a place of the window.
func (u *user) pointer(x, y int) {
	at, err := xproto.TranslateCoordinates(u.x, u.window, u.root, int16(x), int16(y)).Reply()
	require.NoError(u.t, err)
	u.fake(xproto.MotionNotify, 0, int(at.DstX), int(at.DstY))
}

func (u *user) click(x, y int) {
	u.pointer(x, y)
	u.fake(xproto.ButtonPress, 1, 0, 0)
	u.fake(xproto.ButtonRelease, 1, 0, 0)
}

// wheel turns the wheel up or down at a place.
func (u *user) wheel(x, y int, up bool) {
	u.pointer(x, y)
	button := byte(5)
	if up {
		button = 4
	}
	u.fake(xproto.ButtonPress, button, 0, 0)
	u.fake(xproto.ButtonRelease, button, 0, 0)
}

// press presses the key that writes a character without shift, or that of a symbol.
func (u *user) press(symbol xproto.Keysym) {
	require.NoError(u.t, xproto.SetInputFocusChecked(u.x, xproto.InputFocusPointerRoot, u.window, xproto.TimeCurrentTime).Check())
	setup := xproto.Setup(u.x)
	first, n := setup.MinKeycode, byte(setup.MaxKeycode-setup.MinKeycode+1)
	all, err := xproto.GetKeyboardMapping(u.x, first, n).Reply()
	require.NoError(u.t, err)
	for i := range int(n) {
		if all.Keysyms[i*int(all.KeysymsPerKeycode)] == symbol {
			u.fake(xproto.KeyPress, byte(first)+byte(i), 0, 0)
			u.fake(xproto.KeyRelease, byte(first)+byte(i), 0, 0)
			return
		}
	}
	require.Failf(u.t, "no such key", "%#x", symbol)
}
