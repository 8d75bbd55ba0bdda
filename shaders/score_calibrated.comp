#version 450
#extension GL_GOOGLE_include_directive : require
// Scores of arranged queries and K records. A workgroup has a KV head, tiles of
// queries and consecutive tokens of a stretch, one an invocation.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 2, std430) readonly buffer Queries { uvec4 queries[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Scores { vec4 scores[]; };
layout(push_constant) uniform Push {
    uint Vectors;     // query vectors of a KV head, V
    uint Heads;       // KV heads in this dispatch
    uint HeadFirst;   // first KV head of the dispatch
    uint Stride;      // tokens that scores have room for
    uint PageTokens;  // tokens of a page
    uint StretchFirst;
    uint Stretches;   // that have coded tiles, from there on
    uint MeanFirst;   // first page that has products with means
    uint MeanPages;   // pages that have them
    float Cap;        // soft cap C, 0 for none
    float InverseCap; // 1/C
};
#define PAGE(i) WORD(pages, i)
#include "lib/math.glsl"
#include "lib/attend.glsl"
#include "lib/scores.glsl"
#define TABLE(i) WORD(queries, TABLES_AT(tilesOf(Vectors) * Heads) + (i))
#define TABLE4(i) queries[TABLES_AT(tilesOf(Vectors) * Heads) / 4u + (i)]
#include "lib/record.glsl"
#include "lib/calibrated.glsl"
CODED_ROW(codedRow, TABLE4)

// A stored row.
struct Row {
    uint at;    // its record in pages
    uint level; // nibble
    uint head;
    CodedRow coded;
};

STAGED_TILES(CODED_AT(tilesOf(Vectors) * Heads), HEAD_DIM * QUERIES)

// Adds the products of a block with a coded tile to sums: with constant blocks and outside of
// branches, as in score.
void addBlock(inout float sums[COLUMNS], uint coded, Row row, uint block) {
    float parts[COLUMNS], x[32];
    valuesOf(planesOf(blockOfRow(row.coded, block), row.at), x);
    for (uint v = 0u; v < COLUMNS; v++) parts[v] = 0.0;
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        for (uint v = 0u; v < COLUMNS; v++) {
            precise float product = queryAt(coded, block * 32u + e, v) * x[e];
            precise float sum = parts[v] + product;
            parts[v] = sum;
        }
    }
    for (uint v = 0u; v < COLUMNS; v++) {
        precise float sum = sums[v] + parts[v];
        sums[v] = sum;
    }
}

// The same for a raw row and the queries as arrange_queries has them. Few rows
// are raw: nothing is unrolled.
void scoreRaw(out float sums[COLUMNS], Tiles of, Row row) {
    for (uint v = 0u; v < COLUMNS; v++) sums[v] = 0.0;
    for (uint block = 0u; block < BLOCKS; block++) {
        float parts[COLUMNS];
        for (uint v = 0u; v < COLUMNS; v++) parts[v] = 0.0;
        for (uint d = block * 32u; d < min(block * 32u + 32u, HEAD_DIM); d++) {
            uint word = PAGE(row.at + row.head * RAW_ROW + d / PER_WORD);
            float x = boundPattern(PER_WORD == 1 ? word : d % 2u == 0u ? word << 16 : word & 0xffff0000u);
            for (uint v = 0u; v < COLUMNS; v++) {
                precise float product = uintBitsToFloat(WORD(queries, tileOf(of, v / QUERIES) * TILE + d * QUERIES + v % QUERIES)) * x;
                precise float sum = parts[v] + product;
                parts[v] = sum;
            }
        }
        for (uint v = 0u; v < COLUMNS; v++) {
            precise float sum = sums[v] + parts[v];
            sums[v] = sum;
        }
    }
}

Row rowOf(uint t, uint h) {
    SIZES(sizes)
    uint page = READ2(FramePages, frame, FRAME_WORDS, (t - FRAME.first) / PageTokens).k, i = (t - FRAME.first) % PageTokens;
    Row row;
    row.head = HeadFirst + h;
    row.level = nibbleOf(PAGE(page + RECORD_HEADER + i / 8u), i);
    row.at = page + recordsAt(PageTokens) + recordsBefore(sizes, page, i);
    row.coded = codedRow(min(row.level, LEVELS - 1u), row.head);
    for (uint p = 0u; p < 8u; p++) row.coded.planes[p] = row.level == RAW_LEVEL ? 0u : row.coded.planes[p];
    return row;
}

void addMean(inout float sum, uint word) {
    precise float next = sum + uintBitsToFloat(word);
    sum = next;
}

// Adds the products with the mean of a page, the n-th that has some.
void addMeans(inout float sums[COLUMNS], Tiles of, uint n) {
    uint means = MEANS_AT(tilesOf(Vectors) * Heads, Stretches);
    for (uint v = 0u; v < COLUMNS; v += min(QUERIES, 4u)) {
        uint at = means + (tileOf(of, v / QUERIES) * MeanPages + n) * QUERIES + v % QUERIES;
        if (QUERIES < 4) {
            for (uint k = 0u; k < QUERIES; k++) addMean(sums[v + k], WORD(queries, at + k));
        } else {
            uvec4 four = queries[at / 4u];
            for (uint k = 0u; k < 4u; k++) addMean(sums[v + k], four[k]);
        }
    }
}

// The nearest token that the dispatch reads.
uint within(uint token) { return max(begin(), min(token, FRAME.end - 1u)); }

void main() {
    uint tiles = tilesOf(Vectors);
    Tiles of = tilesOfWorkgroup(gl_WorkGroupID.x, tiles);
    uint first = (begin() / WORKGROUP + gl_WorkGroupID.x / workgroupsTogether(tiles)) * WORKGROUP, token = first + gl_LocalInvocationID.x;
    uint t = within(token); // no invocation may leave early: see score.comp, addBlock
    uint coded = of.first * Stretches + within(first) / STRETCH_TOKENS - StretchFirst;
    stage(of, coded, Stretches);
    loadReconstruction();
    Row row = rowOf(t, of.head);
    float sums[COLUMNS];
    for (uint v = 0u; v < COLUMNS; v++) sums[v] = 0.0;
    if (STAGED != 0) {
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, coded, row, block);
        EIGHT(BLOCK)
    } else {
        for (uint block = 0u; block < BLOCKS; block++) addBlock(sums, coded, row, block);
    }
    addMeans(sums, of, t / PageTokens - MeanFirst);
    if (row.level == RAW_LEVEL) scoreRaw(sums, of, row);
    finish(sums);
    if (t == token) storeScores(of, t - FRAME.base, sums);
}
