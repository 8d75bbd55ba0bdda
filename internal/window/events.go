//go:build glfw && linux && !wayland

package window

import (
	"image"

	"github.com/go-gl/glfw/v3.3/glfw"

	"github.com/qaqvk/qaqvk/internal/view"
)

// keys are those that write no character.
var keys = map[glfw.Key]view.Action{glfw.KeyLeft: view.Left, glfw.KeyRight: view.Right, glfw.KeyUp: view.Up, glfw.KeyDown: view.Down,
	glfw.KeyEnd: view.End, glfw.KeyEscape: view.Escape}

// listen hands the window's events to the view.
func (s *shown) listen() {
	again := func() { s.redraw = true }
	s.of.SetRefreshCallback(func(*glfw.Window) { again() })
	s.of.SetFramebufferSizeCallback(func(*glfw.Window, int, int) { again() })
	s.of.SetContentScaleCallback(func(*glfw.Window, float32, float32) { again() })
	s.of.SetCharCallback(func(_ *glfw.Window, r rune) { s.closed = s.view.Char(r) || s.closed })
	s.of.SetKeyCallback(func(_ *glfw.Window, k glfw.Key, _ int, a glfw.Action, _ glfw.ModifierKey) {
		if action, ok := keys[k]; ok && a != glfw.Release {
			s.view.Key(action)
		}
	})
	s.of.SetScrollCallback(func(_ *glfw.Window, _, y float64) { s.view.Scroll(s.at, y) })
	s.of.SetCursorPosCallback(func(_ *glfw.Window, x, y float64) { s.moved(s.pixel(x, y)) })
	s.of.SetMouseButtonCallback(func(_ *glfw.Window, b glfw.MouseButton, a glfw.Action, _ glfw.ModifierKey) {
		if b == glfw.MouseButtonLeft {
			s.button(a == glfw.Press)
		}
	})
	again()
}

// pixel is a place of the pointer in pixels.
func (s *shown) pixel(x, y float64) image.Point {
	w, h := s.of.GetSize()
	fw, fh := s.of.GetFramebufferSize()
	return image.Pt(int(x*float64(fw)/float64(max(1, w))), int(y*float64(fh)/float64(max(1, h))))
}

// slop are the pixels that a click may move.
const slop = 4

func (s *shown) moved(at image.Point) {
	if d := at.Sub(s.pressed); s.down && (d.X > slop || d.X < -slop) && s.view.InMap(s.pressed) {
		s.drags = true
	}
	if s.drags {
		s.view.Drag(at.X - s.at.X)
	}
	s.at = at
}

func (s *shown) button(down bool) {
	if !down && s.down && !s.drags {
		s.view.Click(s.at)
	}
	s.down, s.drags, s.pressed = down, false, s.at
}
