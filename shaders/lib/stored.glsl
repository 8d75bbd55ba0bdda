// Reading groups of pages (decode, score, weighted_sum). Needs PAGE(i), word i of the
// buffer of pages.
#ifndef QAQVK_STORED
#define QAQVK_STORED

CODES_BEFORE(codesBefore, PAGE)

// Pattern of element number n of those that begin at word at.
uint storedPattern(uint at, uint n) {
    uint word = PAGE(at + n / PER_WORD);
    return PER_WORD == 1 ? word : n % 2u == 0u ? word << 16 : word & 0xffff0000u;
}

// Word of the codes at word at, a row's string of the given words: plane p of
// a block, counted from the most significant one.
uint planeAt(uint at, uint words, uint p, uint block) {
    if (ALIGNED) return PAGE(at + p * BLOCKS + block);
    return STRING_WORD(PAGE, at, p * HEAD_DIM + block * 32u, words);
}

// Index in its group of outlier number n of a page of groups.
uint outlierIndex(uint page, uint groups, uint n) {
    uint at = page + indicesAt(groups), perWord = 32u / INDEX_BITS;
    return (PAGE(at + n / perWord) >> (n % perWord * INDEX_BITS)) & (INDEX_BITS == 8 ? 0xffu : 0xffffu);
}

// Two outliers of 16 bits have a word for both indices and one for both values.
const bool PAIR = OUTLIERS == 2 ? (TYPE != F32 ? INDEX_BITS == 8 : false) : false;

// Index and pattern of the first, then of the second outlier of a group.
uvec4 outlierPair(uint page, uint groups, uint group) {
    uint indices = PAGE(page + indicesAt(groups) + group / 2u) >> (group % 2u * 16u);
    uint values = PAGE(page + valuesAt(groups) + group);
    return uvec4(indices & 0xffu, values << 16, (indices >> 8) & 0xffu, values & 0xffff0000u);
}

// Patterns of min and max at word at.
uvec2 rangePatterns(uint at) {
    uint low = PAGE(at);
    if (TYPE == F32) return uvec2(low, PAGE(at + 1u));
    return uvec2(low << 16, low & 0xffff0000u);
}

// R from the patterns of min and max, 0 below 2^-100.
float extentOf(uvec2 patterns) {
    precise float extent = load(patterns.y) - load(patterns.x);
    return extent < 7.888609052210118e-31 ? 0.0 : extent;
}

// Value of a code, min + (q + 0.5) * s, from the code in the high bits of a
// byte: (q * 2^(8-b) + 2^(7-b)) * s8 is the same product.
float valueOf(float low, float s8, float half_, uint high) {
    precise float middle = float(high) + half_;
    precise float offset = middle * s8;
    precise float value = low + offset;
    // f16 ranges are multiples of 2^-24: no value of theirs is subnormal in f32.
    return TYPE == F16 ? value : flush(value);
}

// 2^(7-b)
float halfStep(uint bits) { return uintBitsToFloat((134u - bits) << 23); }

#endif
