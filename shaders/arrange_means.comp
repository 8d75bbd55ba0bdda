#version 450
#extension GL_GOOGLE_include_directive : require
// Products of queries with the mean of the K rows of each page. A workgroup has a
// KV head, a few pages, and of the head's tiles consecutive vectors, one an invocation;
// where STAGED is 1 a few pages and a tile, an invocation a page and a vector.
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
const uint TOGETHER = HEAD_DIM > 64 ? 1024 / HEAD_DIM : 16; // pages of a workgroup: products of a vector are written out

const uint PITCH = STAGED != 0 ? HEAD_DIM / 4 + 1 : HEAD_DIM / 4; // 128-bit words from mean to mean: invocations of neighbouring pages read different banks

shared vec4 means[TOGETHER * PITCH]; // turned to the middle of each page
shared float elements[STAGED != 0 ? HEAD_DIM * QUERIES : 1]; // of a tile: [element][QUERIES]

// Four elements of the mean from element d on, a multiple of four.
vec4 fourMeans(uint head, uint page, uint d) {
    uint mean = (MEAN_AT + head * HEAD_DIM) / 4u, at = (page * Rotary + pairOfElement(d)) / 4u;
    uvec4 cosines = rotations[at], sines = rotations[at + Rotary / 8u]; // not used where Rotary is 0
    uvec4 own = tables[mean + d / 4u], partner = Interleaved != 0u ? own.yxwz : tables[mean + partnerOf(d) / 4u];
    vec4 out_;
    for (uint k = 0u; k < 4u; k++) {
        uint near = d / 2u % 4u + k / 2u;
        uint cosine = Interleaved != 0u ? cosines[near] : cosines[k], sine = Interleaved != 0u ? sines[near] : sines[k];
        out_[k] = turned(d + k, uintBitsToFloat(own[k]), uintBitsToFloat(partner[k]), uintBitsToFloat(cosine), uintBitsToFloat(sine));
    }
    return out_;
}

float meanOf(uint page, uint d) { return WORD(means, page * PITCH * 4u + d); }

// Adds the products of a block: with constant blocks and outside of branches, as in
// score.
void addBlock(inout float sums[TOGETHER], uint row, bool live, uint block) {
    float parts[TOGETHER], y[32];
    loadElements(row, live, block, y);
    for (uint p = 0u; p < TOGETHER; p++) parts[p] = 0.0;
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        for (uint p = 0u; p < TOGETHER; p++) {
            precise float product = y[e] * meanOf(p, block * 32u + e);
            precise float sum = parts[p] + product;
            parts[p] = sum;
        }
    }
    for (uint p = 0u; p < TOGETHER; p++) {
        precise float sum = sums[p] + parts[p];
        sums[p] = sum;
    }
}

// Brings the means of pages from number first on to shared memory.
void stageMeans(uint h, uint first) {
    for (uint i = gl_LocalInvocationID.x; i < TOGETHER * HEAD_DIM / 4u; i += WORKGROUP) {
        uint p = i / (HEAD_DIM / 4u), d = i % (HEAD_DIM / 4u);
        means[p * PITCH + d] = fourMeans(HeadFirst + h, PageFirst + min(first + p, Pages - 1u), d * 4u);
    }
}

void multiplyVectors() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, groups = (tiles * QUERIES + WORKGROUP - 1u) / WORKGROUP;
    uint n = gl_WorkGroupID.x, h = n / groups % Heads, first = n / groups / Heads * TOGETHER;
    uint v = n % groups * WORKGROUP + gl_LocalInvocationID.x;
    stageMeans(h, first);
    barrier();
    uint row = queryRow(h, min(v, Vectors - 1u));
    bool live = v < Vectors;
    float sums[TOGETHER];
    for (uint p = 0u; p < TOGETHER; p++) sums[p] = 0.0;
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, row, live, block);
    EIGHT(BLOCK)
    if (v >= tiles * QUERIES) return;
    uint at = MEANS_AT(tiles * Heads, Stretches) + ((h * tiles + v / QUERIES) * Pages + first) * QUERIES + v % QUERIES;
    for (uint p = 0u; p < TOGETHER; p++)
        if (first + p < Pages) queries[at + p * QUERIES] = sums[p];
}

// The product of a page's mean and a vector of the tile.
float productOf(uint page, uint v) {
    float sum = 0.0;
    for (uint block = 0u; block < BLOCKS; block++) {
        float part = 0.0;
        for (uint d = block * 32u; d < min(block * 32u + 32u, HEAD_DIM); d++) {
            precise float product = elements[d * QUERIES + v] * meanOf(page, d);
            precise float next = part + product;
            part = next;
        }
        precise float next = sum + part;
        sum = next;
    }
    return sum;
}

// A few pages and a tile by a workgroup.
void multiplyTogether() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, all = Heads * tiles;
    uint tile = gl_WorkGroupID.x % all, h = tile / tiles, first = gl_WorkGroupID.x / all * TOGETHER;
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM * QUERIES; i += WORKGROUP) {
        uint v = tile % tiles * QUERIES + i % QUERIES;
        elements[i] = v < Vectors ? queryElement(queryRow(h, v), i / QUERIES) : 0.0;
    }
    stageMeans(h, first);
    barrier();
    for (uint i = gl_LocalInvocationID.x; i < TOGETHER * QUERIES; i += WORKGROUP) {
        uint p = i / QUERIES, v = i % QUERIES;
        if (first + p < Pages) queries[MEANS_AT(all, Stretches) + (tile * Pages + first + p) * QUERIES + v] = productOf(p, v);
    }
}

void main() {
    if (STAGED != 0) multiplyTogether();
    else multiplyVectors();
}
