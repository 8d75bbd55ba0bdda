// Package view draws what a run does, or did, into a picture, and answers to keys and
// the mouse. It knows no window system and no clock: the same recording and the same
// events give the same picture, byte for byte.
package view
