#version 450
#extension GL_GOOGLE_include_directive : require
// Partial outputs: sums of V rows, weighted by probabilities, over the tokens
// of a split. LANES invocations share a split, KV head, tile of queries and
// block of the row; an invocation has the block's elements lane, lane + LANES, ...
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 2, std430) readonly buffer Scores { vec4 scores[]; };
layout(set = 0, binding = 3, std430) buffer Partials { float partials[]; };
layout(push_constant) uniform Push {
    uint Vectors;        // query vectors of a KV head, V
    uint Heads;          // KV heads in this dispatch
    uint Stride;         // tokens that scores have room for
    uint PageTokens;     // tokens of a page
    uint GroupsPerToken; // groups of a token in a page
    uint RowFirst;       // row of the first KV head in the group, if a token has one group, else its group in the token
    uint RingTokens;     // tokens of the recent window
    uint RingStride;     // words from token to token there
    uint RingFirst;      // words before the rows of the first KV head there
};
#define PAGE(i) WORD(pages, i)
#include "lib/stored.glsl"
#include "lib/attend.glsl"
#include "lib/planes.glsl"

const uint EACH = 32 / LANES; // elements of an invocation

// What an invocation works on.
struct Item {
    uint lane;
    uint block;
    uint head;
    uint partial; // the first vector's row of partials
    uint live;    // vectors of the tile
    uint scores_; // word of the tile's probabilities for token 0
};

uint elementOf(Item item, uint i) { return item.block * 32u + i * LANES + item.lane; }

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

void addToken(inout float sums[EACH][QUERIES], Item item, uint t, float x[EACH]) {
    float p[QUERIES];
    loadProbabilities(item, t, p);
    for (uint i = 0u; i < EACH; i++) {
        for (uint v = 0u; v < QUERIES; v++) {
            precise float product = p[v] * x[i];
            precise float sum = sums[i][v] + product;
            sums[i][v] = sum;
        }
    }
}

// Four words at word at, whatever its alignment.
uvec4 fourWords(uint at) {
    uvec4 four = uvec4(0u);
    WHERE(at % 4u == 0u) four = pages[at / 4u];
    WHERE(at % 4u != 0u) four = uvec4(PAGE(at), PAGE(at + 1u), PAGE(at + 2u), PAGE(at + 3u));
    return four;
}

// Elements of a raw row of which four words hold the n-th of a block.
void loadFour(Item item, uint at, uint n, inout float x[EACH]) {
    uint e = n * 4u * PER_WORD;
    if (e >= 32u || (!ALIGNED && item.block * 32u + e >= HEAD_DIM)) return;
    uvec4 four = fourWords(at + (item.block * 32u + e) / PER_WORD);
    for (uint k = 0u; k < 4u * PER_WORD; k++)
        x[(e + k) / LANES] = boundPattern(PER_WORD == 1 ? four[k % 4u] :
            k % 2u == 0u ? four[k / 2u % 4u] << 16 : four[k / 2u % 4u] & 0xffff0000u);
}

// All elements of a block of a raw row at word at.
void loadRawBlock(Item item, uint at, inout float x[EACH]) {
#define FOUR(n) loadFour(item, at, n, x);
    EIGHT(FOUR)
}

// The elements of a raw row at word at.
void loadRaw(Item item, uint at, inout float x[EACH]) {
    if (LANES == 1) {
        loadRawBlock(item, at, x);
        return;
    }
    for (uint i = 0u; i < EACH; i++) {
        uint d = elementOf(item, i);
        x[i] = !ALIGNED && d >= HEAD_DIM ? 0.0 : boundPattern(storedPattern(at, d));
    }
}

// Codes in the high bits of bytes. An invocation with all elements of a block
// has element e in byte e/8 of word e%8; others have theirs in the first word,
// LANES bits apart.
const uint SPREAD = LANES == 8 ? 0x01010101 : LANES == 16 ? 0x00010001 : 1;

void loadCodes(Item item, uint at, uint bits, out uint codes[8]) {
    uint words = rowWords(bits);
    for (uint k = 0u; k < 8u; k++) codes[k] = 0u;
    if (LANES == 1) {
#define PLANE(p) WHERE(p < bits) codes[7u - p] = planeAt(at, words, p, item.block);
        EIGHT(PLANE)
        transpose(codes);
        return;
    }
    for (uint p = 0u; p < bits; p++)
        codes[0] = codes[0] << 1 | ((planeAt(at, words, p, item.block) >> item.lane) & SPREAD);
    codes[0] <<= 8u - bits;
}

uint codeAt(uint codes[8], uint i) {
    if (LANES == 1) return (codes[i % 8u] >> (i / 8u * 8u)) & 0xffu;
    return (codes[0] >> (i * LANES)) & 0xffu;
}

// Puts outlier d of a row, in the group's order, in the place of its code.
void place(Item item, uint d, uint pattern, inout float x[EACH]) {
    float value = bound(load(pattern));
    for (uint i = 0u; i < EACH; i++) x[i] = d == elementOf(item, i) ? value : x[i];
}

