// A page written anew with other bits (repack, promote). Needs src, dst, plan.
#ifndef QAQVK_REWRITE
#define QAQVK_REWRITE

#define SRC(i) WORD(src, i)
#define PLAN(i) plan[i]
CODES_BEFORE(oldBefore, SRC)
CODES_BEFORE(newBefore, PLAN)

// Everything before the codes, by the invocations of a workgroup.
void copyHeader(RepackJob job, uint t) {
    for (uint i = t; i < codesAt(Groups) / 4u; i += WORKGROUP) {
        uvec4 four = src[job.from / 4u + i];
        if (i == 0u) four.y = job.words;
        for (uint j = 0u; j < 4u; j++)
            if (i > 0u && 4u * i + j < rangesAt(Groups)) four[j] = plan[job.bits + 4u * i + j - HEADER];
        dst[job.to / 4u + i] = four;
    }
}

struct RowMove {
    uint row;              // row in the page
    uint from, to;         // codes of the row in src and dst
    uint oldBits, newBits;
    uint range;            // range of its group in src
};

// What row m.row has to do with its group.
void enterRow(inout RowMove m, RepackJob job) {
    uint g = m.row / ROWS;
    m.oldBits = bitsOfNibble(nibbleOf(SRC(job.from + HEADER + g / 8u), g));
    m.newBits = bitsOfNibble(nibbleOf(PLAN(job.bits + g / 8u), g));
    m.range = job.from + rangesAt(Groups) + g * RANGE_WORDS;
}

// The first of an invocation's rows, which follow each other: only for this one
// are the bits before it summed up.
RowMove firstRow(RepackJob job, uint row) {
    RowMove m;
    m.row = row;
    enterRow(m, job);
    m.from = job.from + codesAt(Groups) + oldBefore(job.from + HEADER, row / ROWS) + row % ROWS * rowWords(m.oldBits);
    m.to = job.to + codesAt(Groups) + newBefore(job.bits, row / ROWS) + row % ROWS * rowWords(m.newBits);
    return m;
}

void nextRow(inout RowMove m, RepackJob job) {
    m.from += rowWords(m.oldBits);
    m.to += rowWords(m.newBits);
    m.row++;
    if (m.row < Groups * ROWS) enterRow(m, job);
}

// Quantizes a raw row: plane after plane, so that a word is written once.
void quantizeRow(RowMove m) {
    uint low = SRC(m.range), high = low & 0xffff0000u;
    if (TYPE == F32) high = SRC(m.range + 1u);
    else low <<= 16;
    Range range = rangeOf(load(low), load(high));
    uint word = 0u;
    for (uint i = 0u; i < m.newBits * HEAD_DIM; i++) {
        uint e = i % HEAD_DIM, packed = SRC(m.from + e / PER_WORD);
        uint pattern = PER_WORD == 1 ? packed : e % 2u == 0u ? packed << 16 : packed & 0xffff0000u;
        uint code = codeOf(range, load(pattern));
        word |= ((code >> (7u - i / HEAD_DIM)) & 1u) << (i % 32u);
        if (i % 32u == 31u || i + 1u == m.newBits * HEAD_DIM) {
            WORD(dst, m.to + i / 32u) = word;
            word = 0u;
        }
    }
}

// The row with at most its old bits: its string is cut short.
void shortenRow(RowMove m) {
    if (m.newBits == EVICTED) return;
    if (m.oldBits == RAW && m.newBits != RAW) {
        quantizeRow(m);
        return;
    }
    uint words = rowWords(m.newBits), rest = m.newBits * HEAD_DIM % 32u;
    COPY_ROW(dst, m.to, src, m.from, words)
    if (!ALIGNED && m.newBits != RAW && rest != 0u)
        WORD(dst, m.to + words - 1u) = SRC(m.from + words - 1u) & ((1u << rest) - 1u);
}

#endif
