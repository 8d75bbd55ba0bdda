#version 450
// Page to page with at most as many bits a group: demotes, moves, compacts.
// A raw group that gets 0..8 bits is quantized from its rows in the page.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uint src[]; };
// Job j, four words from 4j: offset of the old page in src, offset of the new
// page in dst, index in plan of the new bits words, size of the new page.
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Dst { uint dst[]; };
layout(push_constant) uniform Push {
    uint Groups; // groups of a page
};
