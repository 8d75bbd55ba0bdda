package reference

import (
	"encoding/json"
	"fmt"
	"math"
)

// Result compares a case with what the kernels returned for it.
type Result struct {
	Name         string  `json:"name"`
	Groups       int     `json:"groups"`
	WrongMask    int     `json:"wrong_mask"`    // elements that only one side calls an outlier, ties apart
	Ties         int     `json:"ties"`          // elements that the authors' threshold adds because they equal an outlier
	WrongBits    int     `json:"wrong_bits"`    // groups whose bits differ
	MSE          float64 `json:"mse"`           // ours, over all elements
	ReferenceMSE float64 `json:"reference_mse"` // the authors'
	MSEBound     bool    `json:"mse_bound"`     // ours must not exceed theirs
	Pass         bool    `json:"pass"`
}

// Check runs a case and compares. Masks and bits must be equal; where there
// are outliers and the method is uniform our error must not exceed theirs. The
// number of outliers is fixed here, while the authors take everything up to a
// threshold, so elements equal to the last outlier of an end may be theirs
// only: these count as Ties.
func Check(c *Case, run Run) (Result, error) {
	d := newCodec(c, run)
	bits, err := d.encode()
	if err != nil {
		return Result{}, err
	}
	page, err := d.pack(bits)
	if err != nil {
		return Result{}, err
	}
	got, err := d.decode(page)
	if err != nil {
		return Result{}, err
	}
	p := c.Parameters
	r := Result{
		Name: c.Name, Groups: c.Groups(),
		MSE: c.meanSquaredError(got), ReferenceMSE: c.meanSquaredError(c.Dequantized),
		MSEBound: p.Alpha > 0 && p.Method == "uniform",
	}
	r.WrongMask, r.Ties = c.compareMask(d.outliers(bits))
	for g, b := range bits {
		if b != c.Bits[g] {
			r.WrongBits++
		}
	}
	r.Pass = r.WrongMask == 0 && r.WrongBits == 0 && (!r.MSEBound || r.MSE <= r.ReferenceMSE)
	return r, nil
}

// MarshalJSON gives null for an error that is no finite number: JSON has none.
func (r Result) MarshalJSON() ([]byte, error) {
	type fields Result
	return json.Marshal(struct {
		fields
		MSE          *float64 `json:"mse"`
		ReferenceMSE *float64 `json:"reference_mse"`
	}{fields(r), finite(r.MSE), finite(r.ReferenceMSE)})
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// Ratio is our mean squared error over theirs.
func (r Result) Ratio() float64 { return r.MSE / r.ReferenceMSE }

// String is the result in one line.
func (r Result) String() string {
	verdict, bound := "FAIL", "mse ratio"
	if r.Pass {
		verdict = "ok"
	}
	if r.MSEBound {
		bound = "mse ratio (at most 1)"
	}
	return fmt.Sprintf("%s: %d groups, outliers %s, bits %s, %s %.4f: %s", r.Name, r.Groups,
		r.outliers(), count(r.WrongBits), bound, r.Ratio(), verdict)
}

func (r Result) outliers() string {
	if r.Ties > 0 {
		return fmt.Sprintf("%s but for %d tied", count(r.WrongMask), r.Ties)
	}
	return count(r.WrongMask)
}

func count(wrong int) string {
	if wrong == 0 {
		return "exact"
	}
	return fmt.Sprintf("%d wrong", wrong)
}

// compareMask counts the elements that differ from the authors' mask.
func (c *Case) compareMask(ours []bool) (wrong, ties int) {
	size := c.layout().Group()
	for i, theirs := range c.Outliers {
		if ours[i] == theirs {
			continue
		}
		from := i / size * size
		if theirs && c.tied(i, from, ours[from:from+size]) {
			ties++
		} else {
			wrong++
		}
	}
	return wrong, ties
}

// tied tells whether element i equals an outlier of its group.
func (c *Case) tied(i, from int, mask []bool) bool {
	for k, outlier := range mask {
		if outlier && c.Cache[from+k] == c.Cache[i] {
			return true
		}
	}
	return false
}

// meanSquaredError compares elements with the cache.
func (c *Case) meanSquaredError(got []float32) float64 {
	sum := 0.0
	for i, x := range c.Cache {
		d := float64(got[i]) - float64(x)
		sum += d * d
	}
	return sum / float64(len(c.Cache))
}
