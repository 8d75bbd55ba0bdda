package vk

import "github.com/qaqvk/qaqvk/internal/spirv"

// floatSharing is true where the driver has one mode for all float widths, as
// VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE says.
type floatSharing struct{ rounding, denorm bool }

// request gives a module that has the f32 type the modes in m. A module with
// other float widths gets no mode that they would have to share.
func (m FloatModes) request(module *spirv.Module, shared floatSharing) []uint32 {
	var single, other bool
	for _, width := range module.FloatWidths() {
		single = single || width == 32
		other = other || width != 32
	}
	var modes []spirv.FloatMode
	if m.RoundingModeRTE && single && !(other && shared.rounding) {
		modes = append(modes, spirv.RoundingModeRTE)
	}
	if m.DenormPreserve && single && !(other && shared.denorm) {
		modes = append(modes, spirv.DenormPreserve)
	}
	return module.WithFloatModes(modes...)
}
