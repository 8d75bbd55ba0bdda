#version 450
#extension GL_GOOGLE_include_directive : require
// Partial outputs of V records: sums of raw rows and, apart from them, of coded
// values, and the probability that the latter have in all. An invocation, or where STAGED
// is 1 a workgroup, has a split, KV head, tile of queries and block of the row.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 2, std430) readonly buffer Scores { uvec4 scores[]; }; // arranged queries, then probabilities
layout(set = 0, binding = 3, std430) buffer Partials { float partials[]; };
layout(push_constant) uniform Push {
    uint Vectors;    // query vectors of a KV head, V
    uint Heads;      // KV heads in this dispatch
    uint HeadFirst;  // first KV head of the dispatch
    uint Stride;     // tokens that scores have room for
    uint PageTokens; // tokens of a page
    uint ScoresAt;   // words before the probabilities, a multiple of four
    uint Splits;     // splits that partials have room for
};
#define PAGE(i) WORD(pages, i)
#include "lib/attend.glsl"
#define TABLE(i) WORD(scores, TABLES_AT(tilesOf(Vectors) * Heads) + TABLE_WORDS + (i))
#define TABLE4(i) scores[(TABLES_AT(tilesOf(Vectors) * Heads) + TABLE_WORDS) / 4u + (i)]
#include "lib/record.glsl"
#include "lib/calibrated.glsl"
CODED_ROW(codedRow, TABLE4)
#include "lib/sum.glsl"

// What an invocation works on.
struct Item {
    uint block;
    uint head;
    uint partial; // the first vector's row of partials
    uint live;    // vectors of the tile
    uint scores_; // word of the tile's probabilities for token 0
};

// What it sums up in registers. Few rows are raw: their sums stay in memory.
struct Sums {
    float coded[32][QUERIES];
    float mass[QUERIES];
};

// Probabilities of a token for the vectors of the tile.
void loadProbabilities(Item item, uint t, out float p[QUERIES]) {
    uint at = item.scores_ + t * QUERIES;
    if (QUERIES < 4) {
        for (uint v = 0u; v < QUERIES; v++) p[v] = uintBitsToFloat(WORD(scores, at + v));
        return;
    }
    for (uint v = 0u; v < QUERIES; v += 4u) {
        uvec4 four = scores[(at + v) / 4u];
        for (uint k = 0u; k < 4u; k++) p[v + k] = uintBitsToFloat(four[k]);
    }
}

#define ADD(sums, p, x)                              \
    for (uint v = 0u; v < QUERIES; v++) {            \
        precise float product = p[v] * x;            \
        precise float sum = sums[v] + product;       \
        sums[v] = sum;                               \
    }

// The element of partials of element e and vector v, and whether there is one.
uint partialAt(Item item, uint e, uint v) { return (item.partial + v) * HEAD_DIM + item.block * 32u + e; }
bool inPartial(Item item, uint e, uint v) { return v < item.live && (ALIGNED || item.block * 32u + e < HEAD_DIM); }

// Element e of the item's block of a raw row at word at.
float rawElement(Item item, uint at, uint e) {
    uint d = item.block * 32u + e, word = PAGE(at + d / PER_WORD);
    return boundPattern(PER_WORD == 1 ? word : d % 2u == 0u ? word << 16 : word & 0xffff0000u);
}

// A loop over vectors would make more turns of 256 raw rows than llvmpipe lets an
// invocation have.
void addRaw(Item item, uint at, uint t) {
    for (uint e = 0u; e < 32u; e++) {
        if (!inPartial(item, e, 0u)) break;
        float x = rawElement(item, at, e);
        for (uint v = 0u; v < QUERIES; v++) {
            if (v >= item.live) break;
            precise float product = uintBitsToFloat(WORD(scores, item.scores_ + t * QUERIES + v)) * x;
            precise float sum = partials[partialAt(item, e, v)] + product;
            partials[partialAt(item, e, v)] = sum;
        }
    }
}

// The item's block of rows of all levels, held in registers: a load costs each lane more.
struct BlockRows { uvec3 level[LEVELS]; }; // bit, channels of planes 0..3 and of 4..7, a byte each

BlockRows blockRowsOf(Item item) {
    BlockRows rows;
    for (uint l = 0u; l < LEVELS; l++) {
        BlockRow row = blockOfRow(codedRow(l, HeadFirst + item.head), item.block);
        uvec2 held = uvec2(0u);
        for (uint p = 0u; p < 8u; p++) held[p / 4u] |= row.held[p] << (p % 4u * 8u);
        rows.level[l] = uvec3(row.bit, held);
    }
    return rows;
}

