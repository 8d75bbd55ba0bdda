// Elements of query rows (arrange_queries, arrange_calibrated, arrange_means).
// Needs the buffer rows and the push constants Vectors, PerHead, RowHeads,
// RowFirst and Scale.
#ifndef QAQVK_QUERY
#define QAQVK_QUERY

// Word of the row of vector v of KV head h.
uint queryRow(uint h, uint v) {
    return RowFirst + (v / PerHead * RowHeads + h * PerHead + v % PerHead) * RAW_ROW;
}

// Pattern of element k of those in a word.
uint patternIn(uint word, uint k) { return PER_WORD == 1 ? word : k % 2u == 0u ? word << 16 : word & 0xffff0000u; }

// An element, scaled and cut.
float queryValue(uint pattern) {
    precise float y = loadFinite(pattern) * Scale;
    float inside = y > 1048576.0 ? 1048576.0 : y;
    inside = inside < -1048576.0 ? -1048576.0 : inside;
    return (floatBitsToUint(y) & 0x7fffffffu) < 0x2b800000u ? 0.0 : inside; // 2^-40
}

// Element e of the row at a word.
float queryElement(uint row, uint e) { return queryValue(patternIn(rows[row + e / PER_WORD], e)); }

// Four elements of the row at a word, from element e on, a multiple of four.
vec4 fourElementsOf(uint row, uint e) {
    uint at = row + e / PER_WORD, first = rows[at], second = rows[at + 1u];
    if (PER_WORD == 2)
        return vec4(queryValue(patternIn(first, 0u)), queryValue(patternIn(first, 1u)), queryValue(patternIn(second, 0u)), queryValue(patternIn(second, 1u)));
    return vec4(queryValue(first), queryValue(second), queryValue(rows[at + 2u]), queryValue(rows[at + 3u]));
}

// Arranges a block of the row at a word from word AT of queries on, QUERIES words from
// element to element, and its sum behind the last block of elements. Needs the buffer
// queries, of uint.
#define ARRANGE_BLOCK(AT, row, live, block)                                                    \
    float sum = 0.0;                                                                           \
    for (uint e = (block) * 32u; e < min((block) * 32u + 32u, HEAD_DIM); e++) {                \
        float y = live ? queryElement(row, e) : 0.0;                                           \
        queries[(AT) + e * QUERIES] = floatBitsToUint(y);                                      \
        precise float next = sum + y;                                                          \
        sum = next;                                                                            \
    }                                                                                          \
    queries[(AT) + (HEAD_DIM + (block)) * QUERIES] = floatBitsToUint(sum);

#endif
