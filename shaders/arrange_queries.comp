#version 450
#extension GL_GOOGLE_include_directive : require
// Arranges query rows [n][QH][D] of TYPE for score: scaled, in f32, in tiles.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uint rows[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Queries { uint queries[]; };
layout(push_constant) uniform Push {
    uint Vectors;  // query vectors of a KV head, V
    uint Heads;    // KV heads in this dispatch
    uint PerHead;  // query heads of a KV head, g
    uint RowHeads; // rows from query to query: query heads, QH
    uint RowFirst; // words before the first row
    float Scale;
};

const uint TILE = ((HEAD_DIM + BLOCKS) * QUERIES + 3) / 4 * 4;

#include "lib/query.glsl"

// An invocation arranges a block of a vector.
void main() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES;
    uint n = gl_GlobalInvocationID.x;
    uint column = n % QUERIES, block = n / QUERIES % BLOCKS, tile = n / QUERIES / BLOCKS;
    if (tile >= Heads * tiles) return;
    uint h = tile / tiles, v = tile % tiles * QUERIES + column;
    uint row = queryRow(h, v);
    ARRANGE_BLOCK(tile * TILE + column, row, v < Vectors, block)
}
