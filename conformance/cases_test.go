package conformance

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

func TestEveryKernelHasABuilder(t *testing.T) {
	for _, k := range shaders.All() {
		assert.Contains(t, builders, k.Name)
		_, err := os.Stat(k.Name + ".go")
		assert.NoError(t, err, "the builder of a kernel lies in a file of its name")
	}
	for name := range builders {
		_, err := os.Stat(name + ".go")
		assert.NoError(t, err, "%s: a program of several kernels lies in a file of its name", name)
	}
}

func TestCasesAreNamedByWhatTheyAre(t *testing.T) {
	cases, err := Cases()
	require.NoError(t, err)
	if *update {
		writeNames(t, cases)
		return
	}
	names, seeds := map[string]bool{}, map[uint64]bool{}
	for _, c := range cases {
		assert.Equal(t, c.Kernel+"/"+c.Params.String(), c.Name, "run: make update")
		assert.False(t, names[c.Name], "%s twice", c.Name)
		assert.False(t, seeds[c.Seed], "seed %d twice", c.Seed)
		names[c.Name], seeds[c.Seed] = true, true
	}
}

// writeNames names the cases in cases.json by what they are, a line a case.
func writeNames(t *testing.T, cases []Case) {
	lines := make([]string, len(cases))
	for i, c := range cases {
		c.Name = c.Kernel + "/" + c.Params.String()
		line, err := json.Marshal(c)
		require.NoError(t, err)
		lines[i] = string(line)
	}
	text := "[\n" + strings.Join(lines, ",\n") + "\n]\n"
	require.NoError(t, os.WriteFile("cases.json", []byte(text), 0o644))
}

// TestCasesCover keeps the list from losing what it must contain.
func TestCasesCover(t *testing.T) {
	cases, err := Cases()
	require.NoError(t, err)
	seen := map[string]bool{}
	see := func(parts ...string) { seen[strings.Join(parts, " ")] = true }
	for _, c := range cases {
		p := c.Params
		n := p.Groups * max(p.Pages, 1)
		see(c.Kernel, strconv.Itoa(n))
		see(c.Kernel, p.Type, "d"+strconv.Itoa(p.HeadDim))
		see(c.Kernel, "d"+strconv.Itoa(p.HeadDim))
		see(c.Kernel, p.Type, p.Data)
		see(c.Kernel, "bits", p.Bits)
		see(c.Kernel, "a"+strconv.FormatFloat(p.Alpha, 'g', -1, 64))
		see(c.Kernel, p.Type, "to", p.Out)
		see(c.Kernel, "ring", p.StartAt)
		if p.Clamp {
			see(c.Kernel, "clamp", p.Out)
		}
		if p.Rows*p.HeadDim == shaders.MaxGroup {
			see(c.Kernel, "largest group")
		}
	}
	var must []string
	for _, n := range []string{"1", "2", "3", "31", "32", "33", "127", "128", "129", "1023"} {
		for _, k := range []string{"copy", "convert", "encode", "decode", "pack"} {
			must = append(must, k+" "+n)
		}
	}
	for _, k := range []string{"encode", "decode"} {
		for _, d := range []string{"32", "40", "64", "72", "80", "96", "128", "192", "256"} {
			must = append(must, k+" d"+d)
		}
		for _, b := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "16", "cycle", "rule-paper", "rule-authors", "rule-narrow"} {
			must = append(must, k+" bits "+b)
		}
		for _, a := range []string{"0", "0.01", "0.02", "0.05", "0.1"} {
			must = append(must, k+" a"+a)
		}
		must = append(must, k+" largest group")
	}
	for _, typ := range []string{"f32", "f16", "bf16"} {
		for _, data := range append(patternNames, mixed) {
			if typ != "f16" || data != "overflow" && data != "tiny" { // out of f16's range
				must = append(must, "encode "+typ+" "+data)
			}
		}
		for _, out := range []string{"f32", "f16", "bf16"} {
			must = append(must, "convert "+typ+" to "+out, "decode "+typ+" to "+out)
		}
		must = append(must, "nesting "+typ+" mixed", "choose_bits "+typ+" mixed")
	}
	must = append(must, "convert ring push", "convert ring src", "convert clamp f16", "convert clamp bf16")
	for _, m := range must {
		assert.True(t, seen[m], m)
	}
}

func TestBadCases(t *testing.T) {
	good := Params{Type: "f16", HeadDim: 32, Rows: 1, Groups: 2, GroupsPerToken: 1, Pages: 1, Bits: "3", Data: "normal"}
	for _, c := range []struct {
		name, kernel string
		change       func(*Params)
		want         string
	}{
		{"kernel", "erase", func(p *Params) {}, `no kernel "erase"`},
		{"start", "convert", func(p *Params) { p.Out, p.Slots = "f16", 2 }, `start at "": must be push or src`},
		{"head dimension", "encode", func(p *Params) { p.HeadDim = 36 }, "multiple of 8"},
		{"lanes", "encode", func(p *Params) { p.Rows, p.Lanes = 512, 4 }, "4 lanes for 16384 elements: at most 2048 each"},
		{"page", "repack", func(p *Params) { p.Rows, p.Groups = 512, 33 }, "page of 540672 elements: at most 524288"},
		{"bits", "encode", func(p *Params) { p.Bits = "9" }, `bits "9"`},
		{"rule", "choose_bits", func(p *Params) { p.To = "5" }, `to "5": must be a rule`},
		{"new bits", "repack", func(p *Params) { p.To = "fewer" }, `to "fewer"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := good
			c.change(&p)
			_, err := Case{Name: "bad", Kernel: c.kernel, Params: p}.build()
			assert.ErrorContains(t, err, "conformance: bad: ")
			assert.ErrorContains(t, err, c.want)
		})
	}
}
