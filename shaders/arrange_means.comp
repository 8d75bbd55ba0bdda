#version 450
#extension GL_GOOGLE_include_directive : require
// Products of queries with the mean of the K rows of each page. A workgroup has a few
// pages, and of all tiles consecutive vectors, one an invocation; where STAGED is 1 a few
// pages and a tile, an invocation a page and a vector.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uint rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer TablesIn { uvec4 tables[]; }; // of K
layout(set = 0, binding = 2, std430) readonly buffer Rotations { uvec4 rotations[]; }; // [page][Rotary]: cosines, sines; at least four words
layout(set = 0, binding = 3, std430) writeonly buffer Queries { float queries[]; };
layout(push_constant) uniform Push {
    uint Vectors;     // query vectors of a KV head, V
    uint Heads;       // KV heads in this dispatch
    uint PerHead;     // query heads of a KV head, g
    uint RowHeads;    // rows from query to query: query heads, QH
    uint RowFirst;    // words before the first row
    float Scale;
    uint HeadFirst;   // first KV head of the dispatch
    uint PageFirst;   // first page
    uint Pages;       // pages from there on
    uint Stretches;   // of coded tiles
    uint Rotary;      // elements of the mean that turn with the position
    uint Interleaved; // 1: pairs are neighbours, 0: half of Rotary apart
};
#define TABLE(i) WORD(tables, i)
#include "lib/record.glsl"
#include "lib/rotation.glsl"
#include "lib/query.glsl"

const uint TILE = ((HEAD_DIM + BLOCKS) * QUERIES + 3) / 4 * 4;
const uint TOGETHER = HEAD_DIM > 64 ? 2048 / HEAD_DIM : 16; // pages of a workgroup: products of a vector are written out

shared float alongs[STAGED != 0 ? HEAD_DIM / 2 * QUERIES : 1]; // of a tile: [pair][QUERIES]
shared float acrosses[STAGED != 0 ? HEAD_DIM / 2 * QUERIES : 1];
shared vec4 turns[STAGED != 0 ? 1 : TOGETHER * HEAD_DIM / 4]; // by page: cosines, and half of HEAD_DIM behind them sines
shared float fixed_[STAGED != 0 ? QUERIES : 1];

// What a pair of a query and of a mean adds to the product with the mean turned, times the
// cosine and times the sine.
float alongOf(float a, float b, float meanA, float meanB) {
    precise float first = a * meanA;
    precise float second = b * meanB;
    precise float sum = first + second;
    return cut(sum, 2305843009213693952.0); // 2^61
}
float acrossOf(float a, float b, float meanA, float meanB) {
    precise float first = b * meanA;
    precise float second = a * meanB;
    precise float difference = first - second;
    return cut(difference, 2305843009213693952.0);
}

float addProduct(float sum, float x, float y) {
    precise float product = x * y;
    precise float next = sum + product;
    return next;
}

// What the elements that do not turn add.
float fixedOf(uint row, uint head) {
    float sum = 0.0;
    for (uint d = Rotary; d < HEAD_DIM; d++) sum = addProduct(sum, queryElement(row, d), uintBitsToFloat(TABLE(MEAN_AT + head * HEAD_DIM + d)));
    return sum;
}

// Word of the rotations of a page with the cosine of pair i, a multiple of four, over
// four, the last one's in the place of those behind it; the sine is Rotary/8 behind.
uint cosinesAt(uint page, uint i) { return ((PageFirst + min(page, Pages - 1u)) * Rotary + (i < Rotary / 2u ? i : 0u)) / 4u; }

// A block of pairs of a vector.
struct Pairs {
    float along[16];
    float across[16];
};

// Four pairs from number i of the row at a word on, a multiple of four. Those that do not
// turn add nothing.
void loadPairs(uint row, bool live, uint head, uint i, uint to, inout Pairs pairs) {
    bool turns = i < Rotary / 2u, near = Interleaved != 0u;
    uint first = turns ? (near ? 2u * i : i) : 0u, second = turns ? (near ? 2u * i + 4u : i + Rotary / 2u) : 0u;
    uint mean = (MEAN_AT + head * HEAD_DIM) / 4u;
    uvec4 lowMeans = tables[mean + first / 4u], highMeans = tables[mean + second / 4u];
    vec4 low = vec4(0.0), high = vec4(0.0);
    if (live) {
        low = fourElementsOf(row, first);
        high = fourElementsOf(row, second);
    }
    vec4 a = near ? vec4(low.xz, high.xz) : low, b = near ? vec4(low.yw, high.yw) : high;
    uvec4 meanA = near ? uvec4(lowMeans.xz, highMeans.xz) : lowMeans, meanB = near ? uvec4(lowMeans.yw, highMeans.yw) : highMeans;
    for (uint k = 0u; k < 4u; k++) {
        pairs.along[to + k] = turns ? alongOf(a[k], b[k], uintBitsToFloat(meanA[k]), uintBitsToFloat(meanB[k])) : 0.0;
        pairs.across[to + k] = turns ? acrossOf(a[k], b[k], uintBitsToFloat(meanA[k]), uintBitsToFloat(meanB[k])) : 0.0;
    }
}

