#version 450
#extension GL_GOOGLE_include_directive : require
// Page to page with any bits: what the old page lacks comes from supply.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uint src[]; };
// Job j, five words from 5j: as in repack, then the offset in supply of what
// its promoted groups lack: group after group, row after row, the missing
// planes as a row string of (new - old) * D bits, or the raw row.
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) readonly buffer Supply { uint supply[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Dst { uint dst[]; };
layout(push_constant) uniform Push {
    uint Groups; // groups of a page
};
#include "lib/quantize.glsl"

CODES_BEFORE(oldBefore, src)
CODES_BEFORE(newBefore, plan)
#include "lib/rewrite.glsl"

// Words that a row lacks.
uint lackingWords(uint oldBits, uint newBits) {
    if (newBits <= oldBits) return 0u;
    return newBits == RAW ? RAW_ROW : rowWords(newBits - oldBits);
}

// Words in supply before group g.
uint supplyBefore(uint from, uint bits, uint g) {
    uint words = 0u;
    for (uint i = 0u; i < g; i++) {
        uint oldBits = bitsOfNibble(nibbleOf(src[from + 4u + i / 8u], i));
        uint newBits = bitsOfNibble(nibbleOf(plan[bits + i / 8u], i));
        words += ROWS * lackingWords(oldBits, newBits);
    }
    return words;
}

// The row's old string with the missing planes behind it.
void extendRow(RowMove m, uint at) {
    if (m.newBits == RAW) {
        for (uint i = 0u; i < RAW_ROW; i++) dst[m.to + i] = supply[at + i];
        return;
    }
    uint held = m.oldBits * HEAD_DIM, whole = held / 32u, rest = held % 32u;
    uint lacking = rowWords(m.newBits - m.oldBits), words = rowWords(m.newBits);
    for (uint i = 0u; i < whole; i++) dst[m.to + i] = src[m.from + i];
    for (uint i = whole; i < words; i++) {
        uint j = i - whole, word;
        if (rest == 0u) {
            word = supply[at + j];
        } else {
            word = j == 0u ? src[m.from + i] : supply[at + j - 1u] >> (32u - rest);
            if (j < lacking) word |= supply[at + j] << rest;
        }
        dst[m.to + i] = word;
    }
}

// One workgroup a page, one invocation a row.
void main() {
    uint t = gl_LocalInvocationID.x, job = 5u * gl_WorkGroupID.x;
    uint from = plan[job], to = plan[job + 1u], bits = plan[job + 2u];
    copyHeader(from, to, bits, plan[job + 3u], t);
    for (uint n = t; n < Groups * ROWS; n += WORKGROUP) {
        uint g = n / ROWS, r = n % ROWS;
        RowMove m = moveOf(from, to, bits, g, r);
        if (m.newBits > m.oldBits)
            extendRow(m, plan[job + 4u] + supplyBefore(from, bits, g) + r * lackingWords(m.oldBits, m.newBits));
        else
            shortenRow(m);
    }
}
