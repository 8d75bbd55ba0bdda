// What the kernels of attention share (doc_attention.go). Needs the
// buffer frame.
#ifndef QAQVK_ATTEND
#define QAQVK_ATTEND
#include "jobs.glsl"

const uint TILE = ((HEAD_DIM + BLOCKS) * QUERIES + 3) / 4 * 4; // words of a tile of arranged queries

#define FRAME READ4(Frame, frame, 0u, 0u)
const uint FRAME_WORDS = 4;
// The first token that a dispatch reads.
uint begin() { return max(FRAME.base, FRAME.first); }

uint tilesOf(uint vectors) { return (vectors + QUERIES - 1u) / QUERIES; }

// bound() of the contract. f16 elements, and values between them, are within
// the bounds.
float bound(float x) {
    if (TYPE == F16) return x;
    float inside = x > 1.2089258196146292e24 ? 1.2089258196146292e24 : x; // 2^80
    inside = inside < -1.2089258196146292e24 ? -1.2089258196146292e24 : inside;
    return (floatBitsToUint(x) & 0x7fffffffu) < 0x2b800000u ? 0.0 : inside; // 2^-40
}

// bound() of an element's pattern, 0 for what is not finite.
float boundPattern(uint pattern) { return bound(loadFinite(pattern)); }

#endif
