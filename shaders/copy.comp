#version 450
// Copies 128-bit words: the unit in which qaqvk states speed.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WORKGROUP = 128;
layout(set = 0, binding = 0, std430) readonly buffer Src { uvec4 src[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Dst { uvec4 dst[]; };
layout(push_constant) uniform Push {
    uint Vectors; // 128-bit words to copy
};

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i < Vectors) dst[i] = src[i];
}
