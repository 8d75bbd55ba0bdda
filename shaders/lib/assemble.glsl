// Writing records (pack_calibrated, repack_calibrated, promote_calibrated). Needs
// OUT(i), word i of the pages that are written, and PLAN(i).
#ifndef QAQVK_ASSEMBLE
#define QAQVK_ASSEMBLE
#include "planes.glsl"

// A record that grows bit by bit.
struct Writer {
    uint at;   // word that is being filled
    uint word; // its bits so far
    uint used; // how many
};

// Appends the n low bits of a word whose others are 0; n is at most 32.
void put(inout Writer w, uint bits, uint n) {
    w.word |= bits << w.used;
    uint room = 32u - w.used;
    if (n < room) {
        w.used += n;
        return;
    }
    OUT(w.at) = w.word;
    w.at++;
    w.word = room < 32u ? bits >> room : 0u;
    w.used = n - room;
}

void finish(Writer w) {
    if (w.used > 0u) OUT(w.at) = w.word;
}

// Everything before the records of a page: by the invocation of its first token.
void writeHeader(uint page, uint words, uint tokens, uint failed, uint levels, uint table) {
    uint head[RECORD_HEADER] = uint[RECORD_HEADER](RECORD_MAGIC, words, tokens | failed << 16, PLAN(table + 22u));
    for (uint i = 0u; i < RECORD_HEADER; i++) OUT(page + i) = head[i];
    for (uint i = RECORD_HEADER; i < recordsAt(tokens); i++)
        OUT(page + i) = i - RECORD_HEADER < bitsWords(tokens) ? PLAN(levels + i - RECORD_HEADER) : 0u;
}

uint planeOfRow(uint table, uint level, uint head, uint p) {
    uint halves = PLAN(table + TABLE_ROWS + (level * ROWS + head) * 8u + 2u + p / 2u);
    return p % 2u == 0u ? halves & 0xffffu : halves >> 16;
}

// Words of the record of a token, and of those before it in its page.
uint wordsOfLevel(uint table, uint level) { return PLAN(table + level); }

#define WORDS_BEFORE(name, at)                                                       \
    uint name(uint table, uint base, uint t) {                                       \
        uint words = 0u;                                                             \
        for (uint i = 0u; i < t; i++) words += wordsOfLevel(table, nibbleOf(at(base + i / 8u), i)); \
        return words;                                                                \
    }

// Appends the planes of a level of all rows of a token from its full codes, which
// begin at word codes of a buffer.
#define PUT_CODES(w, table, level, buf, codes)                                          \
    for (uint row = 0u; row < ROWS * BLOCKS; row++) {                                   \
        uint block[8];                                                                  \
        for (uint k = 0u; k < 8u; k++) block[k] = buf((codes) + row * 8u + k);          \
        transpose(block);                                                               \
        for (uint p = 0u; p < 8u; p++) {                                                \
            uint n = channelsOf(planeOfRow(table, level, row / BLOCKS, p), row % BLOCKS); \
            if (n > 0u) put(w, block[7u - p] & ones(n), n);                             \
        }                                                                               \
    }

#endif
