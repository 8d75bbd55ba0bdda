// Sizes and places in slots and pages (doc.go).
#ifndef QAQVK_LAYOUT
#define QAQVK_LAYOUT
#include "jobs.glsl"

const uint PAGE_MAGIC = 0x51410001;
const uint HEADER = 4;                        // words of a page before its bits
const uint RAW = 16;
const uint E = TYPE == 0 ? 4 : 2;             // bytes an element
const uint PER_WORD = 4 / E;                  // elements a word
const uint BLOCKS = (HEAD_DIM + 31) / 32;     // blocks of 32 elements a row
const bool ALIGNED = HEAD_DIM % 32 == 0;      // planes start at word borders
const uint BLOCK_WORDS = 32 / PER_WORD;       // words a block of rows
const uint RAW_ROW = HEAD_DIM / PER_WORD;     // words a raw row
const uint GROUP = ROWS * HEAD_DIM;           // elements a group
const uint OUTLIERS = LOW + HIGH;             // outliers a group
const uint RANGE_WORDS = TYPE == 0 ? 2 : 1;   // words a range
const uint ENTRY_WORDS = TYPE == 0 ? 2 : 1;   // words an outlier in a slot
const uint INDEX_BITS = GROUP <= 256 ? 8 : 16;
const uint SLOT_ROWS = (RANGE_WORDS + OUTLIERS * ENTRY_WORDS + 3) / 4 * 4; // where a slot's rows begin
const bool WHOLE = HEAD_DIM % 128 == 0;        // rows are whole 128-bit words at all bits

// Bits that codes have: none in an evicted group.
uint plainBits(uint bits) { return bits == EVICTED ? 0u : bits; }

uint rowWords(uint bits) {
    return bits == RAW ? RAW_ROW : (plainBits(bits) * HEAD_DIM + 31u) / 32u;
}

uint bitsWords(uint groups) { return (groups + 7u) / 8u; }
uint rangesAt(uint groups) { return HEADER + bitsWords(groups); }
uint valuesAt(uint groups) { return rangesAt(groups) + groups * RANGE_WORDS; }
uint valuesWords(uint groups) { return (groups * OUTLIERS * E + 3u) / 4u; }
uint indicesAt(uint groups) { return valuesAt(groups) + valuesWords(groups); }
uint indicesWords(uint groups) { return (groups * OUTLIERS * INDEX_BITS + 31u) / 32u; }
uint codesAt(uint groups) { return (indicesAt(groups) + indicesWords(groups) + 3u) / 4u * 4u; }

// Rows of a page that one of the workgroup's invocations takes, one after another.
uint rowsEach(uint groups) { return (groups * ROWS + WORKGROUP - 1u) / WORKGROUP; }

uint bitsOfNibble(uint nibble) { return nibble == 15u ? RAW : nibble; }
uint nibbleOf(uint word, uint g) { return (word >> (4u * (g % 8u))) & 15u; }

// A bits word in which evicted groups have no bits.
uint plainNibbles(uint word) {
    return word - ((word >> 1) & (word >> 2) & (word >> 3) & ~word & 0x11111111u) * 14u;
}

// Words that the groups of one bits word take.
uint wordsOfNibbles(uint word) {
    if (ALIGNED) {
        word = plainNibbles(word);
        uint raw = word & (word >> 1) & (word >> 2) & (word >> 3) & 0x11111111u;
        uint rest = word - raw * 15u;
        rest = (rest & 0x0f0f0f0fu) + ((rest >> 4) & 0x0f0f0f0fu);
        return ROWS * (BLOCKS * ((rest * 0x01010101u) >> 24) + RAW_ROW * uint(bitCount(raw)));
    }
    uint words = 0u;
    for (uint g = 0u; g < 8u; g++) words += rowWords(bitsOfNibble(nibbleOf(word, g)));
    return ROWS * words;
}

// The nibbles of a bits word that come before group g.
uint nibblesBefore(uint word, uint g) { return word & ((1u << (4u * (g % 8u))) - 1u); }

// Word i of a buffer of 128-bit words: drivers move those in the time of one.
#define WORD(buf, i) buf[(i) / 4u][(i) % 4u]

// Copies a row's words; a row that is whole 128-bit words begins at one.
#define COPY_ROW(dst, to, src, from, words)                                      \
    if (WHOLE) {                                                                 \
        for (uint i = 0u; i < (words) / 4u; i++) dst[(to) / 4u + i] = src[(from) / 4u + i]; \
    } else {                                                                     \
        for (uint i = 0u; i < (words); i++) WORD(dst, (to) + i) = WORD(src, (from) + i); \
    }

// Bits offset..offset+31 of a row string are in words offset/32 and the next.
// at(i) is word i of the buffer.
#define STRING_WORD(at, base, offset, words) \
    ((at((base) + (offset) / 32u) >> ((offset) % 32u)) | \
     ((offset) % 32u != 0u && (offset) / 32u + 1u < (words) ? at((base) + (offset) / 32u + 1u) << (32u - (offset) % 32u) : 0u))

// Words before the codes of group g of a page whose bits words are at(base)
// and what follows: a sum over the bits of the groups before it.
#define CODES_BEFORE(name, at)                                                   \
    uint name(uint base, uint g) {                                               \
        uint words = 0u;                                                         \
        for (uint i = 0u; i < g / 8u; i++) words += wordsOfNibbles(at(base + i)); \
        if (g % 8u != 0u) words += wordsOfNibbles(nibblesBefore(at(base + g / 8u), g)); \
        return words;                                                            \
    }

#endif
