#version 450
#extension GL_GOOGLE_include_directive : require
// Pages to rows, whose offsets and strides are multiples of four words.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a DecodeJob
layout(set = 0, binding = 2, std430) buffer RowsOut { uvec4 rows[]; };
layout(push_constant) uniform Push {
    uint Groups;         // groups in this dispatch
    uint GroupsPerJob;   // groups of a page
    uint GroupsPerToken; // groups of a token in a page
    uint TokenStride;    // words from token to token in rows
    uint RowFirst;       // first row of each group to return
    uint RowCount;       // rows of each group to return
};
#define PAGE(i) WORD(pages, i)
#include "lib/stored.glsl"
#include "lib/planes.glsl"

const uint OUT_PER_WORD = OUT_TYPE == F32 ? 1 : 2;             // elements a word of rows
const uint OUT_ROW = HEAD_DIM / OUT_PER_WORD;                  // words a row of rows
const uint LANE_BLOCKS = (BLOCKS + LANES - 1) / LANES;         // blocks a lane

// A row of a page, and where it goes.
struct Row {
    uint index;  // row in its group
    uint at;     // its codes in pages
    uint words;  // words of its codes
    uint bits;
    uint out_;   // its place in rows
    float low;   // min
    float extent; // R
};

// Where the block's element e, the first of a 128-bit word, goes in rows.
uint placeOf(Row row, uint block, uint e) {
    return (row.out_ + (block * 32u + e) / OUT_PER_WORD) / 4u;
}

void storeHalves(Row row, uint block, uint halves[32]) {
    for (uint e = 0u; e < 32u; e += 8u) {
        if (block * 32u + e >= HEAD_DIM) break;
        uvec4 four;
        for (uint j = 0u; j < 4u; j++) four[j] = halves[e + 2u * j] | halves[e + 2u * j + 1u] << 16;
        rows[placeOf(row, block, e)] = four;
    }
}

// Stores value(e), the narrowed element e of a block, for all of them. Words
// of one element go at once, so that few are alive; halves of a word go when
// all are there, because llvmpipe takes work that leads to one store only lane
// by lane (a sixth more time).
#define STORE_BLOCK(row, block, value)                                              \
    if (OUT_PER_WORD == 1) {                                                        \
        for (uint e = 0u; e < 32u; e += 4u) {                                       \
            if (block * 32u + e >= HEAD_DIM) break;                                 \
            rows[placeOf(row, block, e)] =                                          \
                uvec4(value((e)), value((e + 1u)), value((e + 2u)), value((e + 3u))); \
        }                                                                           \
    } else {                                                                        \
        uint halves[32];                                                            \
        for (uint e = 0u; e < 32u; e++) halves[e] = value(e);                       \
        storeHalves(row, block, halves);                                            \
    }

uint rawValue(Row row, uint element) {
    uint word = element < HEAD_DIM ? PAGE(row.at + element / PER_WORD) : 0u;
    uint pattern = PER_WORD == 1 ? word : element % 2u == 0u ? word << 16 : word & 0xffff0000u;
    if (TYPE == OUT_TYPE) return PER_WORD == 1 ? pattern : pattern >> 16;
    return narrow(widen(pattern));
}

void decodeRaw(Row row, uint block) {
#define RAW_VALUE(e) rawValue(row, block * 32u + e)
    STORE_BLOCK(row, block, RAW_VALUE)
}

uint codeValue(Row row, float s8, float half_, uint high) {
    return narrowValue(floatBitsToUint(valueOf(row.low, s8, half_, high & 0xffu)));
}

void decodeCodes(Row row, uint block) {
    uint codes[8];
    for (uint p = 0u; p < 8u; p++) codes[7u - p] = p < row.bits ? planeAt(row.at, row.words, p, block) : 0u;
    transpose(codes);
    precise float s8 = row.extent * 0.00390625;
    float half_ = halfStep(row.bits);
#define CODE_VALUE(e) codeValue(row, s8, half_, codes[e % 8u] >> (e / 8u * 8u))
    STORE_BLOCK(row, block, CODE_VALUE)
}

// Puts the outliers of group g that lie in the lane's blocks over their codes.
void overlay(Row row, uint page, uint groups, uint g, uint lane) {
    for (uint j = 0u; j < OUTLIERS; j++) {
        uint n = g * OUTLIERS + j;
        uint index = outlierIndex(page, groups, n);
        uint element = index - row.index * HEAD_DIM;
        if (element >= HEAD_DIM || element / 32u / LANE_BLOCKS != lane) continue;
        uint pattern = storedPattern(page + valuesAt(groups), n);
        uint value = TYPE == OUT_TYPE ? (PER_WORD == 1 ? pattern : pattern >> 16) : narrow(widen(pattern));
        uint at = row.out_ + element / OUT_PER_WORD;
        if (OUT_PER_WORD == 1) rows[at / 4u][at % 4u] = value;
        else if (element % 2u == 0u) rows[at / 4u][at % 4u] = (rows[at / 4u][at % 4u] & 0xffff0000u) | value;
        else rows[at / 4u][at % 4u] = (rows[at / 4u][at % 4u] & 0xffffu) | value << 16;
    }
}

void main() {
    uint n = gl_GlobalInvocationID.x / LANES, lane = gl_GlobalInvocationID.x % LANES;
    if (n >= Groups * RowCount) return;
    uint group = n / RowCount, r = n % RowCount;
    DecodeJob job = READ2(DecodeJob, plan, 0u, group / GroupsPerJob);
    uint page = job.page, g = group % GroupsPerJob, groups = GroupsPerJob;
    Row row;
    row.index = RowFirst + r;
    row.bits = bitsOfNibble(nibbleOf(PAGE(page + HEADER + g / 8u), g));
    row.words = rowWords(row.bits);
    row.at = page + codesAt(groups) + codesBefore(page + HEADER, g) + row.index * row.words;
    row.out_ = job.rows + g / GroupsPerToken * TokenStride + (g % GroupsPerToken * RowCount + r) * OUT_ROW;
    uvec2 range = rangePatterns(page + rangesAt(groups) + g * RANGE_WORDS);
    bool evicted = row.bits == EVICTED; // its elements are 0
    row.low = evicted ? 0.0 : load(range.x);
    row.extent = evicted ? 0.0 : extentOf(range);
    row.bits = plainBits(row.bits);
    for (uint c = lane * LANE_BLOCKS; c < min((lane + 1u) * LANE_BLOCKS, BLOCKS); c++) {
        if (row.bits == RAW) decodeRaw(row, c);
        else decodeCodes(row, c);
    }
    if (row.bits != RAW && !evicted) overlay(row, page, groups, g, lane);
}
