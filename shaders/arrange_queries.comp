#version 450
#extension GL_GOOGLE_include_directive : require
// Arranges query rows [n][QH][D] of TYPE for score: scaled, in f32, in tiles.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uint rows[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Queries { float queries[]; };
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
    float sum = 0.0;
    for (uint e = block * 32u; e < min(block * 32u + 32u, HEAD_DIM); e++) {
        float y = v < Vectors ? queryElement(row, e) : 0.0;
        queries[tile * TILE + e * QUERIES + column] = y;
        precise float next = sum + y;
        sum = next;
    }
    queries[tile * TILE + (HEAD_DIM + block) * QUERIES + column] = sum;
}
