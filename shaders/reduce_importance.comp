#version 450
#extension GL_GOOGLE_include_directive : require
// Weights w of groups (doc.go, Bits) from the importance of their tokens: the
// largest over the heads and layers of the group and the rows that are kept.
#include "lib/config.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Plan { uint plan[]; }; // of each page, from word Jobs on, a WeightJob
layout(set = 0, binding = 1, std430) readonly buffer Importance { uint importance[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Want { float want[]; };
layout(push_constant) uniform Push {
    uint Jobs;           // words of plan before the first job
    uint Groups;         // groups in this dispatch
    uint GroupsPerJob;   // groups of a page
    uint GroupsPerToken; // groups of a token in a page
    uint Heads;          // KV heads of a group
    uint Layers;         // layers of a group
    uint HeadStride;     // words from KV head to KV head
    uint LayerStride;    // words from layer to layer
    uint Rows;           // rows that are kept
    uint RowStride;      // words from row to row
    uint One;            // 1: the weight is 1, 0: the importance
};

// The importance that a code stands for.
float importanceOf(uint code) { return code == 0u ? 0.0 : uintBitsToFloat((code + 768u) << 20); }

void main() {
    uint n = gl_GlobalInvocationID.x;
    if (n >= Groups) return;
    WeightJob job = READ3(WeightJob, plan, Jobs, n / GroupsPerJob);
    uint g = n % GroupsPerJob, t = job.token + g / GroupsPerToken;
    bool seen = t < job.seen;
    uint at = job.importance + g % GroupsPerToken * Heads * HeadStride + t / 4u;
    uint most = 0u;
    for (uint i = 0u; i < (seen && One == 0u ? Rows * Layers * Heads : 0u); i++) {
        uint word = importance[at + i % Heads * HeadStride + i / Heads % Layers * LayerStride + i / Heads / Layers * RowStride];
        most = max(most, (word >> (t % 4u * 8u)) & 0xffu);
    }
    want[n] = !seen ? -1.0 : One != 0u ? 1.0 : importanceOf(most);
}
