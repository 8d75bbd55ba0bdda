#version 450
#extension GL_GOOGLE_include_directive : require
// Partial outputs: sums of V rows, weighted by probabilities, over the tokens
// of a split. LANES invocations share a split, KV head and tile of queries; an
// invocation has the elements lane, lane + LANES, ... of each chunk.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // a frame
layout(set = 0, binding = 2, std430) readonly buffer Scores { vec4 scores[]; };
layout(set = 0, binding = 3, std430) buffer Partials { float partials[]; };
layout(push_constant) uniform Push {
    uint Vectors;        // query vectors of a KV head, V
    uint Heads;          // KV heads in this dispatch
    uint Stride;         // tokens that scores have room for
    uint PageTokens;     // tokens of a page
    uint GroupsPerToken; // groups of a token in a page
    uint RowFirst;       // row of the first KV head in the group, if a token has one group, else its group in the token
    uint Slots;          // tokens of the recent window
    uint SlotWords;      // words from token to token there
    uint RowsAt;         // words before the rows of the first KV head there
};
#define PAGE(i) WORD(pages, i)
#include "lib/stored.glsl"
#include "lib/attend.glsl"

const uint EACH = 32 / LANES;      // elements of a chunk in an invocation
const uint HELD = CHUNKS * EACH;   // elements of a row in an invocation

// What an invocation works on.
struct Item {
    uint lane;
    uint head;
    uint partial; // the first vector's row of partials
    uint live;    // vectors of the tile
    uint scores_; // word of the tile's probabilities for token 0
};

uint elementOf(Item item, uint i) { return i / EACH * 32u + i % EACH * LANES + item.lane; }

// Probabilities of a token for the vectors of the tile.
void loadProbabilities(Item item, uint t, out float p[QUERIES]) {
    uint at = item.scores_ + t * QUERIES;
    if (QUERIES < 4) {
        for (uint v = 0u; v < QUERIES; v++) p[v] = WORD(scores, at + v);
        return;
    }
    for (uint v = 0u; v < QUERIES; v += 4u) {
        vec4 four = scores[(at + v) / 4u];
        for (uint k = 0u; k < 4u; k++) p[v + k] = four[k];
    }
}

void addToken(inout float sums[HELD][QUERIES], Item item, uint t, float x[HELD]) {
    float p[QUERIES];
    loadProbabilities(item, t, p);
    for (uint i = 0u; i < HELD; i++) {
        for (uint v = 0u; v < QUERIES; v++) {
            precise float product = p[v] * x[i];
            precise float sum = sums[i][v] + product;
            sums[i][v] = sum;
        }
    }
}

// The elements of a raw row at word at.
void loadRaw(Item item, uint at, out float x[HELD]) {
    for (uint i = 0u; i < HELD; i++) {
        uint d = elementOf(item, i);
        x[i] = !ALIGNED && d >= HEAD_DIM ? 0.0 : boundedPattern(storedPattern(at, d));
    }
}

// Words of a plane of a row at word at, one a chunk.
void loadPlane(uint at, uint words, uint p, out uint plane[CHUNKS]) {
    if (CHUNKS % 4 == 0 && ALIGNED) {
        for (uint c = 0u; c < CHUNKS; c += 4u) {
            uvec4 four = pages[(at + p * CHUNKS + c) / 4u];
            for (uint k = 0u; k < 4u; k++) plane[c + k] = four[k];
        }
    } else {
        for (uint c = 0u; c < CHUNKS; c++) plane[c] = planeAt(at, words, p, c);
    }
}

// The invocation's codes of a chunk are LANES bits apart in a word, in the high
// bits of bytes.
const uint SPREAD = LANES == 8 ? 0x01010101 : LANES == 16 ? 0x00010001 : 1;

void loadCodes(Item item, uint at, uint bits, out uint codes[CHUNKS]) {
    uint words = rowWords(bits), plane[CHUNKS];
    for (uint c = 0u; c < CHUNKS; c++) codes[c] = 0u;
    for (uint p = 0u; p < bits; p++) {
        loadPlane(at, words, p, plane);
        for (uint c = 0u; c < CHUNKS; c++) codes[c] = codes[c] << 1 | ((plane[c] >> item.lane) & SPREAD);
    }
    for (uint c = 0u; c < CHUNKS; c++) codes[c] <<= 8u - bits;
}

