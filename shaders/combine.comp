#version 450
#extension GL_GOOGLE_include_directive : require
// Output rows [n][QH][D] of OUT_TYPE: the sums of the partials of all splits.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 1, std430) readonly buffer Partials { float partials[]; };
layout(set = 0, binding = 2, std430) writeonly buffer RowsOut { uint rows[]; };
layout(push_constant) uniform Push {
    uint Vectors;  // query vectors of a KV head, V
    uint Heads;    // KV heads in this dispatch
    uint PerHead;  // query heads of a KV head, g
    uint RowHeads; // rows from query to query: query heads, QH
    uint RowFirst; // words before the first row
};
#include "lib/attend.glsl"

const uint OUT_PER_WORD = OUT_TYPE == F32 ? 1 : 2;

uint combined(uint vector, uint d) {
    float sum = 0.0;
    uint splits = (FRAME.tokens - FRAME.base + SPLIT_TOKENS - 1u) / SPLIT_TOKENS;
    for (uint s = 0u; s < splits; s++) {
        precise float next = sum + partials[(s * Heads * Vectors + vector) * HEAD_DIM + d];
        sum = next;
    }
    return narrow(floatBitsToUint(sum));
}

// An invocation has a word of the output.
void main() {
    uint n = gl_GlobalInvocationID.x, words = HEAD_DIM / OUT_PER_WORD;
    uint vector = n / words, word = n % words;
    if (vector >= Heads * Vectors) return;
    uint h = vector / Vectors, v = vector % Vectors;
    uint value = combined(vector, word * OUT_PER_WORD);
    if (OUT_PER_WORD == 2) value |= combined(vector, word * 2u + 1u) << 16;
    rows[RowFirst + (v / PerHead * RowHeads + h * PerHead + v % PerHead) * words + word] = value;
}
