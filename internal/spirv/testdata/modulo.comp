#version 450
// Breaks the contract: mod is made of a division.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WORKGROUP = 128;
layout(set = 0, binding = 0, std430) readonly buffer In { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Out { float y[]; };

void main() {
    uint i = gl_GlobalInvocationID.x;
    y[i] = mod(x[i], x[i + 1]);
}
