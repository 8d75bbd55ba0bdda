#version 450
#extension GL_GOOGLE_include_directive : require
// Output rows [n][QH][D] of OUT_TYPE from the partials of all splits: raw sums,
// and coded ones brought back from the basis of V. A workgroup has a KV head, a few
// elements, and consecutive vectors, one an invocation; where STAGED is 1 a vector, whose
// coded sums it has in shared memory, an invocation an element.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer FrameIn { uint frame[]; }; // of the last part that lies in pages
layout(set = 0, binding = 1, std430) readonly buffer Partials { vec4 partials[]; };
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
#include "lib/matrix.glsl"

const uint OUT_PER_WORD = OUT_TYPE == F32 ? 1 : 2;
const uint FEW = HEAD_DIM > 64 ? 8 : HEAD_DIM % 16 == 0 ? 16 : 8;
const uint TOGETHER = WORKGROUP < 32 ? HEAD_DIM % 32 == 0 ? HEAD_DIM > 128 ? FEW : 32 : FEW : FEW; // elements of a workgroup

shared uvec4 staged[STAGED != 0 ? 1 : TOGETHER * HEAD_DIM / 16]; // their rows of the matrix, bytes
shared float codedSums[STAGED != 0 ? HEAD_DIM : 1]; // scaled
shared uint values[STAGED != 0 ? HEAD_DIM : 1];     // of the output

// Splits of the tokens from base to end-1.
uint splitsTo(uint end) { return (max(end, FRAME.base) - FRAME.base + SPLIT_TOKENS - 1u) / SPLIT_TOKENS; }

vec4 sumOfFour(vec4 a, vec4 b) {
    precise vec4 sum = a + b;
    return sum;
}

// Sums over the first splits of four words, at word 4*at, that each has in its row.
vec4 overSplits(uint at, uint row, uint splits) {
    vec4 sum = vec4(0.0);
    for (uint s = 0u; s < splits; s++) sum = sumOfFour(sum, partials[at + s * (row / 4u)]);
    return sum;
}

// A coded sum times its channel's scale; small ones count as 0.
float cutCoded(float sum, uint scale) {
    precise float scaled = uintBitsToFloat(scale) * sum;
    return (floatBitsToUint(sum) & 0x7fffffffu) < 0x21800000u ? 0.0 : scaled; // 2^-60
}

// The sum over the first splits of a word, at word at, that each has in its row.
float overSplitsOf(uint at, uint row, uint splits) {
    float sum = 0.0;
    for (uint s = 0u; s < splits; s++) {
        precise float next = sum + WORD(partials, at + s * row);
        sum = next;
    }
    return sum;
}

// Element i of the staged rows.
float byteOf(uint i) { return fourElements(WORD(staged, i / 4u))[i % 4u]; }

// Adds the products of a block of coded sums that begin at word 4*at, and whose scales
// do at word 4*scales: with constant blocks and outside of branches, as in score.
void addBlock(inout float sums[TOGETHER], uint at, uint row, uint splits, uint scales, uint block) {
    float parts[TOGETHER], x[32];
    for (uint e = 0u; e < 32u; e++) x[e] = 0.0;
    for (uint e = 0u; e < 8u; e++) {
        if (!ALIGNED && block * 32u + 4u * e >= HEAD_DIM) break;
        vec4 four = overSplits(at + block * 8u + e, row, splits);
        uvec4 scale = tables[scales + block * 8u + e];
        x[4u * e] = cutCoded(four.x, scale.x);
        x[4u * e + 1u] = cutCoded(four.y, scale.y);
        x[4u * e + 2u] = cutCoded(four.z, scale.z);
        x[4u * e + 3u] = cutCoded(four.w, scale.w);
    }
    for (uint k = 0u; k < TOGETHER; k++) parts[k] = 0.0;
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        for (uint k = 0u; k < TOGETHER; k++) {
            precise float product = byteOf(k * HEAD_DIM + block * 32u + e) * x[e];
            precise float sum = parts[k] + product;
            parts[k] = sum;
        }
    }
    for (uint k = 0u; k < TOGETHER; k++) {
        precise float sum = sums[k] + parts[k];
        sums[k] = sum;
    }
}

// The elements of a vector with raw sums and mean; value by value, no word yet.
void finish(inout float sums[TOGETHER], uint at, uint mean, uint row, float mass, uint splits) {
    for (uint k = 0u; k < TOGETHER; k += 4u) {
        vec4 raw = overSplits(at + k / 4u, row, splits);
        uvec4 means = tables[(mean + k) / 4u];
        for (uint i = 0u; i < 4u; i++) {
            precise float share = mass * uintBitsToFloat(means[i]);
            precise float back = sums[k + i] + share;
            precise float value = raw[i] + back;
            sums[k + i] = flush(value);
        }
    }
}

