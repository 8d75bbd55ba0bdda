#version 450
#extension GL_GOOGLE_include_directive : require
// Output rows [n][QH][D] of OUT_TYPE from the partials of all splits: raw sums,
// and coded ones brought back from the basis of V. A workgroup has a KV head and a vector, or,
// where STAGED is 0, four, whose sums it has in shared memory, an invocation an element.
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
const uint FEW = STAGED != 0 ? 1 : 4; // vectors of a workgroup

shared float codedSums[HEAD_DIM * FEW]; // scaled, [channel][FEW]
shared float rawSums[HEAD_DIM * FEW];   // [element][FEW]
shared float masses[FEW];
shared uint values[HEAD_DIM * FEW];     // of the output, [vector][element]

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

// Brings the sums of vectors v0 to v0 + FEW - 1 of a head to shared memory, the last
// vector's in the place of those behind it.
void stageSums(uint h, uint v0) {
    uint all = Heads * Vectors, row = all * HEAD_DIM, splits = splitsTo(FRAME.end), last = splitsTo(FRAME.tokens);
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM / 4u * FEW; i += WORKGROUP) {
        uint four = i % (HEAD_DIM / 4u), v = i / (HEAD_DIM / 4u), at = (h * Vectors + min(v0 + v, Vectors - 1u)) * HEAD_DIM / 4u + four;
        vec4 raw = overSplits(at, row, last), coded = overSplits(at + Splits * (row / 4u), row, splits);
        uvec4 scale = tables[(INVERSE_SCALES_AT + (HeadFirst + h) * HEAD_DIM) / 4u + four];
        for (uint k = 0u; k < 4u; k++) {
            rawSums[(4u * four + k) * FEW + v] = raw[k];
            codedSums[(4u * four + k) * FEW + v] = cutCoded(coded[k], scale[k]);
        }
    }
    for (uint v = gl_LocalInvocationID.x; v < FEW; v += WORKGROUP)
        masses[v] = overSplitsOf(2u * Splits * row + h * Vectors + min(v0 + v, Vectors - 1u), all, splits);
    barrier();
}

// Weights of a block of channels for element d of a head, 0 behind the last channel.
void loadWeights(uint head, uint d, uint block, out float weights[32]) {
    for (uint e = 0u; e < 32u; e++) weights[e] = 0.0;
    for (uint e = 0u; e < 32u; e += 8u) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        uvec2 eight = eightOf(head, d, block * 32u + e);
        for (uint k = 0u; k < 8u; k++) weights[e + k] = fourElements(k < 4u ? eight.x : eight.y)[k % 4u];
    }
}

// Adds the products of a block of channels: with constant blocks and outside of branches,
// as in score.
void addBlock(inout float sums[FEW], uint head, uint d, uint block) {
    float weights[32], parts[FEW];
    loadWeights(head, d, block, weights);
    for (uint v = 0u; v < FEW; v++) parts[v] = 0.0;
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        for (uint v = 0u; v < FEW; v++) {
            precise float product = weights[e] * codedSums[(block * 32u + e) * FEW + v];
            precise float sum = parts[v] + product;
            parts[v] = sum;
        }
    }
    for (uint v = 0u; v < FEW; v++) {
        precise float sum = sums[v] + parts[v];
        sums[v] = sum;
    }
}

// An element of the workgroup's vectors, where there is such an element.
void element(uint head, uint n) {
    uint d = min(n, HEAD_DIM - 1u);
    float sums[FEW], mean = uintBitsToFloat(TABLE(MEAN_AT + head * HEAD_DIM + d));
    for (uint v = 0u; v < FEW; v++) sums[v] = 0.0;
    if (STAGED != 0) {
        for (uint block = 0u; block < BLOCKS; block++) addBlock(sums, head, d, block);
    } else {
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, head, d, block);
        EIGHT(BLOCK)
    }
    for (uint v = 0u; v < FEW; v++) {
        precise float share = masses[v] * mean;
        precise float back = sums[v] + share;
        precise float value = rawSums[d * FEW + v] + back;
        if (n < HEAD_DIM) values[v * HEAD_DIM + d] = narrow(floatBitsToUint(flush(value)));
    }
}

void main() {
    uint groups = (Vectors + FEW - 1u) / FEW, h = gl_WorkGroupID.x / groups, v0 = gl_WorkGroupID.x % groups * FEW;
    stageSums(h, v0);
    element(HeadFirst + h, gl_LocalInvocationID.x); // no loop where one turn will do: see addBlock
    if (WORKGROUP < HEAD_DIM) {
        for (uint d = gl_LocalInvocationID.x + WORKGROUP; d < HEAD_DIM; d += WORKGROUP) element(HeadFirst + h, d);
    }
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM / OUT_PER_WORD * FEW; i += WORKGROUP) {
        uint word = i % (HEAD_DIM / OUT_PER_WORD), v = i / (HEAD_DIM / OUT_PER_WORD), to = v0 + v;
        if (to >= Vectors) break;
        uint at = v * HEAD_DIM + word * OUT_PER_WORD;
        rows[RowFirst + (to / PerHead * RowHeads + h * PerHead + to % PerHead) * HEAD_DIM / OUT_PER_WORD + word] =
            OUT_PER_WORD == 1 ? values[at] : values[at] | values[(at + 1u) % (HEAD_DIM * FEW)] << 16;
    }
}
