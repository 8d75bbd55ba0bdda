// Package record takes what forward-only calibration needs from a program that runs the
// model itself: rows of keys and values as they enter a cache, with their queries.
//
// A Recorder is for one model. Each KV buffer has a Buffer, which cuts the texts of its
// streams into windows of 1,024 tokens, one at a time, so that the rows of one window
// are in memory. A window that ends goes to calibrate.Collector, which keeps sums alone.
//
//	kvbuffer ── rows of a step ──► Buffer ── a window that ended ──► Recorder ──► profile
//
// A window begins where a text begins, or further on, behind the window before. Then
// the first tokens of the text stand before it, because much attention goes to them,
// and keys and queries are turned back to the positions behind these, as if what is
// between were not there. It ends when it is full, when tokens of it are rewound, when
// tokens come that this package has not seen (restored, shifted), and with the buffer.
package record
