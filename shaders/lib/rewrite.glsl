// A page written anew with other bits (repack, promote). Needs src, dst, plan,
// oldBefore (bits words in src) and newBefore (bits words in plan).
#ifndef QAQVK_REWRITE
#define QAQVK_REWRITE

// Everything before the codes, by the invocations of a workgroup.
void copyHeader(uint from, uint to, uint bits, uint size, uint t) {
    for (uint i = t; i < codesAt(Groups); i += WORKGROUP) {
        uint word = src[from + i];
        if (i == 1u) word = size;
        if (i >= 4u && i < rangesAt(Groups)) word = plan[bits + i - 4u];
        dst[to + i] = word;
    }
}

struct RowMove {
    uint from, to;         // codes of the row in src and dst
    uint oldBits, newBits;
    uint range;            // range of its group in src
};

RowMove moveOf(uint from, uint to, uint bits, uint g, uint r) {
    RowMove m;
    m.oldBits = bitsOfNibble(nibbleOf(src[from + 4u + g / 8u], g));
    m.newBits = bitsOfNibble(nibbleOf(plan[bits + g / 8u], g));
    m.from = from + codesAt(Groups) + oldBefore(from + 4u, g) + r * rowWords(m.oldBits);
    m.to = to + codesAt(Groups) + newBefore(bits, g) + r * rowWords(m.newBits);
    m.range = from + rangesAt(Groups) + g * RANGE_WORDS;
    return m;
}

// Quantizes a raw row: plane after plane, so that a word is written once.
void quantizeRow(RowMove m) {
    uint low = src[m.range], high = low & 0xffff0000u;
    if (TYPE == F32) high = src[m.range + 1u];
    else low <<= 16;
    Range range = rangeOf(loaded(low), loaded(high));
    uint word = 0u;
    for (uint i = 0u; i < m.newBits * HEAD_DIM; i++) {
        uint e = i % HEAD_DIM, packed = src[m.from + e / PER_WORD];
        uint pattern = PER_WORD == 1 ? packed : e % 2u == 0u ? packed << 16 : packed & 0xffff0000u;
        uint code = codeOf(range, loaded(pattern));
        word |= ((code >> (7u - i / HEAD_DIM)) & 1u) << (i % 32u);
        if (i % 32u == 31u || i + 1u == m.newBits * HEAD_DIM) {
            dst[m.to + i / 32u] = word;
            word = 0u;
        }
    }
}

// The row with at most its old bits: its string is cut short.
void shortenRow(RowMove m) {
    if (m.oldBits == RAW && m.newBits != RAW) {
        quantizeRow(m);
        return;
    }
    uint words = rowWords(m.newBits), rest = m.newBits * HEAD_DIM % 32u;
    for (uint i = 0u; i < words; i++) {
        uint word = src[m.from + i];
        if (!ALIGNED && m.newBits != RAW && rest != 0u && i + 1u == words) word &= (1u << rest) - 1u;
        dst[m.to + i] = word;
    }
}

#endif
