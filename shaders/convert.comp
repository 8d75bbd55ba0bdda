#version 450
#extension GL_GOOGLE_include_directive : require
// Converts rows from TYPE to OUT_TYPE: appended rows to the cache's type, where
// what is too large is clamped and counted, and rows of the recent window to the
// type that a reader asks for. Offsets and strides are multiples of four words.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uvec4 src[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(set = 0, binding = 2, std430) buffer Clamped { uint clamped[]; }; // word 0: elements clamped so far
layout(push_constant) uniform Push {
    uint Rows;           // rows in this dispatch
    uint RowsPerToken;   // consecutive rows of a token
    uint SrcOffset;      // words before the first row
    uint SrcTokenStride; // words from token to token
    uint DstOffset;
    uint DstTokenStride;
    uint DstRing;        // 0: token i goes to place i; else to (first + i) % DstRing
    uint First;          // first, where FirstAt is 0
    uint FirstAt;        // first is word FirstAt - 1 of src
    uint Clamp;          // 1: finite elements whose rounding is infinite become the largest finite ones
};

const uint OUT_PER_WORD = OUT_TYPE == F32 ? 1 : 2;

const uint INFINITE = OUT_TYPE == F16 ? 0x7c00u : 0x7f80u; // of 16-bit types

uint elementsClamped = 0u; // by this invocation

// f32 bits to OUT_TYPE, clamped where that is asked for: below the pattern of an
// infinity is that of the largest finite value.
uint narrowed(uint bits) {
    uint element = narrow(bits);
    bool finite = (bits & 0x7f800000u) != 0x7f800000u;
    if (Clamp == 0u || OUT_TYPE == F32 || !finite || (element & 0x7fffu) != INFINITE) return element;
    elementsClamped++;
    return element - 1u;
}

// Element e of eight that lie in one or two 128-bit words, narrowed.
uint converted(uvec4 first, uvec4 second, uint e) {
    if (PER_WORD == 1) return narrowed(e < 4u ? first[e % 4u] : second[e % 4u]);
    uint word = first[e / 2u];
    return narrowed(widen(e % 2u == 0u ? word << 16 : word & 0xffff0000u));
}

// Eight elements, from and to a 128-bit word.
void convertEight(uint from, uint to) {
    uvec4 first = src[from], second = first;
    if (PER_WORD == 1) second = src[from + 1u];
    uvec4 low, high;
    for (uint i = 0u; i < 4u; i++) {
        if (TYPE == OUT_TYPE) {
            low[i] = first[i];
            high[i] = second[i];
        } else if (OUT_PER_WORD == 1) {
            low[i] = converted(first, second, i);
            high[i] = converted(first, second, i + 4u);
        } else {
            low[i] = converted(first, second, 2u * i) | converted(first, second, 2u * i + 1u) << 16;
        }
    }
    dst[to] = low;
    if (OUT_PER_WORD == 1) dst[to + 1u] = high;
}

// The lanes of a row take its eights in turn.
void main() {
    uint n = gl_GlobalInvocationID.x / LANES, lane = gl_GlobalInvocationID.x % LANES;
    if (n >= Rows) return;
    uint token = n / RowsPerToken, r = n % RowsPerToken;
    uint from = SrcOffset + token * SrcTokenStride + r * RAW_ROW;
    uint first = FirstAt == 0u ? First : WORD(src, FirstAt - 1u);
    uint place = DstRing == 0u ? token : (first + token) % DstRing;
    uint to = DstOffset + place * DstTokenStride + r * (HEAD_DIM / OUT_PER_WORD);
    for (uint i = lane; i < HEAD_DIM / 8u; i += LANES)
        convertEight((from + i * (8u / PER_WORD)) / 4u, (to + i * (8u / OUT_PER_WORD)) / 4u);
    if (elementsClamped > 0u) atomicAdd(clamped[0], elementsClamped);
}
