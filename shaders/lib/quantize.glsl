// Range, rule and codes of a group (doc.go, Range, Bits, Codes).
#ifndef QAQVK_QUANTIZE
#define QAQVK_QUANTIZE
#include "math.glsl"

const float EVICT_WEIGHT = -2.0; // weight of a group that is to be evicted

struct Range {
    float low;     // min
    float extent;  // R, 0 below 2^-100
    float step;    // s8 = R * 2^-8, or 1 where R is 0
    float inverse; // just below 1/s8; shows in no result
};

Range rangeOf(float low, float high) {
    Range r;
    r.low = low;
    precise float extent = high - low;
    bool tiny = extent < 7.888609052210118e-31; // 2^-100
    r.extent = tiny ? 0.0 : extent;
    precise float s8 = r.extent * 0.00390625;
    r.step = tiny ? 1.0 : s8; // 1 exceeds every y of a tiny range: codes 0
    precise float below = reciprocal(tiny ? 1.0 : s8) * 0.99999952316284179688; // 1 - 2^-21
    r.inverse = tiny ? 0.0 : below;
    return r;
}

bool overflows(Range r) { return r.extent >= 8.507059173023462e+37; } // 2^126

// The smallest bits that keep the bound R*w <= c*(2^b - delta), and UNMET where
// even the most do not.
uint ruleBits(float extent, float w, float c, float delta, uint minBits, uint maxBits) {
    w = flush(w);
    c = flush(c);
    if (w <= EVICT_WEIGHT) return EVICTED;
    if (w < 0.0) return maxBits;
    precise float product = extent * w;
    float need = flush(product);
    for (uint b = minBits; b <= min(maxBits, 8u); b++) {
        precise float levels = float(1u << b) - delta;
        precise float bound = c * levels;
        if (need <= flush(bound)) return b;
    }
    return maxBits == RAW ? RAW : maxBits | UNMET;
}

// The 8-bit code: the largest k in 0..255 with k*s8 <= y, y in 0..R. The estimate is k or
// k-1, because inverse errs low and by less than 2^-20.
uint codeOf(Range r, float x) {
    precise float offset = x - r.low;
    // Of floats that are no NaNs, those below 0 are so as integers, and the others in their order.
    float y = intBitsToFloat(min(max(floatBitsToInt(offset), 0), floatBitsToInt(r.extent)));
    precise float estimate = y * r.inverse;
    int k = int(estimate) + 1;
    precise float above = float(k) * r.step;
    return uint(min(above <= y ? k : k - 1, 255));
}

#endif
