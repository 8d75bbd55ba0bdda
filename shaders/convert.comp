#version 450
// Converts rows from TYPE to OUT_TYPE: appended rows to the cache's type, and
// rows of the recent window to the type that a reader asks for.
#include "lib/config.glsl"
layout(set = 0, binding = 0, std430) readonly buffer Src { uint src[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Dst { uint dst[]; };
layout(push_constant) uniform Push {
    uint Rows;           // rows in this dispatch
    uint RowsPerToken;   // consecutive rows of a token
    uint SrcOffset;      // words before the first row
    uint SrcTokenStride; // words from token to token
    uint DstOffset;
    uint DstTokenStride;
};
