package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/peers"
)

// family are methods that one function makes: those of its name, or, where the
// name ends in a dash, those that begin with it.
type family struct {
	name string
	make func(p *parameters) (Method, error)
}

// families are all but f16 and the peers. A new method is added here.
var families = []family{
	{"uniform-", uniform},
	{"qaq", qaq(policy.Paper)},
	{"qaq-authors", qaq(policy.Authors)},
	{"calibrated", calibrated},
	{"h2o", evicting(h2o)},
	{"scissorhands", evicting(scissorhands)},
}

// Parse reads methods as the command line has them, separated by commas:
// "f16,qaq:key-error=0.005,alpha=0.01,h2o:256". A part with an equals sign and
// no colon belongs to the method before it. Errors wrap ErrMethod.
func Parse(text string) (methods []Method, err error) {
	for _, spec := range split(text) {
		m, err := parseOne(spec)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(methods, func(o Method) bool { return o.Name() == m.Name() }) {
			return nil, fmt.Errorf("eval: method %q: given twice: %w", spec, ErrMethod)
		}
		methods = append(methods, m)
	}
	return methods, nil
}

// split cuts at the commas between methods.
func split(text string) (specs []string) {
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if n := len(specs); n > 0 && strings.Contains(part, "=") && !strings.Contains(part, ":") {
			joint := ","
			if !strings.Contains(specs[n-1], ":") {
				joint = ":"
			}
			specs[n-1] += joint + part
			continue
		}
		specs = append(specs, part)
	}
	return specs
}

func parseOne(spec string) (Method, error) {
	name, text, _ := strings.Cut(spec, ":")
	p, err := readParameters(spec, text)
	if err != nil {
		return nil, err
	}
	if name == f16 || slices.Contains(peers.Names(), name) {
		return coded{name}, p.done()
	}
	for _, f := range families {
		rest, begins := strings.CutPrefix(name, f.name)
		if begins && (rest == "" || strings.HasSuffix(f.name, "-")) {
			p.rest = rest
			return f.make(p)
		}
	}
	return nil, fmt.Errorf("eval: method %q: known are %s: %w", spec, strings.Join(Known(), ", "), ErrMethod)
}

// Known are the names of all methods, with letters for their numbers.
func Known() []string {
	known := append([]string{f16}, peers.Names()...)
	return append(known, "uniform-B", "uniform-B-oP", "qaq", "qaq-authors", "calibrated", "calibrated:B", "h2o:N", "scissorhands:N", "h2o:share=S")
}
