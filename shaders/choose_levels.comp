#version 450
#extension GL_GOOGLE_include_directive : require
// Levels of tokens by the bounds of their layer and their decayed importance.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/decay.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Plan { uint plan[]; }; // of each page, from word Jobs on, a LevelJob
layout(set = 0, binding = 1, std430) readonly buffer Importance { uint importance[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Levels { uint levels[]; };
layout(push_constant) uniform Push {
    uint Jobs;         // words of plan before the first job
    uint Tokens;       // tokens in this dispatch
    uint TokensPerJob; // tokens of a page
    uint First;        // tokens at the beginning that stay raw
    uint Mean;         // level of a token as important as the mean
};

// How many of a layer's bounds a token's importance reaches.
uint levelOf(uint layer, uint word) {
    uint level = 0u;
    for (uint j = 0u; j < LEVEL_BOUNDS; j++) level += word >= importance[layer + j] ? 1u : 0u;
    return level;
}

void main() {
    uint n = gl_GlobalInvocationID.x;
    if (n >= Tokens) return;
    LevelJob job = READ3(LevelJob, plan, Jobs, n / TokensPerJob);
    uint t = job.token + n % TokensPerJob;
    bool seen = t < job.seen;
    uint word = seen ? opened(importance[job.importance + IMPORTANCE_HEADER + t / 2u] >> 16u * (t % 2u) & 0xffffu) : 0u;
    uint level = seen ? levelOf(job.importance, word) : Mean;
    levels[n] = t < First || word >= SINK_MARK ? RAW : level;
}
