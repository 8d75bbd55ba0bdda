#version 450
#extension GL_GOOGLE_include_directive : require
// Page to page with at most as many bits a group: demotes, moves, compacts.
// A raw group that gets 0..8 bits is quantized from its rows in the page.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uvec4 src[]; };
// Job j, four words from 4j: offset of the old page in src, offset of the new
// page in dst, index in plan of the new bits words, size of the new page.
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(push_constant) uniform Push {
    uint Groups; // groups of a page
};
#include "lib/quantize.glsl"
#include "lib/rewrite.glsl"

// One workgroup a page, some rows an invocation.
void main() {
    uint t = gl_LocalInvocationID.x, job = 4u * gl_WorkGroupID.x;
    uint from = plan[job], to = plan[job + 1u], bits = plan[job + 2u];
    copyHeader(from, to, bits, plan[job + 3u], t);
    uint first = t * rowsEach(Groups), end = min(first + rowsEach(Groups), Groups * ROWS);
    if (first >= end) return;
    for (RowMove m = firstRow(from, to, bits, first); m.row < end; nextRow(m, from, bits)) shortenRow(m);
}
