#version 450
#extension GL_GOOGLE_include_directive : require
// Query rows as arrange_queries has them, but for sums of blocks, and to the basis in which K
// rows are coded, in tiles, and the record tables of K and of V to where score and weighted_sum find them. A
// workgroup has a stretch and a tile, which it has in shared memory, and consecutive
// channels, an invocation a few.
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

// Channels of an invocation: so many that their loads are few, so few that sums fit registers
// and all of a workgroup have some.
const uint EACH = STAGED != 0 ? 1 : HEAD_DIM % 128 == 0 && QUERIES <= 4 ? 16 : HEAD_DIM % 64 == 0 && QUERIES <= 8 ? 8 : 4;
const uint CHUNKS = (HEAD_DIM + WORKGROUP * EACH - 1) / (WORKGROUP * EACH); // workgroups of a row

shared vec4 elements[HEAD_DIM * QUERIES / 4]; // of a tile, turned back: [element][QUERIES]

// An element of vector v of a head, 0 where there is none.
float elementOf(uint h, uint v, uint d) { return v < Vectors ? queryElement(queryRow(h, v), d) : 0.0; }

// Where a tile's elements go in queries, and whether this workgroup writes them.
struct Place {
    uint at;
    bool writes;
};

// Brings a tile of a head, whose vectors begin with v0, to shared memory, and as it is to
// its place. Two elements that turn together, and what turns them, are loaded once.
void stageTile(uint h, uint v0, uint rotation, Place place) {
    for (uint u = gl_LocalInvocationID.x; u < HEAD_DIM - Rotary / 2u; u += WORKGROUP) {
        bool turns = u < Rotary / 2u;
        uint a = turns ? (Interleaved != 0u ? 2u * u : u) : u + Rotary / 2u, b = partnerOf(a), pair = rotation + (turns ? u : 0u);
        float cosine = uintBitsToFloat(rotations[pair]), sine = uintBitsToFloat(rotations[pair + Rotary / 2u]); // not used where Rotary is 0
        for (uint v = 0u; v < QUERIES; v++) {
            float x = elementOf(h, v0 + v, a), y = elementOf(h, v0 + v, b);
            WORD(elements, a * QUERIES + v) = turned(a, x, y, cosine, -sine);
            WORD(elements, b * QUERIES + v) = turned(b, y, x, cosine, -sine);
            if (place.writes) queries[place.at + a * QUERIES + v] = floatBitsToUint(x);
            if (place.writes) queries[place.at + b * QUERIES + v] = floatBitsToUint(y);
        }
    }
    barrier();
}

// Weights of element d in channels from c on, of a head's inverse.
void loadWeights(uint head, uint d, uint c, out float weights[EACH]) {
    uint word = INVERSE_AT + (head * HEAD_DIM + d) * HEAD_DIM / 4u + c / 4u;
    if (EACH == 1) {
        weights[0] = fourElements(TABLE(word))[c % 4u];
        return;
    }
    uvec4 words = EACH == 4 ? uvec4(TABLE(word)) : tables[word / 4u];
    if (EACH == 8) words.xy = twoOf(words, word);
    for (uint k = 0u; k < EACH; k++) weights[k] = fourElements(words[k / 4u])[k % 4u];
}

// Sums of an invocation's channels, [channel][QUERIES].
const uint SUMS = EACH * QUERIES;
struct Sums { float of[SUMS]; };

// Adds the products of element d of the queries.
void addElement(inout Sums sums, uint head, uint d, uint c, float y[QUERIES]) {
    float weights[EACH];
    loadWeights(head, d, c, weights);
    for (uint k = 0u; k < EACH; k++) {
        for (uint v = 0u; v < QUERIES; v++) {
            precise float product = weights[k] * y[v];
            precise float sum = sums.of[k * QUERIES + v] + product;
            sums.of[k * QUERIES + v] = sum;
        }
    }
}

// Adds the products of a block of elements. An invocation of few takes the block from shared
// memory as a whole, by constants: reading it by a variable costs drivers that load lane
// by lane more than all else.
void addBlock(inout Sums sums, uint head, uint c, uint block) {
    vec4 own[8 * QUERIES];
    for (uint e = 0u; e < 8u; e++) {
        if (!ALIGNED && block * 32u + 4u * e >= HEAD_DIM) break;
        for (uint v = 0u; v < QUERIES; v++) own[e * QUERIES + v] = elements[(block * 8u + e) * QUERIES + v];
    }
    for (uint e = 0u; e < min(HEAD_DIM - block * 32u, 32u); e++) {
        float y[QUERIES];
        for (uint v = 0u; v < QUERIES; v++) y[v] = WORD(own, e * QUERIES + v);
        addElement(sums, head, block * 32u + e, c, y);
    }
}

void addAll(inout Sums sums, uint head, uint c) {
    for (uint d = 0u; d < HEAD_DIM; d++) {
        float y[QUERIES];
        for (uint v = 0u; v < QUERIES; v++) y[v] = WORD(elements, d * QUERIES + v);
        addElement(sums, head, d, c, y);
    }
}

// Copies the record tables to words from at on, by all of so many workgroups.
void copyTables(uint at, uint workgroups) {
    for (uint i = gl_WorkGroupID.x * WORKGROUP + gl_LocalInvocationID.x; i < 2u * TABLE_WORDS; i += workgroups * WORKGROUP)
        queries[at + i] = TABLE(i < TABLE_WORDS ? i : ALL_WORDS + i - TABLE_WORDS);
}

void main() {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, all = Heads * tiles;
    uint n = gl_WorkGroupID.x / CHUNKS, chunk = gl_WorkGroupID.x % CHUNKS;
    uint tile = n % all, stretch = n / all, h = tile / tiles, head = HeadFirst + h, v0 = tile % tiles * QUERIES;
    Place place = Place(tile * TILE, stretch == 0u && chunk == 0u);
    stageTile(h, v0, (StretchFirst + stretch) * Rotary, place);
    uint first = (chunk * WORKGROUP + gl_LocalInvocationID.x) * EACH, c = min(first, HEAD_DIM - EACH);
    Sums sums;
    for (uint k = 0u; k < SUMS; k++) sums.of[k] = 0.0;
    if (STAGED != 0) {
        addAll(sums, head, c);
    } else {
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, head, c, block);
        EIGHT(BLOCK)
    }
    uint at = CODED_AT(all) + (tile * Stretches + stretch) * HEAD_DIM * QUERIES;
    for (uint k = 0u; k < EACH; k++) {
        float scale = uintBitsToFloat(TABLE(INVERSE_SCALES_AT + head * HEAD_DIM + c + k));
        for (uint v = 0u; v < QUERIES; v++) {
            precise float coded = scale * sums.of[k * QUERIES + v];
            if (first < HEAD_DIM) queries[at + (c + k) * QUERIES + v] = floatBitsToUint(cut(coded, 1152921504606846976.0)); // 2^60
        }
    }
    copyTables(TABLES_AT(all), all * Stretches * CHUNKS);
}
