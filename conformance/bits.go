package conformance

import (
	"fmt"
	"math"
	"strconv"

	"github.com/qaqvk/qaqvk/shaders"
)

// rule is the decision that a case asks for with "bits".
type rule struct {
	min, max uint32
	delta    float32
}

var rules = map[string]rule{
	"rule-paper":   {0, 8, 0},
	"rule-authors": {1, shaders.Raw, 1},
	"rule-narrow":  {2, 4, 0},
	"rule-fixed":   {3, 3, 1},
	"rule-evict":   {0, shaders.Raw, 0}, // a quarter of the weights evict
}

// widths are all bit widths, in the order in which "cycle" hands them out.
var widths = []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, shaders.Raw}

// evicting are the widths of groups of which some are evicted.
var evicting = append([]uint8{shaders.Evicted}, widths...)

// wants are the words of what each group wants, by "bits": "cycle"
// gives group n the width n of all widths, "evict" of those with evicted ones, "pages" those of page n, a number
// gives it to all, the name of a rule gives importances.
func (c Case) wants() ([]uint32, error) {
	words := make([]uint32, c.Params.total())
	if _, ok := rules[c.Params.Bits]; ok {
		rng := c.rng(2)
		for n := range words {
			words[n] = math.Float32bits(importance(rng.Uint32()))
			if c.Params.Bits == "rule-evict" && rng.IntN(4) == 0 {
				words[n] = math.Float32bits(-2)
			}
		}
		return words, nil
	}
	for n := range words {
		b, err := bitsOf(c.Params.Bits, n, c.Params.Groups)
		if err != nil {
			return nil, err
		}
		words[n] = uint32(b)
	}
	return words, nil
}

// bitsOf is the width of group n, of so many groups a page.
func bitsOf(how string, n, groups int) (uint8, error) {
	switch how {
	case "cycle":
		return widths[n%len(widths)], nil
	case "evict":
		return evicting[n%len(evicting)], nil
	case "pages":
		return widths[n/groups%len(widths)], nil
	}
	b, err := strconv.ParseUint(how, 10, 8)
	if err != nil || !shaders.ValidBits(uint8(b)) {
		return 0, fmt.Errorf("bits %q: must be 0..8, 14, 16, cycle, evict, pages or a rule", how)
	}
	return uint8(b), nil
}

// importance is a w of the rule: zero, pinned, the largest, a power of two
// (products that are exact meet the bound exactly) or any.
func importance(r uint32) float32 {
	switch r % 16 {
	case 0:
		return 0
	case 1:
		return -1
	case 2:
		return 1 << 20
	case 3:
		return math.Float32frombits(0x007ffffd + r>>8%7) // subnormal, or the product may be
	case 4, 5, 6, 7, 8:
		return float32(math.Ldexp(1, int(r>>4%9)-4))
	}
	return float32(math.Ldexp(float64(r>>8), -24))
}

// limits are the c of each page's groups of a token.
func (c Case) limits() [][]float32 {
	rng := c.rng(3)
	limits := make([]float32, c.Params.Pages*c.Params.GroupsPerToken)
	for i := range limits {
		mantissa := []float64{1, 1.5, 1 + math.Ldexp(float64(rng.Uint32()>>9), -23)}[rng.IntN(3)]
		limits[i] = float32(math.Ldexp(mantissa, rng.IntN(14)-10))
	}
	if len(limits) > 4 {
		limits[1], limits[2], limits[3] = 0, 0x1p100, math.Float32frombits(0x007fffff)
	}
	return byPage(limits, c.Params.Pages)
}

// rulePlan is the plan of encode and choose_bits for pages at the given places.
func (c Case) rulePlan(places []int) []uint32 {
	at := make([]uint32, c.Params.Pages)
	for j := range at {
		at[j] = uint32(places[j])
	}
	return shaders.RulePlan(at, c.limits())
}
