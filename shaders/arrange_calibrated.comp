#version 450
#extension GL_GOOGLE_include_directive : require
// Query rows as arrange_queries has them, and to the basis in which K rows are coded, in
// tiles, and the record tables of K and of V to where score and weighted_sum find them. A workgroup has
// a stretch, a KV head, a few channels, and of the head's tiles consecutive vectors, one
// an invocation; where STAGED is 1 a stretch and a tile, which it has in shared memory, an
// invocation a channel.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uint rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer TablesIn { uvec4 tables[]; }; // of K, then of V
layout(set = 0, binding = 2, std430) readonly buffer Rotations { uint rotations[]; }; // [stretch][Rotary]: cosines, sines
layout(set = 0, binding = 3, std430) writeonly buffer Queries { uint queries[]; };
layout(push_constant) uniform Push {
    uint Vectors;   // query vectors of a KV head, V
    uint Heads;     // KV heads in this dispatch
    uint PerHead;   // query heads of a KV head, g
    uint RowHeads;  // rows from query to query: query heads, QH
    uint RowFirst;  // words before the first row
    float Scale;
    uint HeadFirst; // first KV head of the dispatch
    uint StretchFirst;
    uint Stretches;   // from there on
    uint Rotary;      // elements that turn with the position
    uint Interleaved; // 1: pairs are neighbours, 0: half of Rotary apart
};
#define TABLE(i) WORD(tables, i)
#include "lib/record.glsl"
#include "lib/matrix.glsl"
#include "lib/rotation.glsl"
#include "lib/query.glsl"

const uint TILE = ((HEAD_DIM + BLOCKS) * QUERIES + 3) / 4 * 4;

const uint FEW = HEAD_DIM > 64 ? 8 : HEAD_DIM % 16 == 0 ? 16 : 8;
const uint TOGETHER = WORKGROUP < 32 ? HEAD_DIM % 32 == 0 ? HEAD_DIM > 128 ? FEW : 32 : FEW : FEW; // channels of a workgroup

shared vec4 staged[STAGED != 0 ? 1 : HEAD_DIM * TOGETHER / 4];   // their part of the matrix, [element][TOGETHER]
shared float elements[STAGED != 0 ? HEAD_DIM * QUERIES : 1]; // of a tile: [element][QUERIES]

const uint AT_ONCE = TOGETHER % 16 == 0 ? 16 : 8; // elements that an invocation stages at once: those of a load, or of half of it

// Channels of element d of a head's inverse, from channel c on: 16, or 8 twice.
uvec4 someOf(uint h, uint d, uint c) {
    uint word = INVERSE_AT + ((HeadFirst + h) * HEAD_DIM + d) * HEAD_DIM / 4u + c / 4u;
    uvec4 all = tables[word / 4u];
    return AT_ONCE == 16 ? all : twoOf(all, word).xyxy;
}

// Brings number i of the matrix's elements, so many at once, to shared memory, turned by
// a rotation.
void stageSome(uint i, uint h, uint channel, uint rotation) {
    uint d = i * AT_ONCE / TOGETHER, c = channel + i * AT_ONCE % TOGETHER, pair = rotation + pairOfElement(d);
    float cosine = uintBitsToFloat(rotations[pair]), sine = uintBitsToFloat(rotations[pair + Rotary / 2u]); // not used where Rotary is 0
    uvec4 own = someOf(h, d, c), partner = someOf(h, partnerOf(d), c);
    for (uint k = 0u; k < AT_ONCE / 4u; k++)
        staged[i * AT_ONCE / 4u + k] = fourTurned(d, fourElements(own[k]), fourElements(partner[k]), cosine, sine);
}

// Adds the products of a block: with constant blocks and outside of branches, as in
// score.
void addBlock(inout float sums[TOGETHER], uint row, bool live, uint block) {
    float y[32];
    loadElements(row, live, block, y);
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        for (uint c = 0u; c < TOGETHER; c++) {
            precise float product = WORD(staged, (block * 32u + e) * TOGETHER + c) * y[e];
            precise float sum = sums[c] + product;
            sums[c] = sum;
        }
    }
}

// Copies the record tables to words from at on, by all of so many workgroups.
void copyTables(uint at, uint workgroups) {
    for (uint i = gl_WorkGroupID.x * WORKGROUP + gl_LocalInvocationID.x; i < 2u * TABLE_WORDS; i += workgroups * WORKGROUP)
        queries[at + i] = TABLE(i < TABLE_WORDS ? i : ALL_WORDS + i - TABLE_WORDS);
}