// That of a level, without channels where there is no such level.
BlockRow rowOfLevel(BlockRows rows, uint level) {
    uvec3 words = uvec3(0u);
    for (uint l = 0u; l < LEVELS; l++) words = level == l ? rows.level[l] : words;
    BlockRow row;
    row.bit = words.x;
    for (uint p = 0u; p < 8u; p++) row.held[p] = (words[1u + p / 4u] >> (p % 4u * 8u)) & 255u;
    return row;
}

void addCoded(inout Sums sums, float x[32], bool coded, float p[QUERIES]) {
    for (uint e = 0u; e < 32u; e++) { ADD(sums.coded[e], p, x[e]) }
    for (uint v = 0u; v < QUERIES; v++) {
        precise float sum = sums.mass[v] + (coded ? p[v] : 0.0);
        sums.mass[v] = sum;
    }
}

// Tokens of a turn.
struct Turn {
    uvec4 levels; // of tokens start and on
    uint at;      // record of token start
    uint start;
    uint from;    // the first that counts
    uint to;      // behind the last
};

// Adds the coded tokens of a turn, moves to the record behind it and returns whether
// a token is raw. Tokens that do not count and raw ones add zeros, which change no sum:
// drivers that run invocations in vector lanes copy all sums at each level of branches
// and loops that changes them.
bool addTurn(inout Sums sums, Item item, Sizes sizes, BlockRows rows, inout Turn turn) {
    bool raws = false;
    uint t = turn.start;
    do {
        uint level = levelOf(turn.levels, t - turn.start);
        bool counts = t >= turn.from, coded = counts && level != RAW_LEVEL;
        float p[QUERIES], x[32];
        loadProbabilities(item, max(t, turn.from), p);
        valuesOf(planesOf(rowOfLevel(rows, coded ? level : RAW_LEVEL), turn.at), x);
        addCoded(sums, x, coded, p);
        raws = raws || (counts && !coded);
        turn.at += recordWords(sizes, level);
        t++;
    } while (t < turn.to);
    return raws;
}

// Adds the raw tokens of a turn, if there are any.
void addRaws(Item item, Sizes sizes, Turn turn, bool raws) {
    for (uint t = raws ? turn.start : turn.to; t < turn.to; t++) {
        uint level = levelOf(turn.levels, t - turn.start);
        if (t >= turn.from && level == RAW_LEVEL) addRaw(item, turn.at + (HeadFirst + item.head) * RAW_ROW, t);
        turn.at += recordWords(sizes, level);
    }
}

// Tokens from..to-1, from the first of the page of the first of them on.
void addTurns(inout Sums sums, Item item, Sizes sizes, uint from, uint to) {
    BlockRows rows = blockRowsOf(item);
    Turn turn;
    turn.at = 0u;
    turn.start = from - (from - FRAME.first) % PageTokens;
    turn.from = from;
    do {
        uint n = turn.start - FRAME.first, i = n % PageTokens, page = READ2(FramePages, frame, FRAME_WORDS, n / PageTokens).v;
        turn.at = i == 0u ? page + recordsAt(PageTokens) : turn.at;
        turn.levels = pages[(page + RECORD_HEADER) / 4u + i / TURN];
        turn.to = min(to, turn.start + min(TURN, PageTokens - i));
        Turn again = turn;
        addRaws(item, sizes, again, addTurn(sums, item, sizes, rows, turn));
        turn.start = turn.to;
    } while (turn.start < to);
}

// Words of partials before the coded ones, and before the probabilities.
uint codedAt() { return Splits * Heads * Vectors * HEAD_DIM; }
uint massAt() { return 2u * codedAt(); }

// Adds tokens from..to-1 to the item's partials, which begin at 0 unless more is set.
void sumAlone(Item item, Sizes sizes, uint from, uint to, bool more) {
    Sums sums;
    for (uint e = 0u; e < 32u; e++)
        for (uint v = 0u; v < QUERIES; v++) sums.coded[e][v] = more && inPartial(item, e, v) ? partials[codedAt() + partialAt(item, e, v)] : 0.0;
    for (uint v = 0u; v < QUERIES; v++)
        sums.mass[v] = more && v < item.live && item.block == 0u ? partials[massAt() + item.partial + v] : 0.0;
    for (uint v = 0u; v < item.live && !more; v++)
        for (uint e = 0u; e < 32u; e++)
            if (inPartial(item, e, v)) partials[partialAt(item, e, v)] = 0.0;
    addTurns(sums, item, sizes, from, to);
    for (uint e = 0u; e < 32u; e++)
        for (uint v = 0u; v < QUERIES; v++)
            if (inPartial(item, e, v)) partials[codedAt() + partialAt(item, e, v)] = sums.coded[e][v];
    for (uint v = 0u; v < QUERIES; v++)
        if (v < item.live && item.block == 0u) partials[massAt() + item.partial + v] = sums.mass[v];
}

