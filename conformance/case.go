package conformance

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/qaqvk/qaqvk/shaders"
)

// Case is one line of cases.json.
type Case struct {
	Name   string `json:"name"`   // Kernel and Params.String()
	Kernel string `json:"kernel"` // a kernel's name, "nesting", "attend" or "splitting", or those with _calibrated
	Params Params `json:"params"`
	Seed   uint64 `json:"seed"`
}

// Params say what a case runs on. Not every kernel reads all of them.
type Params struct {
	Type           string  `json:"type,omitempty"`             // of the rows: f32, f16, bf16
	Out            string  `json:"out,omitempty"`              // of decoded or converted rows
	HeadDim        int     `json:"head_dim,omitempty"`         // D
	Rows           int     `json:"rows,omitempty"`             // rows of a group
	Groups         int     `json:"groups,omitempty"`           // groups of a page; rows, vectors or triples where there are none
	GroupsPerToken int     `json:"groups_per_token,omitempty"` // groups of a token in a page
	Pages          int     `json:"pages,omitempty"`            // pages (jobs) of a dispatch
	Alpha          float64 `json:"alpha,omitempty"`            // fraction of outliers
	Lanes          uint32  `json:"lanes,omitempty"`
	Held           uint32  `json:"held,omitempty"` // 1: STAGED of encode
	Workgroup      uint32  `json:"workgroup,omitempty"`
	Bits           string  `json:"bits,omitempty"`      // of the encoded groups: see bitsOf
	To             string  `json:"to,omitempty"`        // of repacked or promoted groups: see newBits
	RowFirst       int     `json:"row_first,omitempty"` // first row of each group to decode
	RowCount       int     `json:"row_count,omitempty"` // rows of each group to decode; 0: all
	Slots          int     `json:"slots,omitempty"`     // places of the ring that convert writes tokens to; 0: one after another
	Start          uint32  `json:"start,omitempty"`     // number of the first token that is written to them
	StartAt        string  `json:"start_at,omitempty"`  // "push" or "src": where convert finds Start
	Clamp          bool    `json:"clamp,omitempty"`     // convert clamps finite elements that would become infinite
	Data           string  `json:"data,omitempty"`      // values of the rows: see data.go

	Calibrated *Calibrated `json:"calibrated,omitempty"` // for the kernels of the calibrated codec: Rows are KV heads, Groups tokens of a page, Bits and To levels

	Attention *Attention `json:"attention,omitempty"` // for the kernels of attention; rows, groups and pages follow from it
}

//go:embed cases.json
var casesJSON []byte

// Cases lists all cases in the order in which they count in the digest.
func Cases() ([]Case, error) {
	var cases []Case
	d := json.NewDecoder(bytes.NewReader(casesJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&cases); err != nil {
		return nil, fmt.Errorf("conformance: cases.json: %w", err)
	}
	return cases, nil
}

// String is the parameters as they appear in a case's name, e.g.
// "f16/d128/r1/g33x2t4/a0.01/l1/w128/rule-paper/normal".
func (p Params) String() string {
	var parts []string
	add := func(present bool, format string, args ...any) {
		if present {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(p.Type != "", "%s", p.Type)
	add(p.Out != "", "to-%s", p.Out)
	add(p.HeadDim > 0, "d%d", p.HeadDim)
	if p.Attention != nil {
		parts = append(parts, p.Attention.String())
	}
	if p.Calibrated != nil {
		parts = append(parts, p.Calibrated.String())
	}
	add(p.Rows > 0, "r%d", p.Rows)
	add(p.Pages > 0, "g%dx%dt%d", p.Groups, p.Pages, p.GroupsPerToken)
	add(p.Pages == 0 && p.Attention == nil, "n%d", p.Groups)
	add(p.Calibrated == nil && (p.Rows > 0 || p.Attention != nil && p.Bits != ""), "a%v", p.Alpha)
	add(p.Lanes > 0, "l%d", p.Lanes)
	add(p.Held > 0, "held")
	add(p.Workgroup > 0, "w%d", p.Workgroup)
	add(p.Bits != "", "%s", p.Bits)
	add(p.To != "", "to-%s", p.To)
	add(p.RowCount > 0, "rows%d-%d", p.RowFirst, p.RowFirst+p.RowCount)
	add(p.Slots > 0, "ring%d-from%d-in-%s", p.Slots, p.Start, p.StartAt)
	add(p.Clamp, "clamp")
	add(p.Data != "", "%s", p.Data)
	return strings.Join(parts, "/")
}

// typeOf is the value of TYPE or OUT_TYPE for a name.
func typeOf(name string) uint32 {
	return map[string]uint32{"f32": shaders.TypeF32, "f16": shaders.TypeF16, "bf16": shaders.TypeBF16}[name]
}

func (p Params) layout() shaders.Layout {
	l := shaders.Layout{Type: typeOf(p.Type), HeadDim: p.HeadDim, Rows: p.Rows}
	l.Low, l.High = shaders.Outliers(p.Alpha, l.Group())
	return l
}

// total is the groups of all pages.
func (p Params) total() int { return p.Groups * p.Pages }

// rng is the case's random numbers; one stream a purpose, so that the same
// seed gives the same rows to every kernel.
func (c Case) rng(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }

// spec gives the values of a kernel's constants; ring is 1 where it reads the
// recent window.
func (p Params) spec(k *shaders.Kernel, ring uint32) []uint32 {
	l := p.layout()
	s := shaders.Spec{
		Workgroup: max(p.Workgroup, 1), Lanes: 1, Type: l.Type, OutType: shaders.TypeF16,
		HeadDim: uint32(l.HeadDim), Rows: uint32(l.Rows), Low: uint32(l.Low), High: uint32(l.High), Queries: 1,
	}
	if p.Attention != nil {
		s.Queries, s.Ring, s.Staged = uint32(max(p.Attention.Tile, 1)), ring, p.Attention.Staged
	}
	switch k {
	case shaders.Encode, shaders.Decode, shaders.Convert:
		s.Lanes = max(p.Lanes, 1)
	}
	if k == shaders.Encode {
		s.Staged = p.Held
	}
	switch k {
	case shaders.Decode, shaders.Convert, shaders.Combine, shaders.DecodeCalibrated, shaders.CombineCalibrated:
		s.OutType = typeOf(p.Out)
	}
	return s.Words(k)
}

// workgroups covers n items of some lanes each.
func (p Params) workgroups(n int, lanes uint32) int {
	w := int(max(p.Workgroup, 1))
	return (n*int(max(lanes, 1)) + w - 1) / w
}
