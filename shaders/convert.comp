#version 450
#extension GL_GOOGLE_include_directive : require
// Converts rows from TYPE to OUT_TYPE: appended rows to the cache's type, and
// rows of the recent window to the type that a reader asks for.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uint src[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Dst { uint dst[]; };
layout(push_constant) uniform Push {
    uint Rows;           // rows in this dispatch
    uint RowsPerToken;   // consecutive rows of a token
    uint SrcOffset;      // words before the first row
    uint SrcTokenStride; // words from token to token
    uint DstOffset;
    uint DstTokenStride;
};

const uint OUT_PER_WORD = OUT_TYPE == F32 ? 1 : 2;

uint converted(uint at, uint element) {
    uint word = src[at + element / PER_WORD];
    uint pattern = PER_WORD == 1 ? word : element % 2u == 0u ? word << 16 : word & 0xffff0000u;
    return narrowBits(widenBits(pattern));
}

// An invocation converts LANES-th parts of a row: the words lane, lane + LANES, ...
void main() {
    uint n = gl_GlobalInvocationID.x / LANES, lane = gl_GlobalInvocationID.x % LANES;
    if (n >= Rows) return;
    uint token = n / RowsPerToken, r = n % RowsPerToken;
    uint from = SrcOffset + token * SrcTokenStride + r * RAW_ROW;
    uint to = DstOffset + token * DstTokenStride + r * (HEAD_DIM / OUT_PER_WORD);
    for (uint i = lane; i < HEAD_DIM / OUT_PER_WORD; i += LANES) {
        if (TYPE == OUT_TYPE) dst[to + i] = src[from + i];
        else if (OUT_PER_WORD == 1) dst[to + i] = converted(from, i);
        else dst[to + i] = converted(from, 2u * i) | converted(from, 2u * i + 1u) << 16;
    }
}
