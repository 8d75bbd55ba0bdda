#version 450
#extension GL_GOOGLE_include_directive : require
// Pages of records to rows. A workgroup has a page, a KV head and 16 elements of its
// rows, 8 of long ones; their weights are in shared memory, where all invocations read one at once.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uvec4 pages[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a RecordDecodeJob
layout(set = 0, binding = 2, std430) readonly buffer TablesIn { uvec4 tables[]; };
layout(set = 0, binding = 3, std430) writeonly buffer RowsOut { uint rows[]; };
layout(push_constant) uniform Push {
    uint Tokens;      // tokens of a page
    uint TokenStride; // words from token to token in rows
    uint Rotary;      // elements that turn with the position, 0 for V
    uint Interleaved; // 1: pairs are neighbours, 0: half of Rotary apart
};
#define PAGE(i) WORD(pages, i)
#define TABLE(i) WORD(tables, i)
#define TABLE4(i) tables[i]
#include "lib/record.glsl"
#include "lib/calibrated.glsl"
#include "lib/matrix.glsl"
#include "lib/rotation.glsl"
PAGE_MEAN(pageMean)
CODED_ROW(codedRow, TABLE4)

const uint OUT_PER_WORD = OUT_TYPE == F32 ? 1 : 2;
const uint ELEMENTS = HEAD_DIM > 240 ? 8 : 16; // of a workgroup: their weights fit 16 KiB

shared float weights[HEAD_DIM * ELEMENTS]; // [channel][element]
shared float scales[HEAD_DIM];
shared float means[ELEMENTS];

// What an invocation works on.
struct Item {
    uint head;
    uint element; // the first
    uint level;   // nibble
    uint at;      // the record in pages
    CodedRow row;
};

void addBlock(inout float sums[ELEMENTS], Item item, uint block) {
    float x[32], parts[ELEMENTS];
    valuesOf(planesOf(blockOfRow(item.row, block), item.at), x);
    for (uint k = 0u; k < ELEMENTS; k++) parts[k] = 0.0;
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        precise float weighted = scales[block * 32u + e] * x[e];
        for (uint k = 0u; k < ELEMENTS; k++) {
            precise float product = weights[(block * 32u + e) * ELEMENTS + k] * weighted;
            precise float sum = parts[k] + product;
            parts[k] = sum;
        }
    }
    for (uint k = 0u; k < ELEMENTS; k++) {
        precise float sum = sums[k] + parts[k];
        sums[k] = sum;
    }
}

// Brings weights and means of the workgroup's elements, those behind the last are any,
// and scales to shared memory, turned.
void stage(uint head, uint element, uint rotation) {
    uint stretch = rotation + Rotary;
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM * ELEMENTS / 8u; i += WORKGROUP) {
        uint k = i % ELEMENTS, c = i / ELEMENTS * 8u, d = min(element + k, HEAD_DIM - 1u), pair = stretch + pairOfElement(d);
        float cosine = uintBitsToFloat(Rotary > 0u ? plan[pair] : 0u), sine = uintBitsToFloat(Rotary > 0u ? plan[pair + Rotary / 2u] : 0u);
        uvec2 own = eightOf(head, d, c), partner = eightOf(head, partnerOf(d), c);
        vec4 low = fourTurned(d, fourElements(own.x), fourElements(partner.x), cosine, sine);
        vec4 high = fourTurned(d, fourElements(own.y), fourElements(partner.y), cosine, sine);
        for (uint j = 0u; j < 8u; j++) weights[(c + j) * ELEMENTS + k] = j < 4u ? low[j % 4u] : high[j % 4u];
    }
    for (uint k = gl_LocalInvocationID.x; k < ELEMENTS; k += WORKGROUP) means[k] = pageMean(rotation, head, min(element + k, HEAD_DIM - 1u));
    for (uint c = gl_LocalInvocationID.x; c < HEAD_DIM; c += WORKGROUP) scales[c] = uintBitsToFloat(TABLE(INVERSE_SCALES_AT + head * HEAD_DIM + c));
    barrier();
}

uint rawAt(Item item, uint k) {
    uint d = item.element + k, word = PAGE(item.at + item.head * RAW_ROW + d / PER_WORD);
    uint pattern = PER_WORD == 1 ? word : d % 2u == 0u ? word << 16 : word & 0xffff0000u;
    if (TYPE == OUT_TYPE) return PER_WORD == 1 ? pattern : pattern >> 16;
    return narrow(widen(pattern));
}

void main() {
    uint chunks = (HEAD_DIM + ELEMENTS - 1u) / ELEMENTS, groups = (Tokens + WORKGROUP - 1u) / WORKGROUP;
    uint n = gl_WorkGroupID.x, page = n / chunks / ROWS / groups;
    uint token = n / chunks / ROWS % groups * WORKGROUP + gl_LocalInvocationID.x;
    uint t = min(token, Tokens - 1u);
    RecordDecodeJob job = READ3(RecordDecodeJob, plan, 0u, page);
    stage(n / chunks % ROWS, n % chunks * ELEMENTS, job.rotation);
    SIZES(sizes)
    loadReconstruction();
    Item item;
    item.head = n / chunks % ROWS;
    item.element = n % chunks * ELEMENTS;
    item.level = nibbleOf(PAGE(job.page + RECORD_HEADER + t / 8u), t);
    item.at = job.page + recordsAt(Tokens) + recordsBefore(sizes, job.page, t);
    item.row = codedRow(min(item.level, LEVELS - 1u), item.head);
    if (item.level == RAW_LEVEL) for (uint p = 0u; p < 8u; p++) item.row.planes[p] = 0u;
    float sums[ELEMENTS];
    for (uint k = 0u; k < ELEMENTS; k++) sums[k] = 0.0;
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, item, block);
    EIGHT(BLOCK)
    uint values[ELEMENTS];
    for (uint k = 0u; k < ELEMENTS; k++) {
        precise float value = sums[k] + means[k];
        values[k] = narrow(floatBitsToUint(flush(value)));
    }
    if (item.level == RAW_LEVEL)
        for (uint k = 0u; k < ELEMENTS; k++) values[k] = rawAt(item, min(k, HEAD_DIM - 1u - item.element));
    if (token >= Tokens) return;
    uint to = job.rows + t * TokenStride + (item.head * HEAD_DIM + item.element) / OUT_PER_WORD;
    for (uint k = 0u; k < ELEMENTS; k += OUT_PER_WORD) {
        if (HEAD_DIM % ELEMENTS != 0u && item.element + k >= HEAD_DIM) break;
        rows[to + k / OUT_PER_WORD] = OUT_PER_WORD == 1 ? values[k] : values[k] | values[(k + 1u) % ELEMENTS] << 16;
    }
}
