#version 450
#extension GL_GOOGLE_include_directive : require
// Slots to pages, once the host knows the bits and has room for the page.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Slots { uvec4 slots[]; };
// Job j, five words from 5j: number of its first slot, offset of the page in
// pages, index in plan of its bits words, size of the page in words, groups
// that could not be quantized.
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Pages { uvec4 pages[]; };
layout(push_constant) uniform Push {
    uint Groups;    // groups of a page
    uint SlotBase;  // words before the first slot
    uint SlotWords; // words from slot to slot
};

#define SLOT(i) WORD(slots, i)
#define PAGE(i) WORD(pages, i)
#define PLAN(i) plan[i]
CODES_BEFORE(codesBefore, PLAN)

uint slotAt(uint n) { return SlotBase + n * SlotWords; }

// Outlier n of a page (group n / OUTLIERS) in its slot.
uint entryAt(uint first, uint n) {
    return slotAt(first + n / OUTLIERS) + RANGE_WORDS + n % OUTLIERS * ENTRY_WORDS;
}

uint valueWord(uint first, uint i) {
    if (TYPE == F32) return SLOT(entryAt(first, i) + 1u);
    uint word = SLOT(entryAt(first, 2u * i)) >> 16;
    if (2u * i + 1u < Groups * OUTLIERS) word |= SLOT(entryAt(first, 2u * i + 1u)) & 0xffff0000u;
    return word;
}

uint indexWord(uint first, uint i) {
    uint perWord = 32u / INDEX_BITS, word = 0u;
    for (uint j = 0u; j < perWord; j++) {
        uint n = i * perWord + j;
        if (n < Groups * OUTLIERS) word |= (SLOT(entryAt(first, n)) & 0xffffu) << (j * INDEX_BITS);
    }
    return word;
}

void writeHeader(uint job, uint page, uint t) {
    uint first = plan[job], bits = plan[job + 2u];
    if (t == 0u) {
        pages[page / 4u] = uvec4(0x51410001u, plan[job + 3u], Groups, plan[job + 4u]);
        for (uint i = indicesAt(Groups) + indicesWords(Groups); i < codesAt(Groups); i++) PAGE(page + i) = 0u;
    }
    for (uint i = t; i < bitsWords(Groups); i += WORKGROUP) PAGE(page + 4u + i) = plan[bits + i];
    for (uint i = t; i < Groups * RANGE_WORDS; i += WORKGROUP)
        PAGE(page + rangesAt(Groups) + i) = SLOT(slotAt(first + i / RANGE_WORDS) + i % RANGE_WORDS);
    if (OUTLIERS > 0) {
        for (uint i = t; i < valuesWords(Groups); i += WORKGROUP) PAGE(page + valuesAt(Groups) + i) = valueWord(first, i);
        for (uint i = t; i < indicesWords(Groups); i += WORKGROUP) PAGE(page + indicesAt(Groups) + i) = indexWord(first, i);
    }
}

// One workgroup a page, some rows an invocation.
void main() {
    uint t = gl_LocalInvocationID.x, job = 5u * gl_WorkGroupID.x;
    uint first = plan[job], page = plan[job + 1u], bits = plan[job + 2u];
    writeHeader(job, page, t);
    uint n = t * rowsEach(Groups), end = min(n + rowsEach(Groups), Groups * ROWS), to = 0u;
    for (; n < end; n++) {
        uint g = n / ROWS, r = n % ROWS, words = rowWords(bitsOfNibble(nibbleOf(PLAN(bits + g / 8u), g)));
        if (to == 0u) to = page + codesAt(Groups) + codesBefore(bits, g) + r * words;
        uint from = slotAt(first + g) + SLOT_ROWS + r * words;
        COPY_ROW(pages, to, slots, from, words)
        to += words;
    }
}