// The values of a quantized row of a page.
void loadValues(Item item, uint page, uint group, uint index, uint at, uint bits, out float x[HELD]) {
    uint codes[CHUNKS], groups = PageTokens * GroupsPerToken;
    loadCodes(item, at, bits, codes);
    uvec2 range = rangePatterns(page + rangesAt(groups) + group * RANGE_WORDS);
    float low = loaded(range.x);
    precise float s8 = extentOf(range) * 0.00390625;
    for (uint i = 0u; i < HELD; i++)
        x[i] = bounded(valueOf(low, s8, halfStep(bits), (codes[i / EACH] >> (i % EACH * LANES)) & 0xffu));
    for (uint j = 0u; j < OUTLIERS; j++) {
        uint n = group * OUTLIERS + j;
        uint d = outlierIndex(page, groups, n) - index * HEAD_DIM;
        float value = bounded(loaded(storedPattern(page + valuesAt(groups), n)));
        for (uint i = 0u; i < HELD; i++) x[i] = d == elementOf(item, i) ? value : x[i];
    }
}

// Tokens from..to-1 of the recent window.
void addRing(inout float sums[HELD][QUERIES], Item item, uint from, uint to) {
    for (uint t = from; t < to; t++) {
        float x[HELD];
        loadRaw(item, t % Slots * SlotWords + RowsAt + item.head * RAW_ROW, x);
        addToken(sums, item, t, x);
    }
}

// Tokens from..to-1, all of one page. words are those of the codes before the
// bits word that eight groups share, so that no token sums up anew.
void addPage(inout float sums[HELD][QUERIES], Item item, uint page, uint start, uint from, uint to) {
    uint groups = PageTokens * GroupsPerToken, words = 0u, eight = 0u;
    uint index = GroupsPerToken == 1u ? RowFirst + item.head : 0u;
    for (uint t = from; t < to; t++) {
        uint group = (t - start) * GroupsPerToken + (GroupsPerToken == 1u ? 0u : RowFirst + item.head);
        for (; eight < group / 8u; eight++) words += wordsOfNibbles(PAGE(page + 4u + eight));
        uint nibbles = PAGE(page + 4u + eight), bits = bitsOfNibble(nibbleOf(nibbles, group));
        uint at = page + codesAt(groups) + words + wordsOfNibbles(nibblesBefore(nibbles, group)) + index * rowWords(bits);
        float x[HELD];
        if (bits == RAW) loadRaw(item, at, x);
        else loadValues(item, page, group, index, at, bits, x);
        addToken(sums, item, t, x);
    }
}

void addPages(inout float sums[HELD][QUERIES], Item item, uint from, uint to) {
    for (uint t = from; t < to;) {
        uint page = (t - first()) / PageTokens, start = first() + page * PageTokens;
        uint stop = min(to, start + PageTokens);
        addPage(sums, item, plan[4u + 2u * page + 1u], start, t, stop);
        t = stop;
    }
}

void main() {
    uint n = gl_GlobalInvocationID.x / LANES, tiles = tilesOf(Vectors);
    uint tile = n % tiles, split = begin() / SPLIT + n / tiles / Heads;
    Item item;
    item.lane = gl_GlobalInvocationID.x % LANES;
    item.head = n / tiles % Heads;
    item.scores_ = ((item.head * tiles + tile) * Stride - base()) * QUERIES;
    item.live = min(QUERIES, Vectors - tile * QUERIES);
    uint from = max(split * SPLIT, begin()), to = min((split + 1u) * SPLIT, end());
    if (from >= to) return;
    item.partial = ((split - base() / SPLIT) * Heads + item.head) * Vectors + tile * QUERIES;
    bool more = from > split * SPLIT; // an earlier dispatch began the split
    float sums[HELD][QUERIES];
    for (uint i = 0u; i < HELD; i++) {
        uint d = elementOf(item, i);
        for (uint v = 0u; v < QUERIES; v++) {
            bool here = more && v < item.live && (ALIGNED || d < HEAD_DIM);
            sums[i][v] = here ? partials[(item.partial + v) * HEAD_DIM + d] : 0.0;
        }
    }
    if (RING != 0) addRing(sums, item, from, to);
    else addPages(sums, item, from, to);
    for (uint i = 0u; i < HELD; i++) {
        uint d = elementOf(item, i);
        for (uint v = 0u; v < QUERIES; v++)
            if (v < item.live && (ALIGNED || d < HEAD_DIM)) partials[(item.partial + v) * HEAD_DIM + d] = sums[i][v];
    }
}
