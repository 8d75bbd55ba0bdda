#version 450
#extension GL_GOOGLE_include_directive : require
// Page to page with any bits: what the old page lacks comes from supply.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uvec4 src[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a PromoteJob
// Of a page what its promoted groups lack: group after group, row after row, the
// missing planes as a row string of (new - old) * D bits, or the raw row.
layout(set = 0, binding = 2, std430) readonly buffer Supply { uvec4 supply[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(push_constant) uniform Push {
    uint Groups; // groups of a page
};
#include "lib/quantize.glsl"
#include "lib/rewrite.glsl"

// Words that a row lacks.
uint lackingWords(uint oldBits, uint newBits) {
    if (plainBits(newBits) <= plainBits(oldBits)) return 0u;
    return newBits == RAW ? RAW_ROW : rowWords(newBits - plainBits(oldBits));
}

// What groups lack, as bits words: new - old where it is more than 0, 15 for
// the raw row, for four groups in the low halves of the bytes.
uint lackingOfFour(uint oldFour, uint newFour) {
    uint difference = (newFour | 0x10101010u) - oldFour; // bit 4: new >= old
    uint lacking = difference & (((difference >> 4) & 0x01010101u) * 15u);
    uint toRaw = (newFour + 0x01010101u) & ~(oldFour + 0x01010101u) & 0x10101010u; // bit 4: only new is 15
    return lacking | (toRaw >> 4) * 15u;
}

uint lackingNibbles(uint oldWord, uint newWord) {
    oldWord = plainNibbles(oldWord);
    newWord = plainNibbles(newWord);
    return lackingOfFour(oldWord & 0x0f0f0f0fu, newWord & 0x0f0f0f0fu)
         | lackingOfFour((oldWord >> 4) & 0x0f0f0f0fu, (newWord >> 4) & 0x0f0f0f0fu) << 4;
}

// Words in supply before group g.
uint supplyBefore(RepackJob job, uint g) {
    uint words = 0u;
    for (uint i = 0u; i < g / 8u; i++)
        words += wordsOfNibbles(lackingNibbles(SRC(job.from + HEADER + i), PLAN(job.bits + i)));
    if (g % 8u != 0u)
        words += wordsOfNibbles(nibblesBefore(lackingNibbles(SRC(job.from + HEADER + g / 8u), PLAN(job.bits + g / 8u)), g));
    return words;
}

// The row's old string with the missing planes behind it, where planes do not
// start at word borders.
void joinRow(RowMove m, uint at) {
    uint held = plainBits(m.oldBits) * HEAD_DIM, whole = held / 32u, rest = held % 32u;
    uint lacking = rowWords(m.newBits - plainBits(m.oldBits)), words = rowWords(m.newBits);
    for (uint i = 0u; i < whole; i++) WORD(dst, m.to + i) = SRC(m.from + i);
    for (uint i = whole; i < words; i++) {
        uint j = i - whole, word;
        if (rest == 0u) {
            word = WORD(supply, at + j);
        } else {
            word = j == 0u ? SRC(m.from + i) : WORD(supply, at + j - 1u) >> (32u - rest);
            if (j < lacking) word |= WORD(supply, at + j) << rest;
        }
        WORD(dst, m.to + i) = word;
    }
}

// The row with what it lacks, which is at word `at` of supply.
void extendRow(RowMove m, uint at) {
    uint held = m.newBits == RAW ? 0u : rowWords(m.oldBits);
    if (!ALIGNED && m.newBits != RAW) {
        joinRow(m, at);
        return;
    }
    COPY_ROW(dst, m.to, src, m.from, held)
    COPY_ROW(dst, m.to + held, supply, at, lackingWords(m.oldBits, m.newBits))
}

// One workgroup a page, some rows an invocation.
void main() {
    uint t = gl_LocalInvocationID.x;
    PromoteJob extended = READ5(PromoteJob, plan, 0u, gl_WorkGroupID.x);
    RepackJob job = RepackJob(extended.from, extended.to, extended.bits, extended.words);
    copyHeader(job, t);
    uint first = t * rowsEach(Groups), end = min(first + rowsEach(Groups), Groups * ROWS);
    if (first >= end) return;
    RowMove m = firstRow(job, first);
    uint at = extended.supply + supplyBefore(job, first / ROWS) + first % ROWS * lackingWords(m.oldBits, m.newBits);
    for (; m.row < end; nextRow(m, job)) {
        if (plainBits(m.newBits) > plainBits(m.oldBits)) extendRow(m, at);
        else shortenRow(m);
        at += lackingWords(m.oldBits, m.newBits);
    }
}
