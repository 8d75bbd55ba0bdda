#version 450
#extension GL_GOOGLE_include_directive : require
// Importance of tokens: the largest probability that a KV head's last queries
// gave them. An invocation has a word, two tokens.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Plan { uint plan[]; }; // a frame
layout(set = 0, binding = 1, std430) readonly buffer Scores { float scores[]; };
layout(set = 0, binding = 2, std430) buffer Importance { uint importance[]; };
layout(push_constant) uniform Push {
    uint Vectors;     // query vectors of a KV head, V
    uint VectorFirst; // first vector that counts
    uint Heads;       // KV heads
    uint Stride;      // tokens that scores have room for
    uint At;          // words before the importance of KV head 0
    uint HeadStride;  // words from KV head to KV head
    uint Keep;        // 1: the larger of old and new stays, 0: the new
};

uint codeOf(float p) { return (floatBitsToUint(p) + 0x7fffu) >> 15; }

// The largest probability of token t for KV head h.
float largest(uint h, uint t) {
    float most = 0.0;
    if (t < plan[1] || t >= plan[0]) return most;
    for (uint v = VectorFirst; v < Vectors; v++) {
        uint tile = h * ((Vectors + QUERIES - 1u) / QUERIES) + v / QUERIES;
        float p = scores[(tile * Stride + t - plan[1]) * QUERIES + v % QUERIES];
        most = p > most ? p : most;
    }
    return most;
}

void main() {
    uint words = (plan[0] + 1u) / 2u, n = gl_GlobalInvocationID.x;
    uint h = n / HeadStride, i = n % HeadStride;
    if (h >= Heads || i >= words) return;
    uint low = codeOf(largest(h, 2u * i)), high = codeOf(largest(h, 2u * i + 1u));
    uint at = At + h * HeadStride + i;
    uint old = Keep != 0u ? importance[at] : 0u;
    importance[at] = max(low, old & 0xffffu) | max(high, old >> 16) << 16;
}
