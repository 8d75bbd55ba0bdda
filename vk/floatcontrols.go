package vk

import "slices"

// floatSharing is true where the driver has one mode for all float widths, as
// VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE says.
type floatSharing struct{ rounding, denorm bool }

// SPIR-V numbers of SPV_KHR_float_controls and of the places of its words.
const (
	opExtension              = 10
	opEntryPoint             = 15
	capabilityDenormPreserve = 4464
	capabilityRTE            = 4467
	modeDenormPreserve       = 4459
	modeRTE                  = 4462
)

// floatControlsName is "SPV_KHR_float_controls", its zero and padding, as words.
var floatControlsName = []uint32{0x5f565053, 0x5f52484b, 0x616f6c66, 0x6f635f74, 0x6f72746e, 0x736c}

// floatPlaces is what inserting modes needs to know of a module.
type floatPlaces struct {
	capabilities int // word behind the last capability
	modes        int // word behind the last entry point
	entries      []uint32
	float32      bool // it declares the type, as every module with f32 arithmetic does
	other        bool // it declares another float width
}

func findFloatPlaces(words []uint32) (floatPlaces, error) {
	p := floatPlaces{capabilities: 5}
	err := eachInstruction(words, func(at int, op uint32, args []uint32) error {
		end := at + 1 + len(args)
		switch {
		case op == opCapability:
			p.capabilities = end
		case op == opEntryPoint && len(args) > 1:
			p.modes = end
			p.entries = append(p.entries, args[1])
		case op == opTypeFloat && len(args) > 1:
			p.float32 = p.float32 || args[1] == 32
			p.other = p.other || args[1] != 32
		}
		return nil
	})
	return p, err
}

// request gives a module that has the f32 type the modes in m: capabilities,
// extension and execution modes are inserted, the rest stays as it is. A module
// with other float widths gets no mode that they would have to share.
func (m FloatModes) request(words []uint32, shared floatSharing) ([]uint32, error) {
	p, err := findFloatPlaces(words)
	if err != nil {
		return nil, err
	}
	var capabilities, modes []uint32
	add := func(capability, mode uint32) {
		capabilities = append(capabilities, 2<<16|opCapability, capability)
		for _, entry := range p.entries {
			modes = append(modes, 4<<16|opExecutionMode, entry, mode, 32)
		}
	}
	if m.RoundingModeRTE && !(p.other && shared.rounding) {
		add(capabilityRTE, modeRTE)
	}
	if m.DenormPreserve && !(p.other && shared.denorm) {
		add(capabilityDenormPreserve, modeDenormPreserve)
	}
	if !p.float32 || len(modes) == 0 {
		return words, nil
	}
	extension := append([]uint32{uint32(1+len(floatControlsName))<<16 | opExtension}, floatControlsName...)
	return slices.Concat(words[:p.capabilities], capabilities, extension,
		words[p.capabilities:p.modes], modes, words[p.modes:]), nil
}
