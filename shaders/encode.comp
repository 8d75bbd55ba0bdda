#version 450
// Rows to slots: selects outliers, finds the range, decides bits, quantizes.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer RowsIn { uint rows[]; };
// Job j: word 2j the offset of its first row in rows, word 2j+1 the index in
// plan of the limits c of a token's groups. Group n wants plan[WantBase + n]:
// bits where Rule is 0, else its importance w (f32 bits).
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) buffer Slots { uint slots[]; };
layout(push_constant) uniform Push {
    uint Groups;         // groups in this dispatch
    uint GroupsPerJob;   // groups of a page
    uint GroupsPerToken; // groups of a token in a page
    uint TokenStride;    // words from token to token in rows
    uint WantBase;       // index in plan of the first want
    uint SlotBase;       // words before the first slot
    uint SlotWords;      // words from slot to slot
    uint Rule;           // 0: bits are given, 1: bits are decided
    uint MinBits;        // least bits that the rule gives, 0..8
    uint MaxBits;        // most bits that the rule gives, MinBits..8, or 16
    float Delta;         // 0 paper, 1 authors
};
