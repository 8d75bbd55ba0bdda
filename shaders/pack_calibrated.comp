#version 450
#extension GL_GOOGLE_include_directive : require
// Slots and raw rows to pages of records. An invocation has a token.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Slots { uint slots[]; };
layout(set = 0, binding = 1, std430) readonly buffer RowsIn { uvec4 rows[]; };
layout(set = 0, binding = 2, std430) readonly buffer Plan { uint plan[]; }; // of each page a RecordPackJob
layout(set = 0, binding = 3, std430) writeonly buffer Pages { uvec4 pages[]; };
layout(push_constant) uniform Push {
    uint Jobs;        // pages
    uint Tokens;      // tokens of a page
    uint TokenStride; // words from token to token in rows
    uint SlotBase;    // words before the first slot
};
#define OUT(i) WORD(pages, i)
#define PLAN(i) plan[i]
#define TABLE(i) plan[i]
#define SLOT(i) slots[i]
#include "lib/record.glsl"
#include "lib/assemble.glsl"
WORDS_BEFORE(wordsBefore, PLAN)

void main() {
    uint n = gl_GlobalInvocationID.x, t = n % Tokens;
    if (n >= Jobs * Tokens) return;
    RecordPackJob job = READ7(RecordPackJob, plan, 0u, n / Tokens);
    if (t == 0u) writeHeader(job.page, job.words, Tokens, job.failed, job.levels, job.table);
    uint to = job.page + recordsAt(Tokens) + wordsBefore(job.table, job.levels, t);
    uint level = nibbleOf(PLAN(job.levels + t / 8u), t), from = job.rows + t * TokenStride;
    if (level == RAW_LEVEL) {
        for (uint i = 0u; i < ROWS * RAW_ROW; i++) OUT(to + i) = WORD(rows, from + i);
        return;
    }
    Writer w = Writer(to, 0u, 0u);
    uint codes = SlotBase + (job.slot + t) * CODES;
    PUT_CODES(w, job.table, level, SLOT, codes)
    finish(w);
}
