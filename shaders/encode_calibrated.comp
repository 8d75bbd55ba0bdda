#version 450
#extension GL_GOOGLE_include_directive : require
// Rows to the full codes of their channels, in slots. A workgroup has a page, a KV head
// and 16 channels, half a block: four words of codes; 8 of long rows. Their weights
// are in shared memory, where all invocations read one at once.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uvec4 rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a RecordEncodeJob
layout(set = 0, binding = 2, std430) buffer Slots { uint slots[]; };
layout(set = 0, binding = 3, std430) readonly buffer TablesIn { uvec4 tables[]; };
layout(push_constant) uniform Push {
    uint Tokens;      // tokens of a page
    uint TokenStride; // words from token to token in rows
    uint SlotBase;    // words before the first slot
    uint Rotary;      // elements that turn with the position, 0 for V
    uint Interleaved; // 1: pairs are neighbours, 0: half of Rotary apart
};
#define TABLE(i) WORD(tables, i)
#include "lib/record.glsl"
#include "lib/matrix.glsl"
#include "lib/rotation.glsl"
PAGE_MEAN(pageMean)

// What a workgroup works on.
struct Item {
    uint head;
    uint channel; // the first: channelOf
    uint at;      // the token's row in rows
    uint rotation; // in plan: of the page, then of its stretch
};

const uint CHANNELS = HEAD_DIM > 240 ? 8 : 16; // of a workgroup: their weights fit 16 KiB
const uint WORDS = CHANNELS / 4;              // of codes

// Channel k: byte k%4 of word k/4.
uint channelOf(uint first, uint k) { return first + k % 4u * 8u + k / 4u; }

shared float turnedMean[HEAD_DIM];         // of the page
shared float scales[CHANNELS];
shared float weights[HEAD_DIM * CHANNELS]; // [element][channel]

// The elements of four words of a block of the row, the n-th of it, less the mean. Tells
// whether all are below 2^40.
void loadFour(Item item, uint block, uint n, inout float x[32], inout bool finite) {
    uint e = n * 4u * PER_WORD, first = block * 32u + e;
    if (e >= 32u || (!ALIGNED && first >= HEAD_DIM)) return;
    uvec4 four = rows[(item.at + first / PER_WORD) / 4u];
    for (uint k = 0u; k < 4u * PER_WORD; k++) {
        uint pattern = PER_WORD == 1 ? four[k % 4u] : k % 2u == 0u ? four[k / 2u % 4u] << 16 : four[k / 2u % 4u] & 0xffff0000u;
        uint magnitude = pattern & 0x7fffffffu;
        finite = finite && magnitude < (TYPE == F16 ? uint(KEY_INFINITE) : 0x53800000u); // 2^40
        precise float less = loadFinite(pattern) - turnedMean[first + k];
        x[e + k] = cut(less, 2199023255552.0); // 2^41
    }
}

// Elements of a block: with constants, as in score.
void loadBlock(Item item, uint block, out float x[32], inout bool finite) {
    for (uint e = 0u; e < 32u; e++) x[e] = 0.0;
#define FOUR(n) loadFour(item, block, n, x, finite);
    EIGHT(FOUR)
}

void addBlock(inout float sums[CHANNELS], inout bool finite, Item item, uint block) {
    float x[32];
    loadBlock(item, block, x, finite);
    for (uint e = 0u; e < 32u; e++) {
        if (!ALIGNED && block * 32u + e >= HEAD_DIM) break;
        for (uint k = 0u; k < CHANNELS; k++) {
            precise float product = weights[(block * 32u + e) * CHANNELS + k] * x[e];
            precise float sum = sums[k] + product;
            sums[k] = sum;
        }
    }
}

// Row of a channel in the matrices of all heads; of those behind the last, any.
uint matrixRow(Item item, uint k) { return item.head * HEAD_DIM + min(channelOf(item.channel, k), HEAD_DIM - 1u); }

