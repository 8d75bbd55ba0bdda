package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

type pageFlags struct {
	example                    bool
	typ                        choice
	headDim, rows, groupsToken int
	alpha                      float64
}

func newPage() *cobra.Command {
	f := &pageFlags{typ: choice{value: "f16", of: []string{"f32", "f16", "bf16"}}}
	c := &cobra.Command{
		Use:   "page FILE | --example",
		Short: "Print pages of the store in words: parts, bits, ranges, outliers",
		Long: "Print pages of the store in words: sizes, bits of each token, range and outliers of each group.\n\n" +
			"FILE has pages as a cache has them: 32-bit little-endian words, the next page at\n" +
			"the next multiple of four words. A page does not say what rows it has: the flags do.",
		RunE: func(c *cobra.Command, files []string) error {
			words, err := f.read(files)
			if err != nil {
				return err
			}
			return f.print(c.OutOrStdout(), words)
		},
	}
	c.Flags().BoolVar(&f.example, "example", false, "print a page that is made here, of scattered values with a spike in each group")
	c.Flags().Var(&f.typ, "type", "element type of the rows: f32, f16 or bf16")
	addNumber(c.Flags(), &f.headDim, "head-dim", 64, 32, 256, "elements of a row")
	addNumber(c.Flags(), &f.rows, "rows", 1, 1, shaders.MaxGroup/32, "rows that share a range and a bit width")
	addNumber(c.Flags(), &f.groupsToken, "groups-per-token", 1, 1, shaders.MaxGroup, "groups of a token: the KV heads, where each has its own")
	addNumber(c.Flags(), &f.alpha, "alpha", 0.01, 0, 0.1, "share of a group kept as outliers, 0 to 0.1")
	return c
}

// layout is what the flags say of pages.
func (f *pageFlags) layout() (shaders.Layout, error) {
	types := map[string]uint32{"f32": shaders.TypeF32, "f16": shaders.TypeF16, "bf16": shaders.TypeBF16}
	low, high := shaders.Outliers(f.alpha, f.rows*f.headDim)
	l := shaders.Layout{Type: types[f.typ.value], HeadDim: f.headDim, Rows: f.rows, Low: low, High: high}
	return l, l.Check()
}

// read returns the words of the only file, or those of the example.
func (f *pageFlags) read(files []string) ([]uint32, error) {
	switch {
	case f.example && len(files) > 0:
		return nil, usageError{fmt.Errorf("--example and %s: give one of them", files[0])}
	case f.example:
		l, err := f.layout()
		if err != nil {
			return nil, err
		}
		return examplePage(l)
	case len(files) != 1:
		return nil, usageError{errors.New("page wants one file, or --example")}
	}
	return readWords(files[0])
}

// print prints page after page.
func (f *pageFlags) print(w io.Writer, words []uint32) error {
	l, err := f.layout()
	if err != nil {
		return err
	}
	for first := true; len(words) > 0; first = false {
		p, err := cpuref.ReadPage(l, words)
		if err != nil {
			return err
		}
		if !first {
			fmt.Fprintln(w)
		}
		if _, err := io.WriteString(w, p.Text(f.groupsToken)); err != nil {
			return err
		}
		words = words[min(shaders.AlignWords(len(p.Words)), len(words)):]
	}
	return nil
}

// maxPages is the most bytes of a file of pages: a page has at most 2 MiB of rows.
const maxPages = 64 << 20

// readWords reads a file of little-endian words.
func readWords(path string) ([]uint32, error) {
	data, err := readFile(path, maxPages)
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return nil, fmt.Errorf("%s: is empty", path)
	case len(data)%4 != 0:
		return nil, fmt.Errorf("%s: %d bytes: pages are words of four", path, len(data))
	}
	words := make([]uint32, len(data)/4)
	for i := range words {
		b := data[4*i:]
		words[i] = uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	}
	return words, nil
}