void placeOutliers(Item item, uint page, uint group, uint index, inout float x[EACH]) {
    uint groups = PageTokens * GroupsPerToken;
    if (PAIR) {
        uvec4 two = outlierPair(page, groups, group);
        place(item, two.x - index * HEAD_DIM, two.y, x);
        place(item, two.z - index * HEAD_DIM, two.w, x);
        return;
    }
    for (uint j = 0u; j < OUTLIERS; j++) {
        uint n = group * OUTLIERS + j;
        place(item, outlierIndex(page, groups, n) - index * HEAD_DIM, storedPattern(page + valuesAt(groups), n), x);
    }
}

// The values of a quantized row of a page.
void loadValues(Item item, uint page, uint group, uint index, uint at, uint bits, inout float x[EACH]) {
    uint codes[8];
    loadCodes(item, at, bits, codes);
    uvec2 range = rangePatterns(page + rangesAt(PageTokens * GroupsPerToken) + group * RANGE_WORDS);
    float low = load(range.x);
    precise float s8 = extentOf(range) * 0.00390625;
    for (uint i = 0u; i < EACH; i++) x[i] = bound(valueOf(low, s8, halfStep(bits), codeAt(codes, i)));
    placeOutliers(item, page, group, index, x);
}

// Tokens from..to-1 of the recent window.
void addRing(inout float sums[EACH][QUERIES], Item item, uint from, uint to) {
    for (uint t = from; t < to; t++) {
        float x[EACH];
        for (uint i = 0u; i < EACH; i++) x[i] = 0.0;
        loadRaw(item, t % RingTokens * RingStride + RingFirst + item.head * RAW_ROW, x);
        addToken(sums, item, t, x);
    }
}

// Tokens from..to-1, all of one page. words are those of the codes before the
// bits word that eight groups share, so that no token sums up anew.
void addPage(inout float sums[EACH][QUERIES], Item item, uint page, uint start, uint from, uint to) {
    uint groups = PageTokens * GroupsPerToken, words = 0u, eight = 0u;
    uint index = GroupsPerToken == 1u ? RowFirst + item.head : 0u;
    for (uint t = from; t < to; t++) {
        uint group = (t - start) * GroupsPerToken + (GroupsPerToken == 1u ? 0u : RowFirst + item.head);
        for (; eight < group / 8u; eight++) words += wordsOfNibbles(PAGE(page + HEADER + eight));
        uint nibbles = PAGE(page + HEADER + eight), bits = bitsOfNibble(nibbleOf(nibbles, group));
        uint at = page + codesAt(groups) + words + wordsOfNibbles(nibblesBefore(nibbles, group)) + index * rowWords(bits);
        float x[EACH];
        for (uint i = 0u; i < EACH; i++) x[i] = 0.0;
        WHERE(bits == RAW) loadRaw(item, at, x);
        WHERE(bits != RAW && bits != EVICTED) loadValues(item, page, group, index, at, bits, x);
        addToken(sums, item, t, x);
    }
}

void addPages(inout float sums[EACH][QUERIES], Item item, uint from, uint to) {
    for (uint t = from; t < to;) {
        uint page = (t - FRAME.first) / PageTokens, start = FRAME.first + page * PageTokens;
        uint stop = min(to, start + PageTokens);
        addPage(sums, item, READ2(FramePages, frame, FRAME_WORDS, page).v, start, t, stop);
        t = stop;
    }
}

void main() {
    Item item;
    uint n = gl_GlobalInvocationID.x / LANES, tiles = tilesOf(Vectors);
    item.lane = gl_GlobalInvocationID.x % LANES;
    item.block = n % BLOCKS;
    n /= BLOCKS;
    uint tile = n % tiles, split = begin() / SPLIT_TOKENS + n / tiles / Heads;
    item.head = n / tiles % Heads;
    item.scores_ = ((item.head * tiles + tile) * Stride - FRAME.base) * QUERIES;
    item.live = min(QUERIES, Vectors - tile * QUERIES);
    uint from = max(split * SPLIT_TOKENS, begin()), to = min((split + 1u) * SPLIT_TOKENS, FRAME.end);
    if (from >= to) return;
    item.partial = ((split - FRAME.base / SPLIT_TOKENS) * Heads + item.head) * Vectors + tile * QUERIES;
    bool more = from > split * SPLIT_TOKENS; // an earlier dispatch began the split
    float sums[EACH][QUERIES];
    for (uint i = 0u; i < EACH; i++) {
        uint d = elementOf(item, i);
        for (uint v = 0u; v < QUERIES; v++) {
            bool here = more && v < item.live && (ALIGNED || d < HEAD_DIM);
            sums[i][v] = here ? partials[(item.partial + v) * HEAD_DIM + d] : 0.0;
        }
    }
    if (RING != 0) addRing(sums, item, from, to);
    else addPages(sums, item, from, to);
    for (uint i = 0u; i < EACH; i++) {
        uint d = elementOf(item, i);
        for (uint v = 0u; v < QUERIES; v++)
            if (v < item.live && (ALIGNED || d < HEAD_DIM)) partials[(item.partial + v) * HEAD_DIM + d] = sums[i][v];
    }
}
