#version 450
// Page to page with any bits: what the old page lacks comes from supply.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uint src[]; };
// Job j, five words from 5j: as in repack, then the offset in supply of what
// its promoted groups lack: group after group, row after row, the missing
// planes as a row string of (new - old) * D bits, or the raw row.
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) readonly buffer Supply { uint supply[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Dst { uint dst[]; };
layout(push_constant) uniform Push {
    uint Groups; // groups of a page
};
