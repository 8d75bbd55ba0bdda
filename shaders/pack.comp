#version 450
// Slots to pages, once the host knows the bits and has room for the page.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Slots { uint slots[]; };
// Job j, five words from 5j: number of its first slot, offset of the page in
// pages, index in plan of its bits words, size of the page in words, groups
// that could not be quantized.
layout(set = 0, binding = 1, std430) readonly buffer Plan { uint plan[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Pages { uint pages[]; };
layout(push_constant) uniform Push {
    uint Groups;    // groups of a page
    uint SlotBase;  // words before the first slot
    uint SlotWords; // words from slot to slot
};
