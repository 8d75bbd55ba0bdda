package paper

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qaqvk/qaqvk/internal/eval"
	"github.com/qaqvk/qaqvk/internal/peers"
)

// targets are the target errors of K and V along the curves of qaq.
var targets = [][2]float64{{0.001, 0.0005}, {0.005, 0.002}, {0.02, 0.01}, {0.1, 0.05}, {0.3, 0.2}}

// series are methods that make a curve, by rising compression.
type series struct {
	name    string
	methods []string
}

// uniformBits are the bits of the curves of uniform.
var uniformBits = []int{8, 6, 4, 3, 2}

// curves are the series of figure 3, of tables 1 and 2.
func curves() []series {
	evict := func(name string) []string {
		return []string{name + ":share=0.5", name + ":share=0.25", name + ":share=0.125"}
	}
	return []series{
		{"qaq", qaq("")}, {"qaq, authors' formula", spell("qaq-authors:key-error=%g,value-error=%g", "")},
		{"qaq, no outliers", qaq(",alpha=0")},
		{"uniform, 1 % outliers", uniform("uniform-%d-o1")}, {"uniform", uniform("uniform-%d")},
		{"h2o", evict("h2o")}, {"scissorhands", evict("scissorhands")},
		{"ggml, rotated", []string{"q4_0-hadamard"}}, {"ggml, rotated, less the mean key", []string{"q4_0-hadamard-mean"}},
		{"calibrated", []string{"calibrated:4", "calibrated:3", "calibrated:2.5", "calibrated:1.85", "calibrated:1.35"}},
		{"ggml", []string{"q8_0", "q4_0"}}, {"KIVI", []string{"kivi-3", "kivi-2"}}, {"TurboQuant", []string{"turbo-4", "turbo-3", "turbo-2"}},
	}
}

// taskSeries are the series that answer tasks too: those of figure 3 that a user
// picks between, with at most five points.
var taskSeries = []string{"qaq", "uniform, 1 % outliers", "h2o", "scissorhands", "ggml, rotated", "calibrated", "KIVI", "TurboQuant"}

// spared are the first points of a series that answer no tasks.
var spared = map[string]int{"calibrated": 2}

// tasked are those of the given series that answer tasks.
func tasked(list []series) []series {
	return slices.DeleteFunc(slices.Clone(list), func(s series) bool { return !slices.Contains(taskSeries, s.name) })
}

// answering are f16 and the methods that answer tasks: what a user may pick; figures
// 2a and 4, tables 2 and 3 and the other curves need none.
func answering(methods []eval.Method) (list []eval.Method) {
	names := []string{"f16"}
	for _, s := range tasked(curves()) {
		// Pages of one token, as questions have them, take calibrated seconds each: its
		// points that lose least go without.
		names = append(names, s.methods[min(len(s.methods)-1, spared[s.name]):]...)
	}
	return slices.DeleteFunc(slices.Clone(methods), func(m eval.Method) bool { return !slices.Contains(names, m.Name()) })
}

// blind is figure 4's other curve: bits that do not look at attention.
func blind() series { return series{"attention-blind", qaq(",blind=1")} }

// one is table 3's: importance of the last query alone.
func one() series { return series{"n = 1", qaq(",n=1")} }

func qaq(rest string) []string { return spell("qaq:key-error=%g,value-error=%g", rest) }

func spell(format, rest string) (list []string) {
	for _, e := range targets {
		list = append(list, fmt.Sprintf(format, e[0], e[1])+rest)
	}
	return list
}

func uniform(format string) (list []string) {
	for _, b := range uniformBits {
		list = append(list, fmt.Sprintf(format, b))
	}
	return list
}

// alone are the methods of figure 2a: bits of K or of V, the other as it came.
func alone(kind string) (list []string) {
	for b := 1; b <= 8; b++ {
		list = append(list, fmt.Sprintf("uniform-%d:only=%s", b, kind))
	}
	return list
}

// Methods are all that the exhibits need. A model that a peer's codec cannot hold does without that peer, one that has no profile
// without calibrated.
func Methods(shape peers.Shape, profile bool) ([]eval.Method, error) {
	list := []string{"f16"}
	list = append(append(list, alone("k")...), alone("v")...)
	for _, s := range append(curves(), blind(), one()) {
		if s.name == "calibrated" && !profile {
			continue
		}
		for _, name := range s.methods {
			if !strings.Contains(name, ":") && !strings.HasPrefix(name, "uniform") {
				if _, err := peers.New(name, shape); err != nil {
					continue
				}
			}
			list = append(list, name)
		}
	}
	return eval.Parse(strings.Join(list, ","))
}