// Element of an invocation's sum number k, the last of the row for those behind it,
// whose sums nobody keeps.
uint elementIn(Item item, uint k) { return ALIGNED ? elementOf(k) : min(elementOf(k), HEAD_DIM - 1u - item.block * 32u); }

// What an invocation of a workgroup sums up.
struct Share {
    float raw[EACH];
    float coded[EACH];
    float mass[EACH];
};

shared uint stagedRaw[STAGED != 0 ? TOGETHER : 1]; // 1: the row is raw

// Brings the item's block of the row of token t, the i-th of a round, to shared memory.
void stageToken(Item item, uint t, uint i) {
    SIZES(sizes)
    uint page = READ2(FramePages, frame, FRAME_WORDS, (t - FRAME.first) / PageTokens).v, k = (t - FRAME.first) % PageTokens;
    uint level = nibbleOf(PAGE(page + RECORD_HEADER + k / 8u), k);
    uint at = page + recordsAt(PageTokens) + recordsBefore(sizes, page, k);
    loadReconstruction();
    float x[32];
    BlockRow row = blockOfRow(codedRow(min(level, LEVELS - 1u), HeadFirst + item.head), item.block);
    for (uint p = 0u; p < 8u; p++) row.held[p] = level == RAW_LEVEL ? 0u : row.held[p];
    valuesOf(planesOf(row, at), x);
    if (level == RAW_LEVEL) {
        at += (HeadFirst + item.head) * RAW_ROW;
        for (uint e = 0u; e < 32u; e++) x[e] = ALIGNED || item.block * 32u + e < HEAD_DIM ? rawElement(item, at, e) : 0.0;
    }
    stageRow(i, x);
    stagedRaw[i] = level == RAW_LEVEL ? 1u : 0u;
}

// Adds row i of a round to the sums.
void addRow(inout Share share, uint i) {
    if (stagedRaw[i] != 0u) {
        addStaged(share.raw, i);
        return;
    }
    addStaged(share.coded, i);
    for (uint k = 0u; k < EACH; k++) {
        precise float sum = share.mass[k] + shareOf(i, k);
        share.mass[k] = sum;
    }
}

// The same as sumAlone by a workgroup.
void sumTogether(Item item, uint from, uint to, bool more) {
    Share share;
    for (uint k = 0u; k < EACH; k++) {
        uint v = min(vectorOf(k), item.live - 1u), at = partialAt(item, elementIn(item, k), v);
        share.raw[k] = more ? partials[at] : 0.0;
        share.coded[k] = more ? partials[codedAt() + at] : 0.0;
        share.mass[k] = more && item.block == 0u ? partials[massAt() + item.partial + v] : 0.0;
    }
    for (uint first = from; first < to; first += TOGETHER) {
        uint tokens = min(TOGETHER, to - first);
        barrier();
        for (uint i = gl_LocalInvocationID.x; i < tokens; i += WORKGROUP) stageToken(item, first + i, i);
        for (uint i = gl_LocalInvocationID.x; i < tokens * QUERIES; i += WORKGROUP)
            stagedShares[i] = uintBitsToFloat(WORD(scores, item.scores_ + first * QUERIES + i));
        barrier();
        for (uint i = 0u; i < tokens; i++) addRow(share, i);
    }
    for (uint k = 0u; k < EACH; k++) {
        if (!inPartial(item, elementOf(k), vectorOf(k))) continue;
        uint at = partialAt(item, elementOf(k), vectorOf(k));
        partials[at] = share.raw[k];
        partials[codedAt() + at] = share.coded[k];
        if (item.block == 0u && elementOf(k) == 0u) partials[massAt() + item.partial + vectorOf(k)] = share.mass[k];
    }
}

void main() {
    Item item;
    uint n = STAGED != 0 ? gl_WorkGroupID.x : gl_GlobalInvocationID.x, tiles = tilesOf(Vectors);
    // Neighbours have the same block, so that few have codes of many bits.
    uint tile = n % tiles, split = begin() / SPLIT_TOKENS + n / tiles / Heads / BLOCKS;
    item.head = n / tiles % Heads;
    item.block = n / tiles / Heads % BLOCKS;
    item.scores_ = ScoresAt + ((item.head * tiles + tile) * Stride - FRAME.base) * QUERIES;
    item.live = min(QUERIES, Vectors - tile * QUERIES);
    uint from = max(split * SPLIT_TOKENS, begin()), to = min((split + 1u) * SPLIT_TOKENS, FRAME.end);
    item.partial = ((split - FRAME.base / SPLIT_TOKENS) * Heads + item.head) * Vectors + tile * QUERIES;
    bool more = from > split * SPLIT_TOKENS; // an earlier dispatch began the split
    if (STAGED != 0) {
        if (from < to) sumTogether(item, from, to, more);
        return;
    }
    SIZES(sizes)
    loadReconstruction();
    if (from < to) sumAlone(item, sizes, from, to, more);
}
