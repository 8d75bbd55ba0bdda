#version 450
#extension GL_GOOGLE_include_directive : require
// Products of queries with the mean of the K rows of each page. A workgroup has a
// KV head, a tile and consecutive pages, one an invocation.
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
    uint Rotary;      // elements of the mean that turn with the position
    uint Interleaved; // 1: pairs are neighbours, 0: half of Rotary apart
};
#define TABLE(i) WORD(tables, i)
#include "lib/record.glsl"
#include "lib/rotation.glsl"
#include "lib/query.glsl"

const uint TILE = ((HEAD_DIM + BLOCKS) * QUERIES + 3) / 4 * 4;

// Four elements of the mean from element d on, a multiple of four.
vec4 fourMeans(uint head, uint page, uint d) {
    uint mean = MEAN_AT + head * HEAD_DIM, at = (page * Rotary + pairOfElement(d)) / 4u;
    uvec4 cosines = rotations[at], sines = rotations[at + Rotary / 8u]; // not used where Rotary is 0
    vec4 out_;
    for (uint k = 0u; k < 4u; k++) {
        uint near = d / 2u % 4u + k / 2u;
        uint cosine = Interleaved != 0u ? cosines[near] : cosines[k], sine = Interleaved != 0u ? sines[near] : sines[k];
        out_[k] = turned(d + k, uintBitsToFloat(TABLE(mean + d + k)), uintBitsToFloat(TABLE(mean + partnerOf(d + k))),
            uintBitsToFloat(cosine), uintBitsToFloat(sine));
    }
    return out_;
}

void addBlock(inout float sums[QUERIES], uint at[QUERIES], uint vectors, uint head, uint page, uint block) {
    float parts[QUERIES];
    for (uint v = 0u; v < QUERIES; v++) parts[v] = 0.0;
    for (uint e = 0u; e < 32u; e += 4u) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        vec4 mean = fourMeans(head, page, block * 32u + e);
        for (uint k = 0u; k < 4u; k++) {
            for (uint v = 0u; v < QUERIES; v++) {
                float y = queryElement(at[v], block * 32u + e + k);
                precise float product = (v < vectors ? y : 0.0) * mean[k];
                precise float sum = parts[v] + product;
                parts[v] = sum;
            }
        }
    }
    for (uint v = 0u; v < QUERIES; v++) {
        precise float sum = sums[v] + parts[v];
        sums[v] = sum;
    }
}

void main() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, n = gl_WorkGroupID.x, tile = n % (tiles * Heads), h = tile / tiles;
    uint page = n / (tiles * Heads) * WORKGROUP + gl_LocalInvocationID.x, here = PageFirst + min(page, Pages - 1u);
    uint at[QUERIES], vectors = Vectors - tile % tiles * QUERIES;
    float sums[QUERIES];
    for (uint v = 0u; v < QUERIES; v++) {
        at[v] = queryRow(h, min(tile % tiles * QUERIES + v, Vectors - 1u));
        sums[v] = 0.0;
    }
    addBlock(sums, at, vectors, HeadFirst + h, here, 0u);
    if (BLOCKS > 1) addBlock(sums, at, vectors, HeadFirst + h, here, 1u);
    if (BLOCKS > 2) addBlock(sums, at, vectors, HeadFirst + h, here, 2u);
    if (BLOCKS > 3) addBlock(sums, at, vectors, HeadFirst + h, here, 3u);
    if (BLOCKS > 4) addBlock(sums, at, vectors, HeadFirst + h, here, 4u);
    if (BLOCKS > 5) addBlock(sums, at, vectors, HeadFirst + h, here, 5u);
    if (BLOCKS > 6) addBlock(sums, at, vectors, HeadFirst + h, here, 6u);
    if (BLOCKS > 7) addBlock(sums, at, vectors, HeadFirst + h, here, 7u);
    if (page >= Pages) return;
    for (uint v = 0u; v < QUERIES; v++)
        queries[MEANS_AT(tiles * Heads) + (tile * Pages + page) * QUERIES + v] = sums[v];
}
