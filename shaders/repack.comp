#version 450
#extension GL_GOOGLE_include_directive : require
// Page to page with at most as many bits a group: demotes, moves, compacts.
// A raw group that gets 0..8 bits is quantized from its rows in the page.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uvec4 src[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a RepackJob
layout(set = 0, binding = 2, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(push_constant) uniform Push {
    uint Groups; // groups of a page
};
#include "lib/quantize.glsl"
#include "lib/rewrite.glsl"

// One workgroup a page, some rows an invocation.
void main() {
    uint t = gl_LocalInvocationID.x;
    RepackJob job = READ4(RepackJob, plan, 0u, gl_WorkGroupID.x);
    copyHeader(job, t);
    uint first = t * rowsEach(Groups), end = min(first + rowsEach(Groups), Groups * ROWS);
    if (first >= end) return;
    for (RowMove m = firstRow(job, first); m.row < end; nextRow(m, job)) shortenRow(m);
}
