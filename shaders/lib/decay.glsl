// Decayed importance (doc_levels.go).
#ifndef QAQVK_DECAY
#define QAQVK_DECAY
#include "jobs.glsl"

// A sum of importance, cut: so that no order of adding shows. Both are cut already.
uint addImportance(uint sum, uint more) { return min(sum + more, MOST_IMPORTANCE); }

// The word of scores where the spreads of query vectors begin, behind so many tiles.
uint spreadsAt(uint tiles, uint stride) { return tiles * stride * QUERIES; }

// 2^(fraction - k/2) to f32, at least half a unit: what a share of k blocks ago is
// multiplied by.
float weightOf(uint k, uint fraction) {
    uint halves = min(k, 2u * fraction + 1u);
    uint exponent = 127u + fraction - (halves + 1u) / 2u;
    return uintBitsToFloat((exponent << 23) | (halves % 2u != 0u ? 0x3504f3u : 0u));
}

// What is left of importance when 2^-32 of factor of it stays.
uint decayed(uint importance, uint factor) {
    uint high, low;
    umulExtended(importance, factor, high, low);
    return factor == 0u ? importance : high;
}

#endif
