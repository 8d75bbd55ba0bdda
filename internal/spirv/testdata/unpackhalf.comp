#version 450
// Breaks the contract: unpackHalf2x16 may flush subnormals.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WORKGROUP = 128;
layout(set = 0, binding = 0, std430) readonly buffer In { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Out { float y[]; };

void main() {
    uint i = gl_GlobalInvocationID.x;
    y[i] = unpackHalf2x16(floatBitsToUint(x[i])).x;
}
