#version 450
// Bits of stored groups by the rule, from their ranges and importance.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Pages { uint pages[]; };
// Job j: word 2j the offset of its page in pages, word 2j+1 the index in plan
// of the limits c of a token's groups. Group n has the importance
// plan[WantBase + n] (f32 bits).
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Bits { uint bits[]; };
layout(push_constant) uniform Push {
    uint Groups;         // groups in this dispatch
    uint GroupsPerJob;   // groups of a page
    uint GroupsPerToken; // groups of a token in a page
    uint WantBase;       // index in plan of the first importance
    uint MinBits;        // 0..8
    uint MaxBits;        // MinBits..8, or 16
    float Delta;         // 0 paper, 1 authors
};
