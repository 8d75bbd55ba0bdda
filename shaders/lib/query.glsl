// Elements of query rows (arrange_queries, arrange_calibrated, arrange_means).
// Needs the buffer rows and the push constants Vectors, PerHead, RowHeads,
// RowFirst and Scale.
#ifndef QAQVK_QUERY
#define QAQVK_QUERY

// Word of the row of vector v of KV head h.
uint queryRow(uint h, uint v) {
    return RowFirst + (v / PerHead * RowHeads + h * PerHead + v % PerHead) * RAW_ROW;
}

// Element e of the row at a word, scaled and cut.
float queryElement(uint row, uint e) {
    uint word = rows[row + e / PER_WORD];
    uint pattern = PER_WORD == 1 ? word : e % 2u == 0u ? word << 16 : word & 0xffff0000u;
    precise float y = loadFinite(pattern) * Scale;
    float inside = y > 1048576.0 ? 1048576.0 : y;
    inside = inside < -1048576.0 ? -1048576.0 : inside;
    return (floatBitsToUint(y) & 0x7fffffffu) < 0x2b800000u ? 0.0 : inside; // 2^-40
}

#endif
