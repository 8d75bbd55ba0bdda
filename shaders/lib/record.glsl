// Pages of records and the record table of a layer (doc_calibrated.go). Needs
// TABLE(i), word i of the record table. ROWS is the KV heads of a token.
#ifndef QAQVK_RECORD
#define QAQVK_RECORD

const uint RECORD_MAGIC = 0x51410102;
const uint RECORD_HEADER = 4;                       // words of a page before its levels
const uint LEVELS = 10;
const uint RAW_LEVEL = 15;                          // a level's nibble for a raw token
const uint TABLE_ROWS = 32;                         // words of a table before its rows
const uint TABLE_WORDS = TABLE_ROWS + LEVELS * ROWS * 8;
const uint MEAN_AT = TABLE_WORDS + 256;             // words of tables before the means
const uint FORWARD_SCALES_AT = MEAN_AT + GROUP;
const uint INVERSE_SCALES_AT = FORWARD_SCALES_AT + GROUP;
const uint FORWARD_AT = INVERSE_SCALES_AT + GROUP;
const uint INVERSE_AT = FORWARD_AT + GROUP * HEAD_DIM / 4;
const uint ALL_WORDS = (INVERSE_AT + GROUP * HEAD_DIM / 4 + 63) / 64 * 64; // words of tables, a multiple of 64
const uint CODES = ROWS * BLOCKS * 8;               // words of the full codes of a token

uint recordsAt(uint tokens) { return (RECORD_HEADER + bitsWords(tokens) + 3u) / 4u * 4u; }

// Words of records by level, held in registers.
struct Sizes {
    uint level[LEVELS];
    uint raw;
};

#define SIZES(sizes)                                                  \
    Sizes sizes;                                                      \
    for (uint l = 0u; l < LEVELS; l++) sizes.level[l] = TABLE(l);     \
    sizes.raw = RAW_ROW * ROWS;

uint recordWords(Sizes sizes, uint level) {
    uint words = sizes.raw;
    for (uint l = 0u; l < LEVELS; l++) words = level == l ? sizes.level[l] : words;
    return words;
}

const uint TURN = 32; // tokens whose levels are four words

// Level of token i of a turn.
uint levelOf(uvec4 levels, uint i) {
    uint low = i < 8u ? levels.x : levels.y, high = i < 24u ? levels.z : levels.w;
    return nibbleOf(i < 16u ? low : high, i);
}

// Bit 4j + k of word b is bit b of the level of token 8k + j of a turn.
uvec4 levelBits(uvec4 levels) {
    uvec4 bits;
    for (uint b = 0u; b < 4u; b++) {
        uvec4 ones = (levels >> b) & 0x11111111u;
        bits[b] = ones.x | ones.y << 1 | ones.z << 2 | ones.w << 3;
    }
    return bits;
}

// The first n tokens of a turn, in the same order of bits.
uint firstTokens(uint n) {
    uint bits = 0u;
    for (uint k = 0u; k < 4u; k++) {
        uint some = clamp(n, 8u * k, 8u * k + 8u) - 8u * k;
        bits |= (some >= 8u ? 0x11111111u : 0x11111111u & ((1u << (4u * some)) - 1u)) << k;
    }
    return bits;
}

// Words of the records of the first n tokens of a turn.
uint recordsOfTurn(Sizes sizes, uvec4 levels, uint n) {
    uvec4 bits = levelBits(levels);
    uint first = firstTokens(n), words = 0u;
    for (uint l = 0u; l <= LEVELS; l++) {
        uint level = l < LEVELS ? l : RAW_LEVEL, same = first;
        for (uint b = 0u; b < 4u; b++) same &= ((level >> b) & 1u) != 0u ? bits[b] : ~bits[b];
        words += (l < LEVELS ? sizes.level[l % LEVELS] : sizes.raw) * uint(bitCount(same));
    }
    return words;
}

// A row of a record: its place and the channels of its planes.
struct CodedRow {
    uint bit; // in the record
    uint planes[8];
};

// Row of a KV head at a level 0..9. four(i) is words 4i..4i+3 of the table.
#define CODED_ROW(name, four)                                              \
    CodedRow name(uint level, uint head) {                                 \
        uint at = (TABLE_ROWS + (level * ROWS + head) * 8u) / 4u;          \
        uvec4 low = four(at), high = four(at + 1u);                        \
        return CodedRow(low.x, uint[8](low.z & 0xffffu, low.z >> 16, low.w & 0xffffu, low.w >> 16, \
            high.x & 0xffffu, high.x >> 16, high.y & 0xffffu, high.y >> 16)); \
    }

// Channels of a block of which a plane of so many channels has bits.
uint channelsOf(uint plane, uint block) { return clamp(plane, block * 32u, block * 32u + 32u) - block * 32u; }

// Bit of the record where a block of a row begins.
uint blockBit(CodedRow row, uint block) {
    uint bit = row.bit;
    for (uint p = 0u; p < 8u; p++) bit += min(row.planes[p], block * 32u);
    return bit;
}

// A magnitude below 2^-40 counts as 0, one above most as most.
float cut(float x, float most) {
    float inside = x > most ? most : x;
    inside = inside < -most ? -most : inside;
    return (floatBitsToUint(x) & 0x7fffffffu) < 0x2b800000u ? 0.0 : inside;
}

// Arranged queries of a dispatch: the tiles of arrange_queries without sums, the record tables
// of K and of V, coded tiles, the products with means. Words before the tables:
#define TABLES_AT(tiles) ((tiles) * TILE)
#define CODED_AT(tiles) (TABLES_AT(tiles) + 2u * TABLE_WORDS)
#define MEANS_AT(tiles, stretches) (CODED_AT(tiles) + (tiles) * (stretches) * HEAD_DIM * QUERIES)

// n ones, n up to 32.
uint ones(uint n) { return n >= 32u ? 0xffffffffu : (1u << (n & 31u)) - 1u; }

#endif
