#version 450
#extension GL_GOOGLE_include_directive : require
// Scores of arranged queries and stored K rows. A workgroup has a KV head, tiles
// of queries and consecutive tokens, one an invocation.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 2, std430) readonly buffer Queries { uvec4 queries[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Scores { vec4 scores[]; };
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
    float Cap;           // soft cap C, 0 for none
    float InverseCap;    // 1/C
};
#define PAGE(i) WORD(pages, i)
#include "lib/stored.glsl"
#include "lib/math.glsl"
#include "lib/planes.glsl"
#include "lib/attend.glsl"
#include "lib/scores.glsl"

// A stored row.
struct Row {
    uint at;      // its codes or raw elements in pages
    uint words;
    uint bits;
    bool evicted;
    uint page;
    uint group;   // in its page
    uint index;   // in its group
    float low;    // min
    float s8;
    uvec4 two;    // if PICK: see pairOf
};

STAGED_TILES(0u, TILE)

// Elements d of queries v..v+3 where tiles have so many.
vec4 fourQueries(uint tile, uint d, uint v) {
    uint at = v / QUERIES * TILE + d * QUERIES + v % QUERIES;
    return uintBitsToFloat(STAGED != 0 ? staged[at / 4u] : queries[tile * (TILE / 4u) + at / 4u]);
}

// Words at..at+n-1 of pages, n = 4 or 8; whole 128-bit words where rows begin
// at such.
void loadWords(uint at, uint n, out uint words[8]) {
    for (uint i = 0u; i < n; i += 4u) {
        uvec4 four = uvec4(0u);
        if (WHOLE || RING != 0) four = pages[(at + i) / 4u];
        else for (uint j = 0u; j < 4u; j++) four[j] = PAGE(at + i + j);
        for (uint j = 0u; j < 4u; j++) words[i + j] = four[j];
    }
}

void loadRaw(Row row, uint block, inout float x[32]) {
    for (uint e8 = 0u; e8 < 32u; e8 += 8u) {
        if (!ALIGNED && block * 32u + e8 >= HEAD_DIM) break;
        uint words[8];
        loadWords(row.at + (block * 32u + e8) / PER_WORD, 8u / PER_WORD, words);
        for (uint k = 0u; k < 8u; k++)
            x[e8 + k] = boundPattern(PER_WORD == 1 ? words[k] :
                k % 2u == 0u ? words[k / 2u] << 16 : words[k / 2u] & 0xffff0000u);
    }
}

void loadCodes(Row row, uint block, inout float x[32]) {
    uint codes[8];
    for (uint k = 0u; k < 8u; k++) codes[k] = 0u;
#define PLANE(p) if (p < row.bits) codes[7u - p] = planeAt(row.at, row.words, p, block);
    EIGHT(PLANE)
    codes[7] = ~codes[7];
    transpose(codes);
    for (uint e = 0u; e < 32u; e++) x[e] = float(int(codes[e % 8u] << (24u - e / 8u * 8u)) >> 24);
}

// Elements of a block: bytes u of codes, or values of a raw row.
void loadBlock(Row row, uint block, out float x[32]) {
    for (uint e = 0u; e < 32u; e++) x[e] = 0.0;
    if (row.bits == RAW) loadRaw(row, block, x);
    if (RING == 0 && row.bits != RAW && row.bits != 0u) loadCodes(row, block, x);
}

// A workgroup that has all elements of its queries at hand picks those of a
// row's two outliers in its loop over elements: loads that differ between
// invocations cost more.
const bool PICK = STAGED != 0 ? PAIR && RING == 0 : false;

// Element of the row and pattern of each of two outliers.
uvec4 pairOf(Row row) {
    uint d = row.index * HEAD_DIM;
    return outlierPair(row.page, PageTokens * GroupsPerToken, row.group) - uvec4(d, 0u, d, 0u);
}

// Elements of the tile's queries at the outliers of a row.
struct Picked {
    float first[COLUMNS];
    float second[COLUMNS];
};

