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

// Elements of a block of the row at a word, 0 behind its end and where it is not live:
// drivers that load lane by lane leave out lanes that are not.
void loadElements(uint row, bool live, uint block, out float y[32]) {
    uint words[BLOCK_WORDS];
    for (uint i = 0u; i < BLOCK_WORDS; i++) words[i] = 0u;
    if (live) {
        for (uint i = 0u; i < BLOCK_WORDS; i++) {
            uint word = block * BLOCK_WORDS + i;
            words[i] = ALIGNED || word < RAW_ROW ? rows[row + word] : 0u;
        }
    }
    for (uint e = 0u; e < 32u; e++) y[e] = live ? queryValue(patternIn(words[e / PER_WORD], e)) : 0.0;
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
