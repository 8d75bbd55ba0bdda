package cpuref

import (
	"errors"
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ReadPage returns the view of a page that came from anywhere, such as a file
// or a peer, after checking everything that the contract says of a page: what
// OpenPage checks, and ranges, outliers and padding. Errors wrap ErrPage.
func ReadPage(l shaders.Layout, words []uint32) (*Page, error) {
	if err := l.Check(); err != nil {
		return nil, fmt.Errorf("cpuref: page: %w", err)
	}
	p, err := OpenPage(l, words)
	if err != nil {
		return nil, fmt.Errorf("cpuref: page: %w", err)
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("cpuref: page: %w: %w", ErrPage, err)
	}
	return p, nil
}

func (p *Page) validate() error {
	unquantizable := uint32(0)
	for g := range p.Bits {
		quantizes, err := p.validateRange(g)
		if err == nil {
			err = p.validateOutliers(g, quantizes)
		}
		if err == nil {
			err = p.validateRows(g)
		}
		if err != nil {
			return fmt.Errorf("group %d: %w", g, err)
		}
		if !quantizes {
			unquantizable++
		}
	}
	if p.Words[3] != unquantizable {
		return fmt.Errorf("%d groups that could not be quantized: header says %d", unquantizable, p.Words[3])
	}
	return p.validatePadding()
}

// validateRange checks the range of group g: two loaded finite values in order,
// not too far apart, or (+inf, -inf) of a raw group.
func (p *Page) validateRange(g int) (quantizes bool, err error) {
	e := elements{p.Layout.Type, p.RangeWords(g)}
	min, max := p.loaded(e.at(0)), p.loaded(e.at(1))
	if math.IsInf(float64(min), 1) && math.IsInf(float64(max), -1) {
		if p.Bits[g] != shaders.Raw {
			return false, fmt.Errorf("%d bits: it could not be quantized", p.Bits[g])
		}
		return false, nil
	}
	// Written so that NaN fails.
	if !(min <= max && max-min < rangeLimit) {
		return false, fmt.Errorf("range %#x..%#x: must be finite, in order and less than 2^126", e.at(0), e.at(1))
	}
	return true, nil
}

// loaded returns an element's value, NaN if it is one that loading changes.
func (p *Page) loaded(element uint32) float32 {
	x := Load(p.Layout.Type, element)
	if Narrow(p.Layout.Type, math.Float32bits(x)) != element {
		return float32(math.NaN())
	}
	return x
}

// validateOutliers checks that the outliers of group g are different elements,
// in the order of their index at each end, and outside the range; those of a
// group that could not be quantized are zero.
func (p *Page) validateOutliers(g int, quantizes bool) error {
	min, max, _ := p.Range(g)
	seen := make(map[int]bool, p.Layout.Outliers())
	last := -1
	for k := range p.Layout.Outliers() {
		index, element := p.Outlier(g, k)
		if !quantizes {
			if index != 0 || element != 0 {
				return fmt.Errorf("outlier %d: it could not be quantized and has none", k)
			}
			continue
		}
		if k == p.Layout.Low {
			last = -1
		}
		if index >= p.Layout.Group() || index <= last || seen[index] {
			return fmt.Errorf("outlier %d: index %d: must ascend below %d, once each", k, index, p.Layout.Group())
		}
		x := p.loaded(element)
		if low := k < p.Layout.Low; !(low && x <= min || !low && x >= max) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("outlier %d: %#x: must be finite and outside the range", k, element)
		}
		last, seen[index] = index, true
	}
	return nil
}

// validateRows checks the padding of the rows of group g, where they are strings
// of codes.
func (p *Page) validateRows(g int) error {
	used := int(p.Bits[g]) * p.Layout.HeadDim
	if p.Bits[g] == 0 || p.Bits[g] > 8 {
		return nil
	}
	for r := range p.Layout.Rows {
		if err := padding("row", p.Row(g, r), used); err != nil {
			return err
		}
	}
	return nil
}

// validatePadding checks what lies between the parts before the codes.
func (p *Page) validatePadding() error {
	l, n := p.Layout, p.Len()
	k := n * l.Outliers()
	ranges, values, indices, codes := l.RangesAt(n), l.OutlierValuesAt(n), l.OutlierIndicesAt(n), l.PageHeaderWords(n)
	if err := padding("bits", p.Words[shaders.HeaderWords:ranges], 4*n); err != nil {
		return err
	}
	if err := padding("outlier values", p.Words[values:indices], 8*k*l.ElementBytes()); err != nil {
		return err
	}
	used := indices + l.OutlierIndexWords(n)
	if err := padding("outlier indices", p.Words[indices:used], k*l.IndexBits()); err != nil {
		return err
	}
	for _, w := range p.Words[used:codes] {
		if w != 0 {
			return errors.New("padding before the codes: must be zero")
		}
	}
	return nil
}

// padding checks that the bits of the last word behind the used ones are zero.
func padding(name string, words []uint32, used int) error {
	if used%32 != 0 && words[len(words)-1]>>(used%32) != 0 {
		return fmt.Errorf("padding of %s: must be zero", name)
	}
	return nil
}
