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
const uint TOGETHER = LANES == 1 ? 1 : 4; // rows whose words an invocation loads before it uses them

// A statement for each of these rows. No loop: see EIGHT.
#define ROWS_TOGETHER(statement)                                    \
    statement(0u)                                                   \
    if (TOGETHER > 1) { statement(1u) statement(2u) statement(3u) }

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

void addToken(inout float sums[EACH][QUERIES], float p[QUERIES], float x[EACH]) {
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

// Pattern of an element whose word is given.
uint patternIn(uint word, uint d) { return PER_WORD == 1 ? word : d % 2u == 0u ? word << 16 : word & 0xffff0000u; }

// Codes in the high bits of bytes. An invocation with all elements of a block
// has element e in byte e/8 of word e%8; others have theirs in the first word,
// LANES bits apart.
const uint SPREAD = LANES == 8 ? 0x01010101 : LANES == 16 ? 0x00010001 : 1;

void loadCodes(Item item, uint at, uint bits, out uint codes[8]) {
    uint words = rowWords(bits);
    for (uint k = 0u; k < 8u; k++) codes[k] = 0u;
#define PLANE(p) WHERE(p < bits) codes[7u - p] = planeAt(at, words, p, item.block);
    EIGHT(PLANE)
    transpose(codes);
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

// A row of V.
struct Row {
    uint at;    // its codes or raw elements in pages
    uint bits;  // RAW in the recent window
    uint page;
    uint group; // in its page
    uint index; // in its group
};

// two are the outliers where each row has two.
void placeOutliers(Item item, Row row, uvec4 two, inout float x[EACH]) {
    uint groups = PageTokens * GroupsPerToken;
    if (PAIR) {
        place(item, two.x - row.index * HEAD_DIM, two.y, x);
        place(item, two.z - row.index * HEAD_DIM, two.w, x);
        return;
    }
    for (uint j = 0u; j < OUTLIERS; j++) {
        uint n = row.group * OUTLIERS + j;
        place(item, outlierIndex(row.page, groups, n) - row.index * HEAD_DIM, storedPattern(row.page + valuesAt(groups), n), x);
    }
}

// What a page says of a row besides its codes.
struct Header {
    uvec2 range;
    uvec4 two; // outliers, where each row has two
};

Header headerOf(Row row) {
    uint groups = PageTokens * GroupsPerToken;
    return Header(rangePatterns(row.page + rangesAt(groups) + row.group * RANGE_WORDS), PAIR ? outlierPair(row.page, groups, row.group) : uvec4(0u));
}

// The values of a quantized row.
void valuesOf(Item item, Row row, uint codes[8], Header header, inout float x[EACH]) {
    float low = load(header.range.x);
    precise float s8 = extentOf(header.range) * 0.00390625;
    for (uint i = 0u; i < EACH; i++) x[i] = bound(valueOf(low, s8, halfStep(row.bits), codeAt(codes, i)));
    placeOutliers(item, row, header.two, x);
}

// The elements of a row, by an invocation that has all of a block.
void loadBlock(Item item, Row row, inout float x[EACH]) {
    WHERE(row.bits == RAW) loadRawBlock(item, row.at, x);
    if (RING != 0) return;
    WHERE(row.bits != RAW && row.bits != EVICTED) {
        uint codes[8];
        loadCodes(item, row.at, row.bits, codes);
        valuesOf(item, row, codes, headerOf(row), x);
    }
}

// What an invocation reads of a row that it shares with others. All of it is read, used or
// not, so that no branch keeps the reads of several rows from being under way at once.
struct Shared {
    uint words[8]; // planes, or those of its elements of a raw row
    Header header;
};

uint sharedWord(Item item, Row row, uint planes, uint all, uint p) {
    uint raw = row.at + min(elementOf(item, p % EACH), HEAD_DIM - 1u) / PER_WORD;
    uint plane = row.at + min(p, max(planes, 1u) - 1u) * BLOCKS + item.block;
    if (ALIGNED || RING != 0) return PAGE(row.bits == RAW ? raw : planes == 0u ? row.page : plane);
    return row.bits == RAW ? PAGE(raw) : p < planes ? planeAt(row.at, all, p, item.block) : 0u;
}

Shared loadShared(Item item, Row row) {
    Shared s;
    uint planes = row.bits == RAW ? 0u : plainBits(row.bits), all = rowWords(row.bits);
#define SHARED_WORD(p) if (RING == 0 || p < EACH) s.words[p] = sharedWord(item, row, planes, all, p);
    EIGHT(SHARED_WORD)
    if (RING == 0) s.header = headerOf(row);
    return s;
}

// The elements of a row, from what loadShared read.
void useShared(Item item, Row row, Shared s, inout float x[EACH]) {
    if (row.bits == RAW) {
        for (uint i = 0u; i < EACH; i++) {
            uint d = elementOf(item, i);
            x[i] = !ALIGNED && d >= HEAD_DIM ? 0.0 : boundPattern(patternIn(s.words[i], d));
        }
        return;
    }
    if (RING != 0 || row.bits == EVICTED) return;
    uint codes[8];
#define SHARED_BIT(p) codes[0] = (p == 0u ? 0u : codes[0]) | (p < row.bits ? ((s.words[p] >> item.lane) & SPREAD) << (7u - p) : 0u);
    EIGHT(SHARED_BIT)
    valuesOf(item, row, codes, s.header, x);
}

// Adds the rows of tokens t to t+n-1, n up to TOGETHER.
void addRows(inout float sums[EACH][QUERIES], Item item, Row rows[4], uint t, uint n) {
    float x[EACH], p[4][QUERIES];
    for (uint i = 0u; i < EACH; i++) x[i] = 0.0;
    if (LANES == 1) {
        loadProbabilities(item, t, p[0]);
        loadBlock(item, rows[0], x);
        addToken(sums, p[0], x);
        return;
    }
    Shared s[4];
#define LOAD_SHARED(j)                                    \
    loadProbabilities(item, t + min(j, n - 1u), p[j]);    \
    s[j] = loadShared(item, rows[j]);
    ROWS_TOGETHER(LOAD_SHARED)
#define ADD_SHARED(j)                                     \
    for (uint i = 0u; i < EACH; i++) x[i] = 0.0;          \
    useShared(item, rows[j], s[j], x);                    \
    if (j < n) addToken(sums, p[j], x);
    ROWS_TOGETHER(ADD_SHARED)
}

// Tokens from..to-1 of the recent window.
void addRing(inout float sums[EACH][QUERIES], Item item, uint from, uint to) {
    for (uint t = from; t < to; t += TOGETHER) {
        Row rows[4];
#define RING_ROW(j) rows[j] = Row(min(t + j, to - 1u) % RingTokens * RingStride + RingFirst + item.head * RAW_ROW, RAW, 0u, 0u, 0u);
        ROWS_TOGETHER(RING_ROW)
        addRows(sums, item, rows, t, min(to - t, TOGETHER));
    }
}

// Where the next row of a page lies: words are those of the codes before a bits word that
// eight groups share, so that no token sums up anew.
struct Place {
    uint words;
    uint eight;
};

Row rowOf(Item item, uint page, uint token, inout Place at) {
    uint groups = PageTokens * GroupsPerToken, index = GroupsPerToken == 1u ? RowFirst + item.head : 0u;
    uint group = token * GroupsPerToken + (GroupsPerToken == 1u ? 0u : RowFirst + item.head);
    for (; at.eight < group / 8u; at.eight++) at.words += wordsOfNibbles(PAGE(page + HEADER + at.eight));
    uint nibbles = PAGE(page + HEADER + at.eight), bits = bitsOfNibble(nibbleOf(nibbles, group));
    return Row(page + codesAt(groups) + at.words + wordsOfNibbles(nibblesBefore(nibbles, group)) + index * rowWords(bits), bits, page, group, index);
}

// Tokens from..to-1, all of one page.
void addPage(inout float sums[EACH][QUERIES], Item item, uint page, uint start, uint from, uint to) {
    Place at = Place(0u, 0u);
    for (uint t = from; t < to; t += TOGETHER) {
        Row rows[4];
#define PAGE_ROW(j) rows[j] = rowOf(item, page, min(t + j, to - 1u) - start, at);
        ROWS_TOGETHER(PAGE_ROW)
        addRows(sums, item, rows, t, min(to - t, TOGETHER));
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
