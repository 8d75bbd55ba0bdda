#version 450
#extension GL_GOOGLE_include_directive : require
// Scores to probabilities, in place. A workgroup has a query vector.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Plan { uint plan[]; }; // a frame
layout(set = 0, binding = 1, std430) buffer Scores { float scores[]; };
layout(push_constant) uniform Push {
    uint Vectors;   // query vectors of a KV head, V
    uint Heads;     // KV heads
    uint PerHead;   // query heads of a KV head, g
    uint Stride;    // tokens that scores have room for
    uint Window;    // tokens that a query sees, itself included; 0: all before it
};
#include "lib/math.glsl"

const uint SUMS = 128; // lanes of the contract, whatever WORKGROUP is

shared float lanes[SUMS];

void join(uint i, uint step_) {
    precise float sum = lanes[i] + lanes[i + step_];
    lanes[i] = sum;
}

// Largest score of columns from..to-1 of the row at word row.
float largest(uint row, uint from, uint to) {
    uint local = gl_LocalInvocationID.x;
    float most = scores[row + from * QUERIES];
    for (uint i = from + local; i < to; i += WORKGROUP) {
        float score = scores[row + i * QUERIES];
        most = score > most ? score : most;
    }
    lanes[local] = most;
    barrier();
    most = lanes[0];
    for (uint i = 1u; i < WORKGROUP; i++) most = lanes[i] > most ? lanes[i] : most;
    barrier();
    return most;
}

// Sums exp(score - most) of columns from..to-1 by the lanes of the contract;
// leaves the exponentials in scores.
float sumUp(uint row, uint from, uint to, float most) {
    for (uint lane = gl_LocalInvocationID.x; lane < SUMS; lane += WORKGROUP) {
        float sum = 0.0;
        for (uint i = from / SUMS * SUMS + lane; i < to; i += SUMS) {
            if (i < from) continue;
            uint at = row + i * QUERIES;
            precise float below = scores[at] - most;
            float e = exponential(below);
            scores[at] = e;
            precise float next = sum + e;
            sum = next;
        }
        lanes[lane] = sum;
    }
    for (uint k = SUMS / 2u; k > 0u; k /= 2u) {
        barrier();
        for (uint lane = gl_LocalInvocationID.x; lane < k; lane += WORKGROUP) join(lane, k);
    }
    barrier();
    return lanes[0];
}

void main() {
    uint vector = gl_WorkGroupID.x, local = gl_LocalInvocationID.x;
    uint queries = Vectors / PerHead, query = vector % Vectors / PerHead;
    uint last = plan[0] - queries + query, firstSeen = 0u;
    if (Window > 0u && last + 1u > Window) firstSeen = last + 1u - Window;
    uint v = vector % Vectors, tile = vector / Vectors * ((Vectors + QUERIES - 1u) / QUERIES) + v / QUERIES;
    uint row = tile * Stride * QUERIES + v % QUERIES;
    uint from = max(firstSeen, plan[1]) - plan[1], to = last + 1u - plan[1], end = plan[0] - plan[1];
    float most = largest(row, from, to);
    float inverse = reciprocal(sumUp(row, from, to, most));
    for (uint lane = local; lane < SUMS; lane += WORKGROUP) {
        for (uint i = lane; i < end; i += SUMS) {
            bool seen = i >= from && i < to;
            precise float p = (seen ? scores[row + i * QUERIES] : 0.0) * inverse;
            scores[row + i * QUERIES] = p < 9.094947017729282e-13 ? 0.0 : p; // 2^-40
        }
    }
}
