#version 450
#extension GL_GOOGLE_include_directive : require
// Query rows to the basis in which K rows are coded, in tiles, and the record
// tables of K and of V to where score and weighted_sum find them. A workgroup has
// a KV head, a tile and eight channels.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uint rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer TablesIn { uvec4 tables[]; }; // of K, then of V
layout(set = 0, binding = 2, std430) writeonly buffer Queries { uint queries[]; };
layout(push_constant) uniform Push {
    uint Vectors;   // query vectors of a KV head, V
    uint Heads;     // KV heads in this dispatch
    uint PerHead;   // query heads of a KV head, g
    uint RowHeads;  // rows from query to query: query heads, QH
    uint RowFirst;  // words before the first row
    float Scale;
    uint HeadFirst; // first KV head of the dispatch
};
#define TABLE(i) WORD(tables, i)
#include "lib/record.glsl"
#include "lib/query.glsl"

const uint TILE = ((HEAD_DIM + BLOCKS) * QUERIES + 3) / 4 * 4;

void addBlock(inout float sums[8], uint row, bool live, uint head, uint channel, uint block) {
    for (uint e = 0u; e < 32u; e++) {
        uint d = block * 32u + e;
        if (!ALIGNED && d >= HEAD_DIM) break;
        float y = live ? queryElement(row, d) : 0.0;
        for (uint k = 0u; k < 8u; k += 4u) {
            uvec4 four = tables[(INVERSE_AT + (head * HEAD_DIM + d) * HEAD_DIM + channel + k) / 4u];
            for (uint i = 0u; i < 4u; i++) {
                precise float product = uintBitsToFloat(four[i]) * y;
                precise float sum = sums[k + i] + product;
                sums[k + i] = sum;
            }
        }
    }
}

void main() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, chunks = HEAD_DIM / 8u, groups = (QUERIES + WORKGROUP - 1u) / WORKGROUP;
    uint n = gl_WorkGroupID.x, channel = n % chunks * 8u, tile = n / chunks / groups;
    uint column = n / chunks % groups * WORKGROUP + gl_LocalInvocationID.x;
    uint h = tile / tiles, v = tile % tiles * QUERIES + column;
    bool live = column < QUERIES && v < Vectors;
    uint row = queryRow(h, min(v, Vectors - 1u));
    float sums[8];
    for (uint k = 0u; k < 8u; k++) sums[k] = 0.0;
    addBlock(sums, row, live, HeadFirst + h, channel, 0u);
    if (BLOCKS > 1) addBlock(sums, row, live, HeadFirst + h, channel, 1u);
    if (BLOCKS > 2) addBlock(sums, row, live, HeadFirst + h, channel, 2u);
    if (BLOCKS > 3) addBlock(sums, row, live, HeadFirst + h, channel, 3u);
    if (BLOCKS > 4) addBlock(sums, row, live, HeadFirst + h, channel, 4u);
    if (BLOCKS > 5) addBlock(sums, row, live, HeadFirst + h, channel, 5u);
    if (BLOCKS > 6) addBlock(sums, row, live, HeadFirst + h, channel, 6u);
    if (BLOCKS > 7) addBlock(sums, row, live, HeadFirst + h, channel, 7u);
    uint all = Heads * tiles, at = CODED_AT(all) + tile * HEAD_DIM * QUERIES + channel * QUERIES + column;
    for (uint k = 0u; k < 8u && column < QUERIES; k++)
        queries[at + k * QUERIES] = floatBitsToUint(cut(sums[k], 1152921504606846976.0)); // 2^60
    for (uint i = n * WORKGROUP + gl_LocalInvocationID.x; i < 2u * TABLE_WORDS; i += all * groups * chunks * WORKGROUP)
        queries[TABLES_AT(all) + i] = TABLE(i < TABLE_WORDS ? i : ALL_WORDS + i - TABLE_WORDS);
}