void combineVectors() {
    uint groups = (Vectors + WORKGROUP - 1u) / WORKGROUP, n = gl_WorkGroupID.x, h = n / groups % Heads;
    uint element = n / groups / Heads * TOGETHER, vector = n % groups * WORKGROUP + gl_LocalInvocationID.x;
    uint v = min(vector, Vectors - 1u), all = Heads * Vectors, row = all * HEAD_DIM, at = (h * Vectors + v) * HEAD_DIM / 4u;
    for (uint i = gl_LocalInvocationID.x; i < TOGETHER * HEAD_DIM / 16u; i += WORKGROUP)
        staged[i] = tables[(INVERSE_AT + ((HeadFirst + h) * HEAD_DIM + element) * HEAD_DIM / 4u) / 4u + i];
    barrier();
    uint coded = at + Splits * (row / 4u), splits = vector < Vectors ? splitsTo(FRAME.end) : 0u; // other lanes load nothing
    uint scales = (INVERSE_SCALES_AT + (HeadFirst + h) * HEAD_DIM) / 4u;
    float sums[TOGETHER];
    for (uint k = 0u; k < TOGETHER; k++) sums[k] = 0.0;
    addBlock(sums, coded, row, splits, scales, 0u);
    if (BLOCKS > 1) addBlock(sums, coded, row, splits, scales, 1u);
    if (BLOCKS > 2) addBlock(sums, coded, row, splits, scales, 2u);
    if (BLOCKS > 3) addBlock(sums, coded, row, splits, scales, 3u);
    if (BLOCKS > 4) addBlock(sums, coded, row, splits, scales, 4u);
    if (BLOCKS > 5) addBlock(sums, coded, row, splits, scales, 5u);
    if (BLOCKS > 6) addBlock(sums, coded, row, splits, scales, 6u);
    if (BLOCKS > 7) addBlock(sums, coded, row, splits, scales, 7u);
    float mass = overSplitsOf(2u * Splits * row + h * Vectors + v, all, splits);
    finish(sums, at + element / 4u, MEAN_AT + (HeadFirst + h) * HEAD_DIM + element, row, mass, vector < Vectors ? splitsTo(FRAME.tokens) : 0u);
    if (vector >= Vectors) return;
    uint to = RowFirst + ((v / PerHead * RowHeads + h * PerHead + v % PerHead) * HEAD_DIM + element) / OUT_PER_WORD;
    for (uint k = 0u; k < TOGETHER; k += OUT_PER_WORD) {
        uint value = narrow(floatBitsToUint(sums[k]));
        if (OUT_PER_WORD == 2) value |= narrow(floatBitsToUint(sums[(k + 1u) % TOGETHER])) << 16;
        rows[to + k / OUT_PER_WORD] = value;
    }
}

// An element of a vector, of which row words lie from partial to partial.
float element(uint head, uint d, uint at, uint row, float mass, uint splits) {
    float back = 0.0;
    for (uint block = 0u; block < BLOCKS; block++) {
        float part = 0.0;
        for (uint c = block * 32u; c < min(block * 32u + 32u, HEAD_DIM); c += 4u) {
            vec4 four = fourElements(TABLE(INVERSE_AT + ((head * HEAD_DIM + d) * HEAD_DIM + c) / 4u));
            for (uint k = 0u; k < 4u; k++) {
                precise float product = four[k] * codedSums[c + k];
                precise float sum = part + product;
                part = sum;
            }
        }
        precise float sum = back + part;
        back = sum;
    }
    precise float share = mass * uintBitsToFloat(TABLE(MEAN_AT + head * HEAD_DIM + d));
    precise float all = back + share;
    precise float value = overSplitsOf(at + d, row, splits) + all;
    return flush(value);
}

// The output of a vector by a workgroup.
void combineVector() {
    uint h = gl_WorkGroupID.x / Vectors, v = gl_WorkGroupID.x % Vectors, head = HeadFirst + h;
    uint all = Heads * Vectors, row = all * HEAD_DIM, at = (h * Vectors + v) * HEAD_DIM, splits = splitsTo(FRAME.end), last = splitsTo(FRAME.tokens);
    for (uint c = gl_LocalInvocationID.x; c < HEAD_DIM; c += WORKGROUP)
        codedSums[c] = cutCoded(overSplitsOf(Splits * row + at + c, row, splits), TABLE(INVERSE_SCALES_AT + head * HEAD_DIM + c));
    float mass = overSplitsOf(2u * Splits * row + h * Vectors + v, all, splits);
    barrier();
    for (uint d = gl_LocalInvocationID.x; d < HEAD_DIM; d += WORKGROUP)
        values[d] = narrow(floatBitsToUint(element(head, d, at, row, mass, last)));
    barrier();
    uint to = RowFirst + (v / PerHead * RowHeads + h * PerHead + v % PerHead) * HEAD_DIM / OUT_PER_WORD;
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM / OUT_PER_WORD; i += WORKGROUP)
        rows[to + i] = OUT_PER_WORD == 1 ? values[i] : values[2u * i % HEAD_DIM] | values[(2u * i + 1u) % HEAD_DIM] << 16;
}

void main() {
    if (STAGED != 0) combineVector();
    else combineVectors();
}