// Brings elements d to d + 3 of channels k to k + 3 to shared memory, turned to the stretch.
void stageWeights(Item item, uint d, uint k) {
    vec4 cosines = vec4(1.0), sines = vec4(0.0);
    for (uint j = 0u; j < (Rotary > 0u ? 4u : 0u); j++) {
        uint pair = item.rotation + Rotary + pairOfElement(d + j);
        cosines[j] = uintBitsToFloat(plan[pair]);
        sines[j] = uintBitsToFloat(plan[pair + Rotary / 2u]);
    }
    for (uint c = k; c < k + 4u; c++) {
        uint row = FORWARD_AT + matrixRow(item, c) * HEAD_DIM / 4u;
        vec4 own = fourElements(TABLE(row + d / 4u)), partner = Interleaved != 0u ? own.yxwz : fourElements(TABLE(row + partnerOf(d) / 4u));
        for (uint j = 0u; j < 4u; j++) weights[(d + j) * CHANNELS + c] = turned(d + j, own[j], partner[j], cosines[j], sines[j]);
    }
}

// Brings weights and scales of the workgroup's channels and the mean to shared memory,
// turned.
void stage(Item item) {
    for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM * CHANNELS / 16u; i += WORKGROUP)
        stageWeights(item, i / (CHANNELS / 4u) * 4u, i % (CHANNELS / 4u) * 4u);
    for (uint d = gl_LocalInvocationID.x; d < HEAD_DIM; d += WORKGROUP) turnedMean[d] = pageMean(item.rotation, item.head, d);
    for (uint k = gl_LocalInvocationID.x; k < CHANNELS; k += WORKGROUP) scales[k] = uintBitsToFloat(TABLE(FORWARD_SCALES_AT + matrixRow(item, k)));
    barrier();
}

// The number of thresholds up to z.
uint codeOf(float z, float sixteenths[16]) {
    uint q = 0u;
    for (uint k = 1u; k < 16u; k++) q += z >= sixteenths[k] ? 16u : 0u;
    for (uint step_ = 8u; step_ > 0u; step_ /= 2u)
        q += z >= uintBitsToFloat(TABLE(TABLE_WORDS + q + step_ - 1u)) ? step_ : 0u;
    return q;
}

void main() {
    uint chunks = BLOCKS * 8u / WORDS, groups = (Tokens + WORKGROUP - 1u) / WORKGROUP;
    uint n = gl_WorkGroupID.x, chunk = n % chunks, page = n / chunks / ROWS / groups;
    uint token = n / chunks / ROWS % groups * WORKGROUP + gl_LocalInvocationID.x;
    uint t = min(token, Tokens - 1u); // no invocation may leave early: see score.comp, addBlock
    RecordEncodeJob job = READ2(RecordEncodeJob, plan, 0u, page);
    Item item;
    item.head = n / chunks % ROWS;
    item.channel = chunk * WORDS / 8u * 32u + chunk * WORDS % 8u;
    item.rotation = job.rotation;
    item.at = job.at + t * TokenStride + item.head * RAW_ROW;
    stage(item);
    float sums[CHANNELS], sixteenths[16];
    for (uint k = 1u; k < 16u; k++) sixteenths[k] = uintBitsToFloat(TABLE(TABLE_WORDS + 16u * k - 1u));
    for (uint k = 0u; k < CHANNELS; k++) sums[k] = 0.0;
    bool finite = true;
#define BLOCK(block) if (block < BLOCKS) addBlock(sums, finite, item, block);
    EIGHT(BLOCK)
    uint words[WORDS];
    for (uint k = 0u; k < WORDS; k++) words[k] = 0u;
    for (uint k = 0u; k < CHANNELS; k++) {
        precise float z = sums[k] * scales[k];
        uint code = channelOf(item.channel, k) < HEAD_DIM ? codeOf(z, sixteenths) : 0u;
        words[k / 4u] |= code << (k % 4u * 8u);
    }
    if (token >= Tokens) return;
    uint slot = page * Tokens + t, to = SlotBase + slot * CODES + item.head * BLOCKS * 8u + chunk * WORDS;
    if (chunk == 0u) slots[slot * ROWS + item.head] = finite ? 0u : UNQUANTIZABLE;
    for (uint k = 0u; k < WORDS; k++) slots[to + k] = words[k];
}