// Adds the products of a block to sums. Where queries are staged it is called with
// constant blocks and outside of branches and loops: only then do CPUs load an element of
// a query, which all invocations share, once (9 times as fast). GPUs wait for code that
// they run once, and have a loop.
void addBlock(inout float sums[COLUMNS], inout Picked picked, uint tile, Row row, uint block) {
    float parts[COLUMNS], x[32];
    loadBlock(row, block, x);
    for (uint v = 0u; v < COLUMNS; v++) parts[v] = 0.0;
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        for (uint v = 0u; v < COLUMNS; v++) {
            float y = queryAt(tile, block * 32u + e, v);
            precise float product = y * x[e];
            precise float sum = parts[v] + product;
            parts[v] = sum;
            if (!PICK) continue;
            picked.first[v] = row.two.x == block * 32u + e ? y : picked.first[v];
            picked.second[v] = row.two.z == block * 32u + e ? y : picked.second[v];
        }
    }
    for (uint v = 0u; v < COLUMNS; v++) {
        precise float sum = sums[v] + parts[v];
        sums[v] = sum;
    }
}

float plus(float a, float b, float c) {
    precise float product = b * c;
    precise float sum = a + flush(product);
    return flush(sum);
}

// bound() of the value of code byte u.
float valueOfByte(float base_, float s8, float u) {
    precise float offset = u * s8;
    precise float value = base_ + offset;
    return bound(value);
}

// Element d of the tile's queries, times change, to the scores of a row.
void addOutlier(inout float scores_[COLUMNS], uint tile, uint d, float change) {
    for (uint v = 0u; v < COLUMNS; v += min(4u, QUERIES)) {
        vec4 y = vec4(0.0);
        if (QUERIES % 4 == 0) y = fourQueries(tile, d, v);
        else for (uint k = 0u; k < QUERIES; k++) y[k] = queryAt(tile, d, v + k);
        for (uint k = 0u; k < min(4u, QUERIES); k++) scores_[v + k] = plus(scores_[v + k], y[k], change);
    }
}

// What puts an outlier in the place of its code, whose value is value.
float changeOf(uint pattern, float value) {
    precise float difference = bound(load(pattern)) - value;
    return flush(difference);
}

// Puts the outlier at element d, if that is in the row, in the place of its code.
void correctOne(inout float scores_[COLUMNS], uint tile, uint d, uint pattern, float value) {
    if (d < HEAD_DIM) addOutlier(scores_, tile, d, changeOf(pattern, value));
}

// The same for picked elements of the queries, which are 0 where it is not.
void correctPicked(inout float scores_[COLUMNS], float y[COLUMNS], uint pattern, float value) {
    float change = changeOf(pattern, value);
    for (uint v = 0u; v < COLUMNS; v++) scores_[v] = plus(scores_[v], y[v], change);
}

// Puts the outliers of a row in the place of their codes.
void correct(inout float scores_[COLUMNS], Picked picked, uint tile, Row row, float base_, float top) {
    uint groups = PageTokens * GroupsPerToken;
    float low = valueOfByte(base_, row.s8, row.bits == 0u ? 0.0 : -128.0);
    float high = valueOfByte(base_, row.s8, top);
    if (PICK) {
        correctPicked(scores_, picked.first, row.two.y, LOW > 0 ? low : high);
        correctPicked(scores_, picked.second, row.two.w, LOW > 1 ? low : high);
        return;
    }
    if (PAIR) {
        uvec4 two = pairOf(row);
        correctOne(scores_, tile, two.x, two.y, LOW > 0 ? low : high);
        correctOne(scores_, tile, two.z, two.w, LOW > 1 ? low : high);
        return;
    }
    for (uint j = 0u; j < OUTLIERS; j++) {
        uint n = row.group * OUTLIERS + j;
        correctOne(scores_, tile, outlierIndex(row.page, groups, n) - row.index * HEAD_DIM, storedPattern(row.page + valuesAt(groups), n), j < LOW ? low : high);
    }
}

