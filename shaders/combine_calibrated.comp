#version 450
#extension GL_GOOGLE_include_directive : require
// Output rows [n][QH][D] of OUT_TYPE from the partials of all splits: raw sums,
// and coded ones brought back from the basis of V. A workgroup has a KV head and up
// to four of its vectors.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer FrameIn { uint frame[]; }; // of the last part that lies in pages
layout(set = 0, binding = 1, std430) readonly buffer Partials { float partials[]; };
layout(set = 0, binding = 2, std430) readonly buffer TablesIn { uvec4 tables[]; }; // of V
layout(set = 0, binding = 3, std430) writeonly buffer RowsOut { uint rows[]; };
layout(push_constant) uniform Push {
    uint Vectors;   // query vectors of a KV head, V
    uint Heads;     // KV heads in this dispatch
    uint HeadFirst; // first KV head of the dispatch
    uint PerHead;   // query heads of a KV head, g
    uint RowHeads;  // rows from query to query: query heads, QH
    uint RowFirst;  // words before the first row
    uint Splits;    // splits that partials have room for
};
#include "lib/attend.glsl"
#define TABLE(i) WORD(tables, i)
#include "lib/record.glsl"

const uint OUT_PER_WORD = OUT_TYPE == F32 ? 1 : 2;
const uint TOGETHER = 4; // vectors of a workgroup

shared vec4 coded[TOGETHER * HEAD_DIM / 4]; // their sums over all splits

// Splits of the tokens from base to end-1.
uint splitsTo(uint end) { return (max(end, FRAME.base) - FRAME.base + SPLIT_TOKENS - 1u) / SPLIT_TOKENS; }

// Sum over the first splits of a word that each has in its row.
float overSplits(uint at, uint row, uint splits) {
    float sum = 0.0;
    for (uint s = 0u; s < splits; s++) {
        precise float next = sum + partials[at + s * row];
        sum = next;
    }
    return sum;
}

// Element d of a coded sum in its own basis, without the mean.
float broughtBack(uint vector, uint head, uint d) {
    float total = 0.0;
    for (uint block = 0u; block < BLOCKS; block++) {
        float part = 0.0;
        for (uint c = block * 32u; c < min(block * 32u + 32u, HEAD_DIM); c += 4u) {
            uvec4 row = tables[(INVERSE_AT + (head * HEAD_DIM + d) * HEAD_DIM + c) / 4u];
            vec4 four = coded[(vector * HEAD_DIM + c) / 4u];
            for (uint k = 0u; k < 4u; k++) {
                precise float product = uintBitsToFloat(row[k]) * four[k];
                precise float sum = part + product;
                part = sum;
            }
        }
        precise float sum = total + part;
        total = sum;
    }
    return total;
}

uint combined(uint h, uint v, uint vector, uint d) {
    uint at = h * Vectors + v, all = Heads * Vectors, half_ = Splits * all * HEAD_DIM;
    float raw = overSplits(at * HEAD_DIM + d, all * HEAD_DIM, splitsTo(FRAME.tokens));
    float mass = overSplits(2u * half_ + at, all, splitsTo(FRAME.end));
    precise float mean = mass * uintBitsToFloat(TABLE(MEAN_AT + (HeadFirst + h) * HEAD_DIM + d));
    precise float back = broughtBack(vector, HeadFirst + h, d) + mean;
    precise float value = raw + back;
    return narrow(floatBitsToUint(flush(value)));
}

void main() {
    uint groups = (Vectors + TOGETHER - 1u) / TOGETHER, h = gl_WorkGroupID.x / groups, first = gl_WorkGroupID.x % groups * TOGETHER;
    uint live = min(TOGETHER, Vectors - first), row = Heads * Vectors * HEAD_DIM;
    for (uint i = gl_LocalInvocationID.x; i < live * HEAD_DIM; i += WORKGROUP) {
        uint at = (h * Vectors + first) * HEAD_DIM + i;
        float sum = overSplits(Splits * row + at, row, splitsTo(FRAME.end));
        WORD(coded, i) = (floatBitsToUint(sum) & 0x7fffffffu) < 0x21800000u ? 0.0 : sum; // 2^-60
    }
    barrier();
    uint words = HEAD_DIM / OUT_PER_WORD;
    for (uint i = gl_LocalInvocationID.x; i < live * words; i += WORKGROUP) {
        uint vector = i / words, v = first + vector, word = i % words;
        uint value = combined(h, v, vector, word * OUT_PER_WORD);
        if (OUT_PER_WORD == 2) value |= combined(h, v, vector, word * 2u + 1u) << 16;
        rows[RowFirst + (v / PerHead * RowHeads + h * PerHead + v % PerHead) * words + word] = value;
    }
}