// Adds the products of a block of pairs: with constant blocks and outside of branches, as
// in score.
void addBlock(inout float sums[TOGETHER], uint row, bool live, uint head, uint block) {
    Pairs pairs;
    loadPairs(row, live, head, block * 16u, 0u, pairs);
    loadPairs(row, live, head, block * 16u + 4u, 4u, pairs);
    loadPairs(row, live, head, block * 16u + 8u, 8u, pairs);
    loadPairs(row, live, head, block * 16u + 12u, 12u, pairs);
    for (uint p = 0u; p < TOGETHER; p++) {
        float part = 0.0;
        for (uint i = 0u; i < 16u; i += 4u) {
            if (!ALIGNED && block * 32u + 2u * i >= HEAD_DIM) break;
            uint at = p * HEAD_DIM / 4u + block * 4u + i / 4u;
            vec4 cosines = turns[at], sines = turns[at + HEAD_DIM / 8u];
            for (uint k = 0u; k < 4u; k++) {
                part = addProduct(part, pairs.along[i + k], cosines[k]);
                part = addProduct(part, pairs.across[i + k], sines[k]);
            }
        }
        precise float sum = sums[p] + part;
        sums[p] = sum;
    }
}

// Brings what turns pages from number first on to shared memory.
void stageTurns(uint first) {
    const uint each = HEAD_DIM / 8; // fours of cosines of a page, and of sines
    for (uint i = gl_LocalInvocationID.x; i < TOGETHER * each; i += WORKGROUP) {
        uint p = i / each, four = i % each, at = cosinesAt(first + p, 4u * four);
        turns[2u * p * each + four] = uintBitsToFloat(rotations[at]);
        turns[(2u * p + 1u) * each + four] = uintBitsToFloat(rotations[at + Rotary / 8u]);
    }
    barrier();
}

void multiplyVectors() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, all = Heads * tiles, groups = (all * QUERIES + WORKGROUP - 1u) / WORKGROUP;
    uint n = gl_WorkGroupID.x % groups * WORKGROUP + gl_LocalInvocationID.x, first = gl_WorkGroupID.x / groups * TOGETHER;
    stageTurns(first);
    uint h = min(n / QUERIES / tiles, Heads - 1u), v = n - h * tiles * QUERIES, row = queryRow(h, min(v, Vectors - 1u));
    bool live = v < Vectors;
    float sums[TOGETHER];
    for (uint p = 0u; p < TOGETHER; p++) sums[p] = 0.0;
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, row, live, HeadFirst + h, block);
    EIGHT(BLOCK)
    if (v >= tiles * QUERIES) return;
    float fixed_ = live ? fixedOf(row, HeadFirst + h) : 0.0;
    uint at = MEANS_AT(all, Stretches) + ((h * tiles + v / QUERIES) * Pages + first) * QUERIES + v % QUERIES;
    for (uint p = 0u; p < TOGETHER; p++) {
        precise float sum = sums[p] + fixed_;
        if (first + p < Pages) queries[at + p * QUERIES] = sum;
    }
}

// Brings what a tile's vectors have of pairs to shared memory.
void stagePairs(uint tile, uint tiles) {
    uint h = tile / tiles, head = HeadFirst + h;
    for (uint n = gl_LocalInvocationID.x; n < Rotary / 2u * QUERIES; n += WORKGROUP) {
        uint i = n / QUERIES, v = tile % tiles * QUERIES + n % QUERIES, row = queryRow(h, min(v, Vectors - 1u));
        uint a = Interleaved != 0u ? 2u * i : i, b = Interleaved != 0u ? 2u * i + 1u : i + Rotary / 2u, mean = MEAN_AT + head * HEAD_DIM;
        float y = v < Vectors ? queryElement(row, a) : 0.0, z = v < Vectors ? queryElement(row, b) : 0.0;
        float meanA = uintBitsToFloat(TABLE(mean + a)), meanB = uintBitsToFloat(TABLE(mean + b));
        alongs[n] = alongOf(y, z, meanA, meanB);
        acrosses[n] = acrossOf(y, z, meanA, meanB);
    }
    for (uint n = gl_LocalInvocationID.x; n < QUERIES; n += WORKGROUP) {
        uint v = tile % tiles * QUERIES + n;
        fixed_[n] = v < Vectors ? fixedOf(queryRow(h, v), head) : 0.0;
    }
}

// The product of a page's mean and a vector of the tile.
float productOf(uint page, uint v) {
    float sum = 0.0;
    for (uint from = 0u; from < Rotary / 2u; from += 16u) {
        float part = 0.0;
        for (uint i = from; i < min(from + 16u, Rotary / 2u); i += 4u) {
            uint at = cosinesAt(page, i);
            uvec4 cosines = rotations[at], sines = rotations[at + Rotary / 8u];
            for (uint k = 0u; k < 4u; k++) {
                part = addProduct(part, alongs[(i + k) * QUERIES + v], uintBitsToFloat(cosines[k]));
                part = addProduct(part, acrosses[(i + k) * QUERIES + v], uintBitsToFloat(sines[k]));
            }
        }
        precise float next = sum + part;
        sum = next;
    }
    precise float all = sum + fixed_[v];
    return all;
}

// A few pages and a tile by a workgroup.
void multiplyTogether() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, all = Heads * tiles;
    uint tile = gl_WorkGroupID.x % all, first = gl_WorkGroupID.x / all * TOGETHER;
    stagePairs(tile, tiles);
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < TOGETHER * QUERIES; i += WORKGROUP) {
        uint p = i / QUERIES, v = i % QUERIES;
        if (first + p < Pages) queries[MEANS_AT(all, Stretches) + (tile * Pages + first + p) * QUERIES + v] = productOf(first + p, v);
    }
}

void main() {
    if (STAGED != 0) multiplyTogether();
    else multiplyVectors();
}
