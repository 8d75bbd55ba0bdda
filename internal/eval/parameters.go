package eval

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/qaqvk/qaqvk/backend"
)

// ErrMethod says that a method cannot be understood.
var ErrMethod = errors.New("no such method")

// parameters are those of one method of the command line, "name:key=value,…"; a
// value without a key has the key "". The first mistake is kept for done.
type parameters struct {
	name   string // as given
	rest   string // of the name, behind that of the family
	values map[string]string
	known  []string
	err    error
}

// readParameters splits the text of a method behind its colon.
func readParameters(name, text string) (*parameters, error) {
	p := &parameters{name: name, values: map[string]string{}}
	if text == "" {
		return p, nil
	}
	for _, part := range strings.Split(text, ",") {
		key, value, found := strings.Cut(part, "=")
		if !found {
			key, value = "", part
		}
		if _, twice := p.values[key]; twice || value == "" {
			return nil, p.fail("parameter %q: given twice, or empty", part)
		}
		p.values[key] = value
	}
	return p, nil
}

// fail is an error about the method.
func (p *parameters) fail(format string, args ...any) error {
	return fmt.Errorf("eval: method %q: %w: %w", p.name, fmt.Errorf(format, args...), ErrMethod)
}

// take returns a value once, and whether it was given.
func (p *parameters) take(key string) (string, bool) {
	p.known = append(p.known, key)
	v, ok := p.values[key]
	delete(p.values, key)
	return v, ok
}

func (p *parameters) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

// number takes a number from least to most.
func (p *parameters) number(key string, def, least, most float64) float64 {
	text, ok := p.take(key)
	if !ok {
		return def
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= least && v <= most) {
		p.keep(p.fail("%s %s: must be %g to %g", key, text, least, most))
	}
	return v
}

// above takes a number above 0.
func (p *parameters) above(key string, def float64) float64 {
	const most = 1e6
	v := p.number(key, def, 0, most)
	if v == 0 {
		p.keep(p.fail("%s 0: must be above 0, at most %g", key, most))
	}
	return v
}

// integer takes a number from least to most; def below least: it must be given.
func (p *parameters) integer(key string, def, least, most int) int {
	text, ok := p.take(key)
	if !ok {
		if def < least {
			p.keep(p.fail("a number is missing behind the colon, %d to %d", least, most))
		}
		return def
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < least || v > most {
		p.keep(p.fail("%s: must be a whole number, %d to %d", strings.TrimSpace(key+" "+text), least, most))
	}
	return v
}

// word takes one of some words.
func (p *parameters) word(key, def string, of ...string) string {
	text, ok := p.take(key)
	if !ok {
		return def
	}
	if !slices.Contains(of, text) {
		p.keep(p.fail("%s %s: must be one of %v", key, text, of))
	}
	return text
}

// level takes a level of groups.
func (p *parameters) level(key string) backend.Level {
	text, ok := p.take(key)
	if !ok {
		return backend.LevelHead
	}
	l, err := backend.ParseLevel(text)
	if err != nil {
		p.keep(p.fail("%s: %w", key, err))
	}
	return l
}

// done returns the first mistake, or what was given and not taken.
func (p *parameters) done() error {
	if p.err == nil && len(p.values) > 0 {
		known := slices.DeleteFunc(p.known, func(k string) bool { return k == "" })
		return p.fail("parameter %q: known are %v", slices.Sorted(maps.Keys(p.values))[0], known)
	}
	return p.err
}
