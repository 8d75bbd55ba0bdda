package vk

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ProbeError says which property of f32 arithmetic a device lacks. Operands
// and results are bit patterns; operand c is used by a*b+c only.
type ProbeError struct {
	Device    string
	Property  string // "round to nearest even", "no contraction", "subnormals are kept or flushed to zero"
	Operation string // "a+b", "a-b", "a*b" or "a*b+c"
	Operands  [3]uint32
	Got, Want uint32
}

// Error is one line.
func (e *ProbeError) Error() string {
	return fmt.Sprintf("vk: device %q fails the numeric probe, %s: %s of a=%#08x b=%#08x c=%#08x is %#08x, want %#08x",
		e.Device, e.Property, e.Operation, e.Operands[0], e.Operands[1], e.Operands[2], e.Got, e.Want)
}

// What the probe found about subnormal results.
const (
	subnormalsKept    = "kept"
	subnormalsFlushed = "flushed"
)

// probe runs the probe kernel over probeTriples and checks every result.
func (d *Device) probe(h hooks) (string, error) {
	operands := probeTriples()
	got, err := d.runProbe(operands)
	if err != nil {
		return "", err
	}
	if h.probe != nil {
		h.probe(operands, got)
	}
	subnormals := subnormalsKept
	for i := range len(operands) / 3 {
		triple := [3]uint32(operands[3*i:])
		for op := range operations {
			flushed, fault := checkResult(op, triple, got[4*i+op])
			if fault != nil {
				fault.Device = d.info.Name
				return "", fault
			}
			if flushed {
				subnormals = subnormalsFlushed
			}
		}
	}
	return subnormals, nil
}

// runProbe returns four results per operand triple.
func (d *Device) runProbe(operands []uint32) ([]uint32, error) {
	triples := uint32(len(operands) / 3)
	in, err := d.NewBuffer("probe operands", int64(4*len(operands)), Upload)
	if err != nil {
		return nil, err
	}
	defer in.Release()
	out, err := d.NewBuffer("probe results", int64(16*triples), Download)
	if err != nil {
		return nil, err
	}
	defer out.Release()
	for i, w := range operands {
		binary.LittleEndian.PutUint32(in.Bytes()[4*i:], w)
	}
	if err := d.dispatchProbe(triples, in, out); err != nil {
		return nil, err
	}
	got := make([]uint32, 4*triples)
	for i := range got {
		got[i] = binary.LittleEndian.Uint32(out.Bytes()[4*i:])
	}
	return got, nil
}

func (d *Device) dispatchProbe(triples uint32, in, out *Buffer) error {
	workgroup := min(128, d.info.Limits.Invocations, d.info.Limits.WorkgroupSize)
	p, err := d.NewPipeline(shaders.Probe, shaders.Spec{Workgroup: workgroup}.Words(shaders.Probe))
	if err != nil {
		return err
	}
	r, err := d.NewRecorder()
	if err != nil {
		return err
	}
	defer r.Release()
	push := shaders.ProbePush{Triples: triples}.Bytes()
	r.Dispatch(p, push, (triples+workgroup-1)/workgroup, View{Buffer: in}, View{Buffer: out})
	r.Barrier(ToHost)
	if err := r.End(); err != nil {
		return err
	}
	f, err := d.Submit(r)
	if err != nil {
		return err
	}
	return f.Wait(context.Background())
}

// operations are the results of the probe kernel, in order. flush is applied
// to every intermediate and final result. The conversions keep the Go compiler
// from fusing.
var operations = []struct {
	name string
	eval func(a, b, c float32, flush func(float32) float32) float32
}{
	{"a+b", func(a, b, _ float32, flush func(float32) float32) float32 { return flush(float32(a + b)) }},
	{"a-b", func(a, b, _ float32, flush func(float32) float32) float32 { return flush(float32(a - b)) }},
	{"a*b", func(a, b, _ float32, flush func(float32) float32) float32 { return flush(float32(a * b)) }},
	{"a*b+c", func(a, b, c float32, flush func(float32) float32) float32 {
		return flush(float32(flush(float32(a*b)) + c))
	}},
}

// checkResult compares one result with IEEE 754 and, where a subnormal is
// involved, with the same computation with zeros for subnormal operands,
// results or both. The sign of a zero is free. It tells whether a subnormal
// came as zero.
func checkResult(op int, triple [3]uint32, got uint32) (flushed bool, fault *ProbeError) {
	a, b, c := math.Float32frombits(triple[0]), math.Float32frombits(triple[1]), math.Float32frombits(triple[2])
	eval := operations[op].eval
	want := eval(a, b, c, keep)
	if same(got, want) {
		return false, nil
	}
	alternatives := []float32{
		eval(a, b, c, flush),
		eval(flush(a), flush(b), flush(c), keep),
		eval(flush(a), flush(b), flush(c), flush),
	}
	subnormal := false
	for _, v := range alternatives {
		if same(got, v) {
			return true, nil
		}
		subnormal = subnormal || !same(math.Float32bits(v), want)
	}
	property := "round to nearest even"
	switch {
	case op == 3 && same(got, fused(a, b, c)):
		property = "no contraction"
	case subnormal:
		property = "subnormals are kept or flushed to zero"
	}
	return false, &ProbeError{Property: property, Operation: operations[op].name,
		Operands: triple, Got: got, Want: math.Float32bits(want)}
}

func keep(x float32) float32 { return x }

// flush makes subnormals zero.
func flush(x float32) float32 {
	if math.Float32bits(x)&0x7f800000 == 0 {
		return 0
	}
	return x
}

// same compares a result with a value, either zero for a zero.
func same(got uint32, want float32) bool {
	bits := math.Float32bits(want)
	return got == bits || (got|bits)<<1 == 0
}

// fused is a*b+c with one rounding but for rare double roundings; it only
// serves to name a fault.
func fused(a, b, c float32) float32 {
	return float32(math.FMA(float64(a), float64(b), float64(c)))
}
