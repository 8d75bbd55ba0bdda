#version 450
#extension GL_GOOGLE_include_directive : require
// Scores of arranged queries and stored K rows. A workgroup has a KV head, a
// tile of queries and consecutive tokens, one an invocation.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // a frame
layout(set = 0, binding = 2, std430) readonly buffer Queries { uvec4 queries[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Scores { float scores[]; };
layout(push_constant) uniform Push {
    uint Vectors;        // query vectors of a KV head, V
    uint Heads;          // KV heads
    uint Stride;         // words of a vector's scores
    uint PageTokens;     // tokens of a page
    uint GroupsPerToken; // groups of a token in a page
    uint RowFirst;       // row of KV head 0 in the group, if a token has one group
    uint Slots;          // tokens of the recent window
    uint SlotWords;      // words from token to token there
    uint RowsAt;         // words before the rows of KV head 0 there
    float Cap;           // soft cap C, 0 for none
    float InverseCap;    // 1/C
};
#define PAGE(i) WORD(pages, i)
#include "lib/stored.glsl"
#include "lib/math.glsl"
#include "lib/planes.glsl"
#include "lib/attend.glsl"

// A stored row.
struct Row {
    uint at;      // its codes or raw elements in pages
    uint words;
    uint bits;
    uint page;
    uint group;   // in its page
    uint index;   // in its group
    float low;    // min
    float s8;
};

float queryAt(uint tile, uint d, uint v) {
    return uintBitsToFloat(WORD(queries, tile * TILE + d * QUERIES + v));
}

// Adds the products of a chunk of a row to sums: u(e8, k) is element e8 + k,
// prepare(e8) a statement before the eight of them.
#define ADD_CHUNK(sums, tile, chunk, prepare, u)                                 \
    {                                                                            \
        float parts[QUERIES];                                                    \
        for (uint v = 0u; v < QUERIES; v++) parts[v] = 0.0;                      \
        for (uint e8 = 0u; e8 < 32u; e8 += 8u) {                                 \
            if (!ALIGNED && chunk * 32u + e8 >= HEAD_DIM) break;                 \
            prepare(e8)                                                          \
            for (uint k = 0u; k < 8u; k++) {                                     \
                float element = u(e8, k);                                        \
                for (uint v = 0u; v < QUERIES; v++) {                            \
                    precise float product = queryAt(tile, chunk * 32u + e8 + k, v) * element; \
                    precise float sum = parts[v] + product;                      \
                    parts[v] = sum;                                              \
                }                                                                \
            }                                                                    \
        }                                                                        \
        for (uint v = 0u; v < QUERIES; v++) {                                    \
            precise float sum = sums[v] + parts[v];                              \
            sums[v] = sum;                                                       \
        }                                                                        \
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

void addRaw(inout float sums[QUERIES], uint tile, uint chunk, Row row) {
#define LOAD_RAW(e8)                                                             \
    uint words[8];                                                               \
    loadWords(row.at + (chunk * 32u + e8) / PER_WORD, 8u / PER_WORD, words);
#define RAW_ELEMENT(e8, k) boundedPattern(PER_WORD == 1 ? words[k] :             \
    k % 2u == 0u ? words[k / 2u] << 16 : words[k / 2u] & 0xffff0000u)
    ADD_CHUNK(sums, tile, chunk, LOAD_RAW, RAW_ELEMENT)
}

void addCodes(inout float sums[QUERIES], uint tile, uint chunk, Row row) {
    uint codes[8];
    for (uint p = 0u; p < 8u; p++) codes[7u - p] = p < row.bits ? planeAt(row.at, row.words, p, chunk) : 0u;
    codes[7] = ~codes[7];
    transpose(codes);
#define NOTHING(e8)
#define SIGNED_BYTE(e8, k) float(int(codes[k] << (24u - e8)) >> 24)
    ADD_CHUNK(sums, tile, chunk, NOTHING, SIGNED_BYTE)
}

float plus(float a, float b, float c) {
    precise float product = b * c;
    precise float sum = a + flushed(product);
    return flushed(sum);
}

// bound() of the value of code byte u.
float valueOfByte(float base_, float s8, float u) {
    precise float offset = u * s8;
    precise float value = base_ + offset;
    return bounded(value);
}

// Puts the outliers of a row in the place of their codes.
void correct(inout float scores_[QUERIES], uint tile, Row row, float base_, float top) {
    uint groups = PageTokens * GroupsPerToken;
    float low = valueOfByte(base_, row.s8, row.bits == 0u ? 0.0 : -128.0);
    float high = valueOfByte(base_, row.s8, top);
    for (uint j = 0u; j < OUTLIERS; j++) {
        uint n = row.group * OUTLIERS + j;
        uint d = outlierIndex(row.page, groups, n) - row.index * HEAD_DIM;
        bool here = d < HEAD_DIM;
        precise float difference = bounded(loaded(storedPattern(row.page + valuesAt(groups), n))) - (j < LOW ? low : high);
        float change = here ? flushed(difference) : 0.0;
        for (uint v = 0u; v < QUERIES; v++)
            scores_[v] = here ? plus(scores_[v], queryAt(tile, here ? d : 0u, v), change) : scores_[v];
    }
}

// Scores of a quantized row.
void scoreCodes(inout float scores_[QUERIES], uint tile, Row row) {
    precise float middle = 128.0 + (row.bits == 0u ? 0.0 : halfStep(row.bits));
    precise float up = middle * row.s8;
    precise float base_ = row.low + up;
    base_ = bounded(base_);
    for (uint c = 0u; c < (row.bits == 0u ? 0u : CHUNKS); c++) addCodes(scores_, tile, c, row);
    for (uint v = 0u; v < QUERIES; v++) {
        float sum = 0.0;
        for (uint c = 0u; c < CHUNKS; c++) {
            precise float next = sum + queryAt(tile, HEAD_DIM + c, v);
            sum = next;
        }
        precise float product = base_ * sum;
        scores_[v] = plus(flushed(product), row.s8, scores_[v]);
    }
    float top = float(128 - int(256u >> row.bits)); // u of 2^b - 1
    correct(scores_, tile, row, base_, row.bits == 0u ? 0.0 : top);
}

Row rowOf(uint t, uint h) {
    Row row;
    row.bits = RAW;
    if (RING != 0) {
        row.at = t % Slots * SlotWords + RowsAt + h * RAW_ROW;
        return row;
    }
    uint page = plan[4u + (t - first()) / PageTokens * 2u], groups = PageTokens * GroupsPerToken;
    uint headGroup = GroupsPerToken == 1u ? 0u : h;
    row.page = page;
    row.group = (t - first()) % PageTokens * GroupsPerToken + headGroup;
    row.index = GroupsPerToken == 1u ? RowFirst + h : 0u;
    row.bits = bitsOfNibble(nibbleOf(PAGE(page + 4u + row.group / 8u), row.group));
    row.words = rowWords(row.bits);
    row.at = page + codesAt(groups) + codesBefore(page + 4u, row.group) + row.index * row.words;
    uvec2 range = rangePatterns(page + rangesAt(groups) + row.group * RANGE_WORDS);
    row.low = loaded(range.x);
    precise float s8 = extentOf(range) * 0.00390625;
    row.s8 = s8 > 4.722366482869645e21 ? 4.722366482869645e21 : s8; // 2^72
    return row;
}

// Loops with no or all of their turns stand for branches: drivers that run a
// workgroup's invocations in vector lanes skip only loops.
void main() {
    uint n = gl_WorkGroupID.x, tiles = tilesOf(Vectors);
    uint tile = n % tiles, h = n / tiles % Heads;
    uint t = (begin() / WORKGROUP + n / tiles / Heads) * WORKGROUP + gl_LocalInvocationID.x;
    if (t < begin() || t >= end()) return;
    float sums[QUERIES];
    for (uint v = 0u; v < QUERIES; v++) sums[v] = 0.0;
    Row row = rowOf(t, h);
    tile += h * tiles;
    for (uint c = 0u; c < (row.bits == RAW ? CHUNKS : 0u); c++) addRaw(sums, tile, c, row);
    if (RING == 0 && row.bits != RAW) scoreCodes(sums, tile, row);
    for (uint v = 0u; v < QUERIES; v++) {
        uint vector = n % tiles * QUERIES + v;
        float score = flushed(sums[v]);
        if (Cap > 0.0) score = softCapped(score, Cap, InverseCap);
        if (vector < Vectors) scores[(h * Vectors + vector) * Stride + t - base()] = score;
    }
}
