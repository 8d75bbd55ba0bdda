// Sizes and places in slots and pages (doc.go).
#ifndef QAQVK_LAYOUT
#define QAQVK_LAYOUT

const uint RAW = 16;
const uint E = TYPE == 0 ? 4 : 2;             // bytes an element
const uint PER_WORD = 4 / E;                  // elements a word
const uint CHUNKS = (HEAD_DIM + 31) / 32;     // chunks of 32 elements a row
const bool ALIGNED = HEAD_DIM % 32 == 0;      // planes start at word borders
const uint CHUNK_WORDS = 32 / PER_WORD;       // words a chunk of rows
const uint RAW_ROW = HEAD_DIM / PER_WORD;     // words a raw row
const uint GROUP = ROWS * HEAD_DIM;           // elements a group
const uint OUTLIERS = LOW + HIGH;             // outliers a group
const uint RANGE_WORDS = TYPE == 0 ? 2 : 1;   // words a range
const uint ENTRY_WORDS = TYPE == 0 ? 2 : 1;   // words an outlier in a slot
const uint INDEX_BITS = GROUP <= 256 ? 8 : 16;
const uint SLOT_ROWS = RANGE_WORDS + OUTLIERS * ENTRY_WORDS; // where a slot's rows begin

uint rowWords(uint bits) {
    return bits == RAW ? RAW_ROW : (bits * HEAD_DIM + 31u) / 32u;
}

uint bitsWords(uint groups) { return (groups + 7u) / 8u; }
uint rangesAt(uint groups) { return 4u + bitsWords(groups); }
uint valuesAt(uint groups) { return rangesAt(groups) + groups * RANGE_WORDS; }
uint valuesWords(uint groups) { return (groups * OUTLIERS * E + 3u) / 4u; }
uint indicesAt(uint groups) { return valuesAt(groups) + valuesWords(groups); }
uint indicesWords(uint groups) { return (groups * OUTLIERS * INDEX_BITS + 31u) / 32u; }
uint codesAt(uint groups) { return indicesAt(groups) + indicesWords(groups); }

uint bitsOfNibble(uint nibble) { return nibble == 15u ? RAW : nibble; }
uint nibbleOf(uint word, uint g) { return (word >> (4u * (g % 8u))) & 15u; }

// Words that the groups of one bits word take.
uint wordsOfNibbles(uint word) {
    if (ALIGNED) {
        uint raw = word & (word >> 1) & (word >> 2) & (word >> 3) & 0x11111111u;
        uint rest = word - raw * 15u;
        rest = (rest & 0x0f0f0f0fu) + ((rest >> 4) & 0x0f0f0f0fu);
        return ROWS * (CHUNKS * ((rest * 0x01010101u) >> 24) + RAW_ROW * uint(bitCount(raw)));
    }
    uint words = 0u;
    for (uint g = 0u; g < 8u; g++) words += rowWords(bitsOfNibble(nibbleOf(word, g)));
    return ROWS * words;
}

// The nibbles of a bits word that come before group g.
uint nibblesBefore(uint word, uint g) { return word & ((1u << (4u * (g % 8u))) - 1u); }

// Bits offset..offset+31 of a row string are in words offset/32 and the next.
#define STRING_WORD(buf, base, offset, words) \
    ((buf[(base) + (offset) / 32u] >> ((offset) % 32u)) | \
     ((offset) % 32u != 0u && (offset) / 32u + 1u < (words) ? buf[(base) + (offset) / 32u + 1u] << (32u - (offset) % 32u) : 0u))

// Words before the codes of group g of a page whose bits words are at
// buf[base]: a sum over the bits of the groups before it.
#define CODES_BEFORE(name, buf)                                                  \
    uint name(uint base, uint g) {                                               \
        uint words = 0u;                                                         \
        for (uint i = 0u; i < g / 8u; i++) words += wordsOfNibbles(buf[base + i]); \
        if (g % 8u != 0u) words += wordsOfNibbles(nibblesBefore(buf[base + g / 8u], g)); \
        return words;                                                            \
    }

#endif
