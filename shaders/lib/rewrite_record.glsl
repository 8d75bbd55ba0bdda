// A page of records written anew (repack_calibrated, promote_calibrated). Needs
// src, dst, plan.
#ifndef QAQVK_REWRITE_RECORD
#define QAQVK_REWRITE_RECORD

#define SRC(i) WORD(src, i)
#define OUT(i) WORD(dst, i)
#define PLAN(i) plan[i]
#define TABLE(i) plan[i]
#include "record.glsl"
#include "assemble.glsl"
WORDS_BEFORE(oldBefore, SRC)
WORDS_BEFORE(newBefore, PLAN)

// A token's record in the old and in the new page.
struct RecordMove {
    uint from, to;           // words
    uint oldLevel, newLevel; // nibbles
};

RecordMove moveOf(RecordRewriteJob job, uint t) {
    RecordMove m;
    m.oldLevel = nibbleOf(SRC(job.from + RECORD_HEADER + t / 8u), t);
    m.newLevel = nibbleOf(PLAN(job.levels + t / 8u), t);
    m.from = job.from + recordsAt(Tokens) + oldBefore(job.table, job.from + RECORD_HEADER, t);
    m.to = job.to + recordsAt(Tokens) + newBefore(job.table, job.levels, t);
    return m;
}

void rewriteHeader(RecordRewriteJob job) {
    writeHeader(job.to, job.words, Tokens, SRC(job.from + 2u) >> 16, job.levels, job.table);
}

void copyRecord(RecordMove m, uint words) {
    for (uint i = 0u; i < words; i++) OUT(m.to + i) = SRC(m.from + i);
}

// n bits of the old record from a bit of it on.
uint oldBits(uint at, uint bit, uint n) {
    uint shift = bit % 32u, word = SRC(at + bit / 32u) >> shift;
    if (shift + n > 32u) word |= SRC(at + bit / 32u + 1u) << (32u - shift);
    return word & ones(n);
}

// The record with at most its old planes.
void shortenRecord(RecordMove m, uint table) {
    if (m.oldLevel == m.newLevel) {
        copyRecord(m, wordsOfLevel(table, m.oldLevel));
        return;
    }
    Writer w = Writer(m.to, 0u, 0u);
    uint bit = 0u;
    for (uint n = 0u; n < ROWS * BLOCKS * 8u; n++) {
        uint head = n / 8u / BLOCKS, block = n / 8u % BLOCKS, p = n % 8u;
        uint held = channelsOf(planeOfRow(table, m.oldLevel, head, p), block);
        uint kept = channelsOf(planeOfRow(table, m.newLevel, head, p), block);
        if (kept > 0u) put(w, oldBits(m.from, bit, kept), kept);
        bit += held;
    }
    finish(w);
}

#endif