void arrangeVectors() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, groups = (tiles * QUERIES + WORKGROUP - 1u) / WORKGROUP;
    uint n = gl_WorkGroupID.x, chunks = HEAD_DIM / TOGETHER, h = n / groups % Heads, channel = n / groups / Heads % chunks * TOGETHER;
    uint stretch = n / groups / Heads / chunks;
    uint v = n % groups * WORKGROUP + gl_LocalInvocationID.x, all = Heads * tiles;
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM * TOGETHER / AT_ONCE; i += WORKGROUP)
        stageSome(i, h, channel, (StretchFirst + stretch) * Rotary);
    barrier();
    uint row = queryRow(h, min(v, Vectors - 1u));
    bool live = v < Vectors;
    float sums[TOGETHER];
    for (uint c = 0u; c < TOGETHER; c++) sums[c] = 0.0;
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, row, live, block);
    EIGHT(BLOCK)
    uint at = CODED_AT(all) + (((h * tiles + v / QUERIES) * Stretches + stretch) * HEAD_DIM + channel) * QUERIES + v % QUERIES;
    uint scales = (INVERSE_SCALES_AT + (HeadFirst + h) * HEAD_DIM + channel) / 4u;
    for (uint c = 0u; c < TOGETHER; c += 4u) {
        uvec4 four = tables[scales + c / 4u];
        for (uint k = 0u; k < 4u; k++) {
            precise float coded = uintBitsToFloat(four[k]) * sums[c + k];
            if (v < tiles * QUERIES) queries[at + (c + k) * QUERIES] = floatBitsToUint(cut(coded, 1152921504606846976.0)); // 2^60
        }
    }
    uint block = channel / TOGETHER, tile = h * tiles + v / QUERIES; // chunks of the first stretch arrange a block each
    if (stretch == 0u && block < BLOCKS && v < tiles * QUERIES) {
        ARRANGE_BLOCK(tile * TILE + v % QUERIES, row, live, block)
    }
    copyTables(TABLES_AT(all), groups * Heads * chunks * Stretches);
}

// Adds the products of a channel of a head's inverse, turned by a rotation.
void addChannel(inout float sums[QUERIES], uint head, uint c, uint rotation) {
    uint inverse = INVERSE_AT + (head * HEAD_DIM * HEAD_DIM + c) / 4u;
    for (uint d = 0u; d < HEAD_DIM; d++) {
        uint pair = rotation + pairOfElement(d);
        float own = fourElements(TABLE(inverse + d * HEAD_DIM / 4u))[c % 4u], partner = fourElements(TABLE(inverse + partnerOf(d) * HEAD_DIM / 4u))[c % 4u];
        float weight = turned(d, own, partner, uintBitsToFloat(rotations[pair]), uintBitsToFloat(rotations[pair + Rotary / 2u]));
        for (uint v = 0u; v < QUERIES; v++) {
            precise float product = weight * elements[d * QUERIES + v];
            precise float sum = sums[v] + product;
            sums[v] = sum;
        }
    }
}

// Arranges the tile that is in shared memory from word at of queries on.
void arrangeTile(uint at) {
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM * QUERIES; i += WORKGROUP) queries[at + i] = floatBitsToUint(elements[i]);
    for (uint i = gl_LocalInvocationID.x; i < BLOCKS * QUERIES; i += WORKGROUP) {
        float sum = 0.0;
        for (uint e = i / QUERIES * 32u; e < min(i / QUERIES * 32u + 32u, HEAD_DIM); e++) {
            precise float next = sum + elements[e * QUERIES + i % QUERIES];
            sum = next;
        }
        queries[at + HEAD_DIM * QUERIES + i] = floatBitsToUint(sum);
    }
}

// A tile for a stretch by a workgroup.
void arrangeTogether() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, all = Heads * tiles;
    uint tile = gl_WorkGroupID.x % all, stretch = gl_WorkGroupID.x / all, h = tile / tiles, head = HeadFirst + h;
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM * QUERIES; i += WORKGROUP) {
        uint v = tile % tiles * QUERIES + i % QUERIES;
        elements[i] = v < Vectors ? queryElement(queryRow(h, v), i / QUERIES) : 0.0;
    }
    barrier();
    for (uint c = gl_LocalInvocationID.x; c < HEAD_DIM; c += WORKGROUP) {
        float sums[QUERIES], scale = uintBitsToFloat(TABLE(INVERSE_SCALES_AT + head * HEAD_DIM + c));
        for (uint v = 0u; v < QUERIES; v++) sums[v] = 0.0;
        addChannel(sums, head, c, (StretchFirst + stretch) * Rotary);
        for (uint v = 0u; v < QUERIES; v++) {
            precise float coded = scale * sums[v];
            queries[CODED_AT(all) + ((tile * Stretches + stretch) * HEAD_DIM + c) * QUERIES + v] = floatBitsToUint(cut(coded, 1152921504606846976.0)); // 2^60
        }
    }
    if (stretch == 0u) arrangeTile(tile * TILE);
    copyTables(TABLES_AT(all), all * Stretches);
}

void main() {
    if (STAGED != 0) arrangeTogether();
    else arrangeVectors();
}
