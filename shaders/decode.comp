#version 450
// Pages to rows.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uint pages[]; };
// Job j: word 2j the offset of its page in pages, word 2j+1 the offset in rows
// of the page's first token.
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) buffer RowsOut { uint rows[]; };
layout(push_constant) uniform Push {
    uint Groups;         // groups in this dispatch
    uint GroupsPerJob;   // groups of a page
    uint GroupsPerToken; // groups of a token in a page
    uint TokenStride;    // words from token to token in rows
    uint RowFirst;       // first row of each group to return
    uint RowCount;       // rows of each group to return
};
