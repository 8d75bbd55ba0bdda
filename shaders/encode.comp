#version 450
#extension GL_GOOGLE_include_directive : require
// Rows to slots: selects outliers, finds the range, decides bits, quantizes.
// Offsets and strides of rows are multiples of four words.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uvec4 rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a RuleJob
layout(set = 0, binding = 2, std430) buffer Slots { uvec4 slots[]; };
// Of group n: its bits where Rule is 0, else its weight w (f32 bits).
layout(set = 0, binding = 3, std430) readonly buffer Want { uint want[]; };
layout(push_constant) uniform Push {
    uint Groups;         // groups in this dispatch
    uint GroupsPerJob;   // groups of a page
    uint GroupsPerToken; // groups of a token in a page
    uint TokenStride;    // words from token to token in rows
    uint SlotBase;       // words before the first slot
    uint SlotWords;      // words from slot to slot
    uint Rule;           // 0: bits are given, 1: bits are decided
    uint MinBits;        // least bits that the rule gives, 0..8
    uint MaxBits;        // most bits that the rule gives, MinBits..8, or 16
    float Delta;         // 0 paper, 1 authors
};
#include "lib/group.glsl"
#include "lib/select.glsl"
#include "lib/quantize.glsl"
#include "lib/planes.glsl"

#define SLOT(i) WORD(slots, i)

uint narrowPattern(uint pattern) { return PER_WORD == 1 ? pattern : pattern >> 16; }

// Outlier number n of the group at word slot.
void writeOutlier(uint slot, uint n, uint index, uint pattern) {
    uint at = slot + RANGE_WORDS + n * ENTRY_WORDS;
    if (TYPE == F32) {
        SLOT(at) = index;
        SLOT(at + 1u) = pattern;
    } else {
        SLOT(at) = index | pattern;
    }
}

#include "lib/select_few.glsl"

void clearOutliers(uint slot) {
    for (uint i = 0u; i < OUTLIERS * ENTRY_WORDS; i++) SLOT(slot + RANGE_WORDS + i) = 0u;
}

void writeOutliers(uint group, uint lane, bool live, uint slot, Selection s) {
    uint low = s.lows, high = LOW + s.highs;
    FOR_ELEMENTS(key, index, {
        if (isLow(s, key, index)) writeOutlier(slot, low++, index, patternOf(key));
        else if (isHigh(s, key, index)) writeOutlier(slot, high++, index, patternOf(key));
    })
}

void writeRange(uint slot, uint low, uint high) {
    if (TYPE == F32) {
        SLOT(slot) = low;
        SLOT(slot + 1u) = high;
    } else {
        SLOT(slot) = low >> 16 | high;
    }
}

// The rows of a group as they came. Few groups are raw: a loop, which drivers that run all
// there is under a mask enter once, in the place of stores block by block.
void writeRaw(uint group, uint lane, bool live, uint slot, uint b) {
    uint end = live && b == RAW ? GROUP / PER_WORD / 4u : 0u;
    for (uint i = lane; i < end; i += LANES) slots[(slot + SLOT_ROWS) / 4u + i] = rows[group / 4u + i];
}

// A plane of a block where planes do not start at word borders: the lane owns
// the row and has cleared it.
void writeShifted(uint rowAt, Block block, uint p, uint plane) {
    if (block.elements < 32u) plane &= (1u << block.elements) - 1u;
    uint offset = p * HEAD_DIM + block.index * 32u, at = rowAt + offset / 32u, shift = offset % 32u;
    SLOT(at) |= plane << shift;
    if (shift > 0u && shift + block.elements > 32u) SLOT(at + 1u) |= plane >> (32u - shift);
}

// Where a lane holds a row of four blocks, it stores the four words of a plane at once.
const bool QUADS = NUMBERED ? BLOCKS == 4 : false;
uvec4 quads[QUADS ? 8 : 1];

void writeQuads(uint rowAt, uint b) {
    if (b > 8u) return;
    for (uint p = 0u; p < 8u; p++) {
        if (p >= b) break;
        slots[rowAt / 4u + p] = quads[p];
    }
}

void writeCodes(uint rowAt, Block block, uint words[BLOCK_WORDS], Range range, uint b) {
    uint codes[8];
    for (uint k = 0u; k < 8u; k++) {
        uint four = 0u;
        for (uint j = 0u; j < 4u; j++)
            four |= codeOf(range, load(ELEMENT(words, 8u * j + k))) << (8u * j);
        codes[k] = four;
    }
    transpose(codes);
    if (QUADS) {
        for (uint p = 0u; p < 8u; p++) quads[p][block.index] = codes[7u - p];
        return;
    }
    for (uint p = 0u; p < 8u; p++) {
        if (p >= b) break;
        if (ALIGNED) SLOT(rowAt + p * BLOCKS + block.index) = codes[7u - p];
        else writeShifted(rowAt, block, p, codes[7u - p]);
    }
}

void writeBlock(uint group, uint lane, bool live, uint u, uint slot, Range range, uint b) {
    Block block = blockOf(lane, u, live);
    if (block.elements == 0u) return;
    uint words[BLOCK_WORDS];
    again(group, block, u, words);
    uint stride = rowWords(b), rowAt = slot + SLOT_ROWS + block.row * stride;
    if (b == EVICTED || b == RAW) return;
    if (!ALIGNED && block.index == 0u)
        for (uint i = 0u; i < stride; i++) SLOT(rowAt + i) = 0u;
    writeCodes(rowAt, block, words, range, b);
}

void main() {
    uint n = gl_GlobalInvocationID.x / LANES, lane = gl_GlobalInvocationID.x % LANES;
    bool live = n < Groups;
    if (LANES == 1 && !live) return;
    n = live ? n : 0u; // lanes without a group stay for the barriers
    RuleJob job = READ2(RuleJob, plan, 0u, n / GroupsPerJob);
    uint g = n % GroupsPerJob, i = g % GroupsPerToken;
    uint group = job.at + g / GroupsPerToken * TokenStride + i * (GROUP / PER_WORD);
    uint slot = SlotBase + n * SlotWords;

    Selection s;
    FewOutliers few;
    if (FEW) selectFew(group, lane, live, s, few);
    else s = selectByDigits(group, lane, live);
    Range range = rangeOf(s.finite ? load(patternOf(s.minKey)) : 0.0, s.finite ? load(patternOf(s.maxKey)) : 0.0);
    bool finite = s.finite && !overflows(range);

    uint b = want[n];
    if (Rule != 0u) {
        float c = uintBitsToFloat(plan[job.limits + i]);
        b = ruleBits(range.extent, uintBitsToFloat(b), c, Delta, MinBits, MaxBits);
    }
    if (!finite) b = b == EVICTED ? EVICTED : UNQUANTIZABLE;
    if (live && lane == 0u) {
        SLOT(n) = b;
        uint infinite = uint(KEY_INFINITE);
        writeRange(slot, finite ? patternOf(s.minKey) : infinite, finite ? patternOf(s.maxKey) : infinite | 0x80000000u);
    }
    if (OUTLIERS > 0) {
        if (FEW && finite) writeFew(slot, few);
        if (!FEW && finite) writeOutliers(group, lane, live, slot, s);
        if (!finite && live && lane == 0u) clearOutliers(slot);
    }
    b = b == UNQUANTIZABLE ? RAW : b & ~UNMET;
#define WRITE(u) writeBlock(group, lane, live, u, slot, range, b);
    EACH_BLOCK(WRITE)
    if (QUADS) writeQuads(slot + SLOT_ROWS, b);
    writeRaw(group, lane, live, slot, b);
}
