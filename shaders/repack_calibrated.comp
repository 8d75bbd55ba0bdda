#version 450
#extension GL_GOOGLE_include_directive : require
// Page of records to page with at most the old level for each token: demotes,
// moves, compacts. An invocation has a token.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uvec4 src[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a RecordRewriteJob
layout(set = 0, binding = 2, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(push_constant) uniform Push {
    uint Jobs;   // pages
    uint Tokens; // tokens of a page
};
#include "lib/rewrite_record.glsl"

void main() {
    uint n = gl_GlobalInvocationID.x, t = n % Tokens;
    if (n >= Jobs * Tokens) return;
    RecordRewriteJob job = READ6(RecordRewriteJob, plan, 0u, n / Tokens);
    if (t == 0u) rewriteHeader(job);
    shortenRecord(moveOf(job, t), job.table);
}
