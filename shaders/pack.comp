#version 450
#extension GL_GOOGLE_include_directive : require
// Slots to pages, once the host knows the bits and has room for the page.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Slots { uvec4 slots[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a PackJob
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

void writeHeader(PackJob job, uint t) {
    uint first = job.slot, page = job.page;
    if (t == 0u) {
        pages[page / 4u] = uvec4(PAGE_MAGIC, job.words, Groups, job.failed);
        for (uint i = indicesAt(Groups) + indicesWords(Groups); i < codesAt(Groups); i++) PAGE(page + i) = 0u;
    }
    for (uint i = t; i < bitsWords(Groups); i += WORKGROUP) PAGE(page + HEADER + i) = plan[job.bits + i];
    for (uint i = t; i < Groups * RANGE_WORDS; i += WORKGROUP)
        PAGE(page + rangesAt(Groups) + i) = SLOT(slotAt(first + i / RANGE_WORDS) + i % RANGE_WORDS);
    if (OUTLIERS > 0) {
        for (uint i = t; i < valuesWords(Groups); i += WORKGROUP) PAGE(page + valuesAt(Groups) + i) = valueWord(first, i);
        for (uint i = t; i < indicesWords(Groups); i += WORKGROUP) PAGE(page + indicesAt(Groups) + i) = indexWord(first, i);
    }
}

// One workgroup a page, some rows an invocation.
void main() {
    uint t = gl_LocalInvocationID.x;
    PackJob job = READ5(PackJob, plan, 0u, gl_WorkGroupID.x);
    writeHeader(job, t);
    uint n = t * rowsEach(Groups), end = min(n + rowsEach(Groups), Groups * ROWS), to = 0u;
    for (; n < end; n++) {
        uint g = n / ROWS, r = n % ROWS, words = rowWords(bitsOfNibble(nibbleOf(PLAN(job.bits + g / 8u), g)));
        if (to == 0u) to = job.page + codesAt(Groups) + codesBefore(job.bits, g) + r * words;
        uint from = slotAt(job.slot + g) + SLOT_ROWS + r * words;
        COPY_ROW(pages, to, slots, from, words)
        to += words;
    }
}