// A, the sums of products with bytes u, to scores of a quantized row. X is the
// sum of each query.
void scoreCodes(inout float scores_[COLUMNS], Picked picked, uint tile, Row row, float X[COLUMNS]) {
    precise float middle = 128.0 + (row.bits == 0u ? 0.0 : halfStep(row.bits));
    precise float up = middle * row.s8;
    precise float base_ = row.low + up;
    base_ = bound(base_);
    for (uint v = 0u; v < COLUMNS; v++) {
        precise float product = base_ * X[v];
        scores_[v] = plus(flush(product), row.s8, scores_[v]);
    }
    float top = float(128 - int(256u >> row.bits)); // u of 2^b - 1
    correct(scores_, picked, tile, row, base_, row.bits == 0u ? 0.0 : top);
}

// X of a query.
float sumOf(uint tile, uint v) {
    float sum = 0.0;
    for (uint c = 0u; c < BLOCKS; c++) {
        precise float next = sum + queryAt(tile, HEAD_DIM + c, v);
        sum = next;
    }
    return sum;
}

// The row of a token, of which nothing is loaded where it does not count.
Row rowOf(uint t, uint h, bool counts) {
    Row row;
    row.bits = counts ? RAW : 0u;
    row.evicted = false;
    if (RING != 0) {
        row.at = t % RingTokens * RingStride + RingFirst + h * RAW_ROW;
        return row;
    }
    uint page = READ2(FramePages, frame, FRAME_WORDS, (t - FRAME.first) / PageTokens).k, groups = PageTokens * GroupsPerToken;
    uint headGroup = GroupsPerToken == 1u ? 0u : RowFirst + h;
    row.page = page;
    row.group = (t - FRAME.first) % PageTokens * GroupsPerToken + headGroup;
    row.index = GroupsPerToken == 1u ? RowFirst + h : 0u;
    row.bits = bitsOfNibble(nibbleOf(PAGE(page + HEADER + row.group / 8u), row.group));
    row.evicted = row.bits == EVICTED;
    row.bits = counts ? plainBits(row.bits) : 0u;
    row.words = rowWords(row.bits);
    row.at = page + codesAt(groups) + codesBefore(page + HEADER, row.group) + row.index * row.words;
    uvec2 range = rangePatterns(page + rangesAt(groups) + row.group * RANGE_WORDS);
    row.low = load(range.x);
    precise float s8 = extentOf(range) * 0.00390625;
    row.s8 = s8 > 4.722366482869645e21 ? 4.722366482869645e21 : s8; // 2^72
    if (PICK) row.two = pairOf(row);
    return row;
}

// The score of a token that is out: below all others.
const float OUT = -1.7014118346046923e38; // -2^127

void main() {
    uint tiles = tilesOf(Vectors);
    Tiles of = tilesOfWorkgroup(gl_WorkGroupID.x, tiles);
    uint token = begin() + gl_WorkGroupID.x / workgroupsTogether(tiles) * WORKGROUP + gl_LocalInvocationID.x;
    uint t = max(begin(), min(token, FRAME.end - 1u)); // no invocation may leave early, see addBlock
    stage(of, of.first, 1u);
    Row row = rowOf(t, of.head, t == token);
    float sums[COLUMNS], X[COLUMNS];
    Picked picked;
    for (uint v = 0u; v < COLUMNS; v++) {
        picked.first[v] = picked.second[v] = sums[v] = 0.0;
        X[v] = sumOf(of.first, v);
    }
    if (STAGED != 0) {
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, picked, of.first, row, block);
        EIGHT(BLOCK)
    } else {
        for (uint block = 0u; block < BLOCKS; block++) addBlock(sums, picked, of.first, row, block);
    }
    if (RING == 0 && row.bits != RAW) scoreCodes(sums, picked, of.first, row, X);
    finish(sums);
    for (uint v = 0u; v < COLUMNS; v++) sums[v] = row.evicted ? OUT : sums[v];
    if (t == token) storeScores(of, t - FRAME.base, sums);
}
