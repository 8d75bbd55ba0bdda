#version 450
#extension GL_GOOGLE_include_directive : require
// Marks the sinks of layers, sums the decayed importance of their other tokens and
// turns the thresholds of levels into bounds on it. A workgroup has a layer.
#include "lib/config.glsl"
#include "lib/decay.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 1, std430) buffer Importance { uint importance[]; };
layout(push_constant) uniform Push {
    uint Jobs;       // words of plan before the first job; workgroup n has NormalizeJob n
    uint Thresholds; // words of plan before the thresholds of levels
};

shared uint sums[WORKGROUP];
shared uint counts[WORKGROUP];

// Marks the sinks among an invocation's tokens and sums the others.
void sumTokens(NormalizeJob job, uint lane) {
    uint sum = 0u, count = 0u;
    for (uint t = 2u * (job.first / 2u + lane); t < job.tokens; t += 2u * WORKGROUP) {
        uint at = job.importance + IMPORTANCE_HEADER + t / 2u, word = importance[at], marks = 0u;
        uvec2 pair = openedPair(word);
        for (uint i = 0u; i < 2u; i++) {
            bool unmarked = t + i >= job.first && t + i < job.tokens && pair[i] < SINK_MARK;
            bool sink = unmarked && pair[i] >= job.sink && t + i < job.stored, counts = unmarked && !sink;
            marks |= sink ? SINK_MARK >> 16 << 16u * i : 0u;
            sum = addImportance(sum, counts ? pair[i] : 0u);
            count += counts ? 1u : 0u;
        }
        if (marks != 0u) importance[at] = word | marks;
    }
    sums[lane] = sum;
    counts[lane] = count;
}

// A number of 64 bits.
struct Long {
    uint high;
    uint low;
};

// ceil(a*b / 2^16)
Long scaled(uint a, uint b) {
    Long x;
    umulExtended(a, b, x.high, x.low);
    uint low = x.low + 0xffffu;
    x.high += low < x.low ? 1u : 0u;
    return Long(x.high >> 16, (x.high << 16) | (low >> 16));
}

// The least n with n*count >= x, at most 2^32-1.
uint quotient(Long x, uint count) {
    uint below = 0u; // the largest with below*count < x
    for (uint bit = 0x80000000u; bit != 0u; bit >>= 1) {
        uint high, low;
        umulExtended(below | bit, count, high, low);
        if (high < x.high || (high == x.high && low < x.low)) below |= bit;
    }
    return below == 0xffffffffu || (x.high | x.low) == 0u ? below : below + 1u;
}

// The least importance of a token whose share of the mean passes a threshold.
uint boundOf(uint threshold, uint sum, uint count) {
    if (sum == 0u) return threshold <= 0x10000u ? 0u : 0xffffffffu;
    return quotient(scaled(threshold, sum), count);
}

void main() {
    uint lane = gl_LocalInvocationID.x;
    NormalizeJob job = READ5(NormalizeJob, plan, Jobs, gl_WorkGroupID.x);
    sumTokens(job, lane);
    barrier();
    uint sum = 0u, count = 0u;
    for (uint i = 0u; i < WORKGROUP; i++) {
        sum = addImportance(sum, sums[i]);
        count += counts[i];
    }
    for (uint j = lane; j < LEVEL_BOUNDS; j += WORKGROUP)
        importance[job.importance + j] = boundOf(plan[Thresholds + j], sum, count);
    if (lane != 0u) return;
    importance[job.importance + LEVEL_BOUNDS] = sum;
    importance[job.importance + LEVEL_BOUNDS + 1u] = count;
}
