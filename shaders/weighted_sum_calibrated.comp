#version 450
#extension GL_GOOGLE_include_directive : require
// Partial outputs of V records: sums of raw rows and, apart from them, of coded
// values, and the probability that the latter have in all. LANES invocations share
// a split, KV head, tile of queries and block of the row, as in weighted_sum.
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

const uint EACH = 32 / LANES; // elements of an invocation

// What an invocation works on.
struct Item {
    uint lane;
    uint block;
    uint head;
    uint partial; // the first vector's row of partials
    uint live;    // vectors of the tile
    uint scores_; // word of the tile's probabilities for token 0
    uvec2 words;  // of the table: magnitudes
};

// What it sums up in registers. Few rows are raw: their sums stay in memory.
struct Sums {
    float coded[EACH][QUERIES];
    float mass[QUERIES];
};

uint elementOf(Item item, uint i) { return item.block * 32u + i * LANES + item.lane; }
bool inRow(Item item, uint i) { return ALIGNED || elementOf(item, i) < HEAD_DIM; }

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

// The element of partials of an invocation's element i and vector v.
uint partialAt(Item item, uint i, uint v) { return (item.partial + v) * HEAD_DIM + elementOf(item, i); }

void addRaw(Item item, uint at, uint t) {
    for (uint n = 0u; n < EACH * item.live; n++) {
        uint i = n / item.live, v = n % item.live, d = elementOf(item, i);
        if (!inRow(item, i)) break;
        uint word = PAGE(at + d / PER_WORD);
        float x = boundPattern(PER_WORD == 1 ? word : d % 2u == 0u ? word << 16 : word & 0xffff0000u);
        precise float product = uintBitsToFloat(WORD(scores, item.scores_ + t * QUERIES + v)) * x;
        precise float sum = partials[partialAt(item, i, v)] + product;
        partials[partialAt(item, i, v)] = sum;
    }
}

void addCoded(inout Sums sums, Item item, Reconstruction r, uint at, CodedRow row, bool coded, float p[QUERIES]) {
    for (uint k = 0u; k < 8u; k++) row.planes[k] = coded ? row.planes[k] : 0u;
    BlockPlanes b = planesOf(row, at, item.block);
    if (LANES == 1) {
        float x[32];
        valuesOf(r, b, x);
        for (uint i = 0u; i < EACH; i++) { ADD(sums.coded[i], p, x[i % 32u]) }
    } else {
        for (uint i = 0u; i < EACH; i++) {
            float x = valueAt(r, item.words, b, i * LANES + item.lane);
            ADD(sums.coded[i], p, x)
        }
    }
    for (uint v = 0u; v < QUERIES; v++) {
        precise float sum = sums.mass[v] + (coded ? p[v] : 0.0);
        sums.mass[v] = sum;
    }
}

// Tokens from..to-1, all of one page whose first token is start. Those before from and raw
// ones add zeros, which change no sum: drivers that run invocations in vector lanes copy
// all sums at each level of branches and loops that changes them.
void addPage(inout Sums sums, Item item, Reconstruction r, Sizes sizes, uint page, uint start, uint from, uint to) {
    uint at = page + recordsAt(PageTokens);
    for (uint t = start; t < to; t++) {
        uint i = t - start, level = nibbleOf(PAGE(page + RECORD_HEADER + i / 8u), i);
        float p[QUERIES];
        loadProbabilities(item, max(t, from), p);
        WHERE(t >= from && level == RAW_LEVEL) addRaw(item, at + (HeadFirst + item.head) * RAW_ROW, t);
        addCoded(sums, item, r, at, codedRow(min(level, LEVELS - 1u), HeadFirst + item.head), t >= from && level != RAW_LEVEL, p);
        at += recordWords(sizes, level);
    }
}

void addPages(inout Sums sums, Item item, Reconstruction r, Sizes sizes, uint from, uint to) {
    for (uint t = from; t < to;) {
        uint page = (t - FRAME.first) / PageTokens, start = FRAME.first + page * PageTokens;
        uint stop = min(to, start + PageTokens);
        addPage(sums, item, r, sizes, READ2(FramePages, frame, FRAME_WORDS, page).v, start, t, stop);
        t = stop;
    }
}

// Words of partials before the coded ones, and before the probabilities.
uint codedAt() { return Splits * Heads * Vectors * HEAD_DIM; }
uint massAt() { return 2u * codedAt(); }

void main() {
    Item item;
    uint n = gl_GlobalInvocationID.x / LANES, tiles = tilesOf(Vectors);
    item.lane = gl_GlobalInvocationID.x % LANES;
    // Neighbours have the same block, so that few have codes of many bits.
    uint tile = n % tiles, split = begin() / SPLIT_TOKENS + n / tiles / Heads / BLOCKS;
    item.head = n / tiles % Heads;
    item.block = n / tiles / Heads % BLOCKS;
    item.scores_ = ScoresAt + ((item.head * tiles + tile) * Stride - FRAME.base) * QUERIES;
    item.live = min(QUERIES, Vectors - tile * QUERIES);
    item.words = uvec2(TABLE(16u), TABLE(17u));
    SIZES(sizes)
    RECONSTRUCTION(r)
    uint from = max(split * SPLIT_TOKENS, begin()), to = min((split + 1u) * SPLIT_TOKENS, FRAME.end);
    if (from >= to) return;
    item.partial = ((split - FRAME.base / SPLIT_TOKENS) * Heads + item.head) * Vectors + tile * QUERIES;
    bool more = from > split * SPLIT_TOKENS; // an earlier dispatch began the split
    Sums sums;
    for (uint i = 0u; i < EACH; i++)
        for (uint v = 0u; v < QUERIES; v++)
            sums.coded[i][v] = more && v < item.live && inRow(item, i) ? partials[codedAt() + partialAt(item, i, v)] : 0.0;
    for (uint v = 0u; v < QUERIES; v++)
        sums.mass[v] = more && v < item.live && item.block == 0u && item.lane == 0u ? partials[massAt() + item.partial + v] : 0.0;
    for (uint v = 0u; v < item.live && !more; v++)
        for (uint i = 0u; i < EACH; i++)
            if (inRow(item, i)) partials[partialAt(item, i, v)] = 0.0;
    addPages(sums, item, r, sizes, from, to);
    for (uint i = 0u; i < EACH; i++)
        for (uint v = 0u; v < QUERIES; v++)
            if (v < item.live && inRow(item, i)) partials[codedAt() + partialAt(item, i, v)] = sums.coded[i][v];
    for (uint v = 0u; v < QUERIES; v++)
        if (v < item.live && item.block == 0u && item.lane == 0u) partials[massAt() + item.partial + v] = sums.mass[v];
}
