#version 450
#extension GL_GOOGLE_include_directive : require
// Bits of stored groups by the rule, from their ranges and importance.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a RuleJob
layout(set = 0, binding = 2, std430) writeonly buffer Bits { uint bits[]; };
layout(set = 0, binding = 3, std430) readonly buffer Want { float want[]; }; // weight w of group n
layout(push_constant) uniform Push {
    uint Groups;         // groups in this dispatch
    uint GroupsPerJob;   // groups of a page
    uint GroupsPerToken; // groups of a token in a page
    uint MinBits;        // 0..8
    uint MaxBits;        // MinBits..8, or 16
    float Delta;         // 0 paper, 1 authors
};
#include "lib/quantize.glsl"

void main() {
    uint n = gl_GlobalInvocationID.x;
    if (n >= Groups) return;
    RuleJob job = READ2(RuleJob, plan, 0u, n / GroupsPerJob);
    uint g = n % GroupsPerJob;
    uint at = job.at + rangesAt(GroupsPerJob) + g * RANGE_WORDS;
    uint low = WORD(pages, at), high = low & 0xffff0000u;
    if (TYPE == F32) high = WORD(pages, at + 1u);
    else low <<= 16;
    if (low == uint(KEY_INFINITE)) { // could not be quantized
        bits[n] = want[n] <= EVICT_WEIGHT ? EVICTED : RAW;
        return;
    }
    float extent = rangeOf(load(low), load(high)).extent;
    float c = uintBitsToFloat(plan[job.limits + g % GroupsPerToken]);
    bits[n] = ruleBits(extent, want[n], c, Delta, MinBits, MaxBits);
}
