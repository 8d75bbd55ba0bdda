#version 450
#extension GL_GOOGLE_include_directive : require
// Page of records to page with any levels: what the old page lacks comes from
// supply. An invocation has a token.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/jobs.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uvec4 src[]; };
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; }; // of each page a RecordRewriteJob
// Of a page, token after token: the full codes of those that get a higher level or
// leave raw, the raw rows of those that become raw.
layout(set = 0, binding = 2, std430) readonly buffer Supply { uvec4 supply[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(push_constant) uniform Push {
    uint Jobs;   // pages
    uint Tokens; // tokens of a page
};
#include "lib/rewrite_record.glsl"
#define SUPPLY(i) WORD(supply, i)

// Words that a token lacks.
uint lackingWords(uint oldLevel, uint newLevel) {
    if (oldLevel == newLevel) return 0u;
    if (newLevel == RAW_LEVEL) return ROWS * RAW_ROW;
    return oldLevel == RAW_LEVEL || oldLevel < newLevel ? CODES : 0u;
}

uint supplyBefore(RecordRewriteJob job, uint t) {
    uint words = 0u;
    for (uint i = 0u; i < t; i++)
        words += lackingWords(nibbleOf(SRC(job.from + RECORD_HEADER + i / 8u), i), nibbleOf(PLAN(job.levels + i / 8u), i));
    return words;
}

void main() {
    uint n = gl_GlobalInvocationID.x, t = n % Tokens;
    if (n >= Jobs * Tokens) return;
    RecordRewriteJob job = READ6(RecordRewriteJob, plan, 0u, n / Tokens);
    if (t == 0u) rewriteHeader(job);
    RecordMove m = moveOf(job, t);
    uint lacking = lackingWords(m.oldLevel, m.newLevel), at = job.supply + supplyBefore(job, t);
    if (lacking == 0u) {
        shortenRecord(m, job.table);
        return;
    }
    if (m.newLevel == RAW_LEVEL) {
        for (uint i = 0u; i < lacking; i++) OUT(m.to + i) = SUPPLY(at + i);
        return;
    }
    Writer w = Writer(m.to, 0u, 0u);
    PUT_CODES(w, job.table, m.newLevel, SUPPLY, at)
    finish(w);
}
