#version 450
#extension GL_GOOGLE_include_directive : require
// Partial outputs: sums of V rows, weighted by probabilities, over the tokens of a
// split. An invocation has a split, KV head, tile of queries and block of the row; where
// STAGED is 1, a workgroup has them (lib/sum.glsl).
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
#include "lib/sum.glsl"

// What an invocation works on.
struct Item {
    uint block;
    uint head;
    uint partial; // the first vector's row of partials
    uint live;    // vectors of the tile
    uint scores_; // word of the tile's probabilities for token 0
};

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

void addToken(inout float sums[32][QUERIES], Item item, uint t, float x[32]) {
    float p[QUERIES];
    loadProbabilities(item, t, p);
    for (uint i = 0u; i < 32u; i++) {
        for (uint v = 0u; v < QUERIES; v++) {
            precise float product = p[v] * x[i];
            precise float sum = sums[i][v] + product;
            sums[i][v] = sum;
        }
    }
}

// Four words at word at, whatever its alignment where rows are not whole 128-bit words.
uvec4 fourWords(uint at) {
    if (WHOLE || RING != 0) return pages[at / 4u];
    uvec4 four = uvec4(0u);
    if (at % 4u == 0u) four = pages[at / 4u];
    if (at % 4u != 0u) four = uvec4(PAGE(at), PAGE(at + 1u), PAGE(at + 2u), PAGE(at + 3u));
    return four;
}

// Elements of a raw row of which four words hold the n-th of a block.
void loadFour(Item item, uint at, uint n, inout float x[32]) {
    uint e = n * 4u * PER_WORD;
    if (e >= 32u || (!ALIGNED && item.block * 32u + e >= HEAD_DIM)) return;
    uvec4 four = fourWords(at + (item.block * 32u + e) / PER_WORD);
    for (uint k = 0u; k < 4u * PER_WORD; k++)
        x[e + k] = boundPattern(PER_WORD == 1 ? four[k % 4u] :
            k % 2u == 0u ? four[k / 2u % 4u] << 16 : four[k / 2u % 4u] & 0xffff0000u);
}

// The elements of a block of a raw row at word at.
void loadRaw(Item item, uint at, inout float x[32]) {
#define FOUR(n) loadFour(item, at, n, x);
    EIGHT(FOUR)
}

// Codes in the high bits of bytes: element e in byte e/8 of word e%8.
void loadCodes(Item item, uint at, uint bits, out uint codes[8]) {
    uint words = rowWords(bits);
    for (uint k = 0u; k < 8u; k++) codes[k] = 0u;
#define PLANE(p) if (p < bits) codes[7u - p] = planeAt(at, words, p, item.block);
    EIGHT(PLANE)
    transpose(codes);
}

// Puts outlier d of a row, in the group's order, in the place of its code.
void place(Item item, uint d, uint pattern, inout float x[32]) {
    float value = bound(load(pattern));
    for (uint e = 0u; e < 32u; e++) x[e] = d == item.block * 32u + e ? value : x[e];
}

