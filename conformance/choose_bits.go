package conformance

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// buildChooseBits decides the bits of stored groups; "to" is the rule.
func buildChooseBits(c Case) (*program, error) {
	params := c.Params
	r, ok := rules[params.To]
	if !ok {
		return nil, fmt.Errorf("to %q: must be a rule", params.To)
	}
	from, err := c.pagesByReference(c.rowsOf())
	if err != nil {
		return nil, err
	}
	decide := c
	decide.Params.Bits = params.To
	wants, err := decide.wants()
	if err != nil {
		return nil, err
	}
	push := shaders.ChooseBitsPush{
		Groups: uint32(params.total()), GroupsPerJob: uint32(params.Groups),
		GroupsPerToken: uint32(params.GroupsPerToken),
		MinBits:        r.min, MaxBits: r.max, Delta: r.delta,
	}
	p := &program{}
	in, planned, out := p.input("pages", from.of), p.input("plan", decide.rulePlan(from.at)), p.result("bits", params.total()+3)
	p.run(shaders.ChooseBits, params.spec(shaders.ChooseBits, 0), push.Bytes(), params.workgroups(params.total(), 1), in, planned, out, p.input("want", wants))
	return p, nil
}
