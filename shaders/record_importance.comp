#version 450
#extension GL_GOOGLE_include_directive : require
// Importance of tokens: the largest probability that a KV head's last queries
// gave them. An invocation has a word, four tokens.
#include "lib/config.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 1, std430) readonly buffer Scores { float scores[]; };
layout(set = 0, binding = 2, std430) buffer Importance { uint importance[]; };
layout(push_constant) uniform Push {
    uint Vectors;     // query vectors of a KV head, V
    uint VectorFirst; // first vector that counts
    uint VectorEnd;   // behind the last vector that counts
    uint Heads;       // KV heads
    uint Stride;      // tokens that scores have room for
    uint HeadStride;  // words from KV head to KV head
    uint Words;       // words of a KV head that are written at most
    uint Keep;        // 1: the larger of old and new stays, 0: the new
};

#define FRAME READ5(ImportanceFrame, frame, 0u, 0u)

uint importanceCode(float p) {
    uint code = (floatBitsToUint(p) + 0xfffffu) >> 20;
    return p > 0.0 ? code <= 768u ? 1u : code - 768u : 0u;
}

// The largest probability of token t for KV head h.
float largest(uint h, uint t) {
    float most = 0.0;
    if (t < FRAME.base || t >= FRAME.tokens) return most;
    for (uint v = VectorFirst; v < VectorEnd; v++) {
        uint tile = h * ((Vectors + QUERIES - 1u) / QUERIES) + v / QUERIES;
        float p = scores[(tile * Stride + t - FRAME.base) * QUERIES + v % QUERIES];
        most = p > most ? p : most;
    }
    return most;
}

void main() {
    uint n = gl_GlobalInvocationID.x, h = n / Words, i = n % Words;
    if (h >= Heads || 4u * i >= FRAME.tokens) return;
    uint at = FRAME.importance + h * HeadStride + i;
    uint old = Keep != 0u ? importance[at] : 0u, word = 0u;
    for (uint k = 0u; k < 4u; k++)
        word |= max(importanceCode(largest(h, 4u * i + k)), (old >> (8u * k)) & 0xffu) << (8u * k);
    importance[at] = word;
}