void placeOutliers(Item item, uint page, uint group, uint index, inout float x[32]) {
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
void loadValues(Item item, uint page, uint group, uint index, uint at, uint bits, inout float x[32]) {
    uint codes[8];
    loadCodes(item, at, bits, codes);
    uvec2 range = rangePatterns(page + rangesAt(PageTokens * GroupsPerToken) + group * RANGE_WORDS);
    float low = load(range.x);
    precise float s8 = extentOf(range) * 0.00390625;
    for (uint e = 0u; e < 32u; e++) x[e] = bound(valueOf(low, s8, halfStep(bits), (codes[e % 8u] >> (e / 8u * 8u)) & 0xffu));
    placeOutliers(item, page, group, index, x);
}

// The elements of a row of a page, those before word at being known.
void loadRow(Item item, uint page, uint group, uint index, uint at, uint bits, inout float x[32]) {
    for (uint e = 0u; e < 32u; e++) x[e] = 0.0;
    if (bits == RAW) loadRaw(item, at, x);
    if (bits != RAW && bits != EVICTED) loadValues(item, page, group, index, at, bits, x);
}

// The elements of the row of a token of the recent window.
void loadRing(Item item, uint t, inout float x[32]) {
    for (uint e = 0u; e < 32u; e++) x[e] = 0.0;
    loadRaw(item, t % RingTokens * RingStride + RingFirst + item.head * RAW_ROW, x);
}

// The row of the item's KV head in a group, and the group of a page's token.
uint rowIndex(Item item) { return GroupsPerToken == 1u ? RowFirst + item.head : 0u; }
uint groupOf(Item item, uint i) { return i * GroupsPerToken + (GroupsPerToken == 1u ? 0u : RowFirst + item.head); }

// Tokens from..to-1 of the recent window.
void addRing(inout float sums[32][QUERIES], Item item, uint from, uint to) {
    for (uint t = from; t < to; t++) {
        float x[32];
        loadRing(item, t, x);
        addToken(sums, item, t, x);
    }
}

// Tokens from..to-1, all of one page. words are those of the codes before the
// bits word that eight groups share, so that no token sums up anew.
void addPage(inout float sums[32][QUERIES], Item item, uint page, uint start, uint from, uint to) {
    uint groups = PageTokens * GroupsPerToken, words = 0u, eight = 0u, index = rowIndex(item);
    for (uint t = from; t < to; t++) {
        uint group = groupOf(item, t - start);
        for (; eight < group / 8u; eight++) words += wordsOfNibbles(PAGE(page + HEADER + eight));
        uint nibbles = PAGE(page + HEADER + eight), bits = bitsOfNibble(nibbleOf(nibbles, group));
        uint at = page + codesAt(groups) + words + wordsOfNibbles(nibblesBefore(nibbles, group)) + index * rowWords(bits);
        float x[32];
        loadRow(item, page, group, index, at, bits, x);
        addToken(sums, item, t, x);
    }
}

void addPages(inout float sums[32][QUERIES], Item item, uint from, uint to) {
    for (uint t = from; t < to;) {
        uint page = (t - FRAME.first) / PageTokens, start = FRAME.first + page * PageTokens;
        uint stop = min(to, start + PageTokens);
        addPage(sums, item, READ2(FramePages, frame, FRAME_WORDS, page).v, start, t, stop);
        t = stop;
    }
}

// The partial of element e and vector v.
uint partialAt(Item item, uint e, uint v) { return (item.partial + v) * HEAD_DIM + item.block * 32u + e; }
bool inPartial(Item item, uint e, uint v) { return v < item.live && (ALIGNED || item.block * 32u + e < HEAD_DIM); }

// Adds tokens from..to-1 to the item's partials, which begin at 0 unless more is set.
void sumAlone(Item item, uint from, uint to, bool more) {
    float sums[32][QUERIES];
    for (uint e = 0u; e < 32u; e++)
        for (uint v = 0u; v < QUERIES; v++) sums[e][v] = more && inPartial(item, e, v) ? partials[partialAt(item, e, v)] : 0.0;
    if (RING != 0) addRing(sums, item, from, to);
    else addPages(sums, item, from, to);
    for (uint e = 0u; e < 32u; e++)
        for (uint v = 0u; v < QUERIES; v++)
            if (inPartial(item, e, v)) partials[partialAt(item, e, v)] = sums[e][v];
}

// The elements of the row of a token.
void loadToken(Item item, uint t, inout float x[32]) {
    if (RING != 0) {
        loadRing(item, t, x);
        return;
    }
    uint page = READ2(FramePages, frame, FRAME_WORDS, (t - FRAME.first) / PageTokens).v, group = groupOf(item, (t - FRAME.first) % PageTokens);
    uint bits = bitsOfNibble(nibbleOf(PAGE(page + HEADER + group / 8u), group)), index = rowIndex(item);
    uint at = page + codesAt(PageTokens * GroupsPerToken) + codesBefore(page + HEADER, group) + index * rowWords(bits);
    loadRow(item, page, group, index, at, bits, x);
}

// The same as sumAlone by a workgroup.
void sumTogether(Item item, uint from, uint to, bool more) {
    float sums[EACH];
    for (uint k = 0u; k < EACH; k++)
        sums[k] = more && inPartial(item, elementOf(k), vectorOf(k)) ? partials[partialAt(item, elementOf(k), vectorOf(k))] : 0.0;
    for (uint first = from; first < to; first += TOGETHER) {
        uint tokens = min(TOGETHER, to - first);
        barrier();
        for (uint i = gl_LocalInvocationID.x; i < tokens; i += WORKGROUP) {
            float x[32];
            loadToken(item, first + i, x);
            stageRow(i, x);
        }
        for (uint i = gl_LocalInvocationID.x; i < tokens * QUERIES; i += WORKGROUP)
            stagedShares[i] = WORD(scores, item.scores_ + first * QUERIES + i);
        barrier();
        for (uint i = 0u; i < tokens; i++) addStaged(sums, i);
    }
    for (uint k = 0u; k < EACH; k++)
        if (inPartial(item, elementOf(k), vectorOf(k))) partials[partialAt(item, elementOf(k), vectorOf(k))] = sums[k];
}

void main() {
    Item item;
    uint n = STAGED != 0 ? gl_WorkGroupID.x : gl_GlobalInvocationID.x, tiles = tilesOf(Vectors);
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
    if (STAGED != 0) sumTogether(item, from, to, more);
    else sumAlone(item, from, to, more);
}
