// Decayed importance (doc_levels.go).
#ifndef QAQVK_DECAY
#define QAQVK_DECAY
#include "jobs.glsl"

// A sum of importance, cut: so that no order of adding shows. Both are cut already.
uint addImportance(uint sum, uint more) { return min(sum + more, MOST_IMPORTANCE); }

// The importance of a token, marked or not, from the 16 bits that are kept of it.
uint opened(uint kept) {
    uint code = kept & (SINK_MARK >> 16) - 1u;
    uint shift = max(code >> IMPORTANCE_DIGITS, 1u) - 1u;
    return (kept & SINK_MARK >> 16) << 16 | (code - (shift << IMPORTANCE_DIGITS)) << shift;
}

// Of the two tokens of a word.
uvec2 openedPair(uint word) { return uvec2(opened(word & 0xffffu), opened(word >> 16)); }

// The 16 bits that are kept of the importance of a token: the nearest, the larger at ties.
uint kept(uint importance) {
    uint sum = importance & ~SINK_MARK;
    uint shift = uint(max(findMSB(sum), int(IMPORTANCE_DIGITS))) - IMPORTANCE_DIGITS;
    uint rounded = (sum + ((1u << shift) >> 1)) >> shift;
    return (importance & SINK_MARK) >> 16 | (shift << IMPORTANCE_DIGITS) + rounded;
}

// Of two tokens, in a word.
uint keptPair(uvec2 importance) { return kept(importance.x) | kept(importance.y) << 16; }

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
