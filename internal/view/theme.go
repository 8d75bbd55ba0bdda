package view

import "image/color"

// Colours of the window.
var (
	paper     = color.RGBA{0x14, 0x16, 0x1a, 255}
	panel     = color.RGBA{0x1d, 0x20, 0x26, 255}
	line      = color.RGBA{0x38, 0x3d, 0x46, 255}
	ink       = color.RGBA{0xee, 0xec, 0xe8, 255}
	soft      = color.RGBA{0xa4, 0xa9, 0xb2, 255}
	accent    = color.RGBA{0xe6, 0x9f, 0x00, 255} // promotions, sinks, what is chosen
	cool      = color.RGBA{0x56, 0xb4, 0xe9, 255} // demotions
	warning   = color.RGBA{0xff, 0x8f, 0x5c, 255}
	inWindow  = color.RGBA{0x4a, 0x4f, 0x59, 255} // the recent window
	curves    = [...]color.RGBA{{0x56, 0xb4, 0xe9, 255}, {0xe6, 0x9f, 0x00, 255}, {0xa4, 0xa9, 0xb2, 255}}
	kindColor = [2]color.RGBA{{0x56, 0xb4, 0xe9, 255}, {0xe6, 0x9f, 0x00, 255}}
)

// Sizes in units of a pixel at scale 1.
const (
	topHeight    = 36
	statusHeight = 26
	sideWidth    = 320
	margin       = 10
	gutter       = 36 // of layer numbers
	textPart     = 0.26
	stripHeight  = 52 // of importance
	movesHeight  = 26
	axisHeight   = 22
	legendHeight = 24
	small, large = 12, 16 // type
)
