#version 450
// Breaks the contract: a float sum over a subgroup has no order.
#extension GL_KHR_shader_subgroup_arithmetic : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WORKGROUP = 128;
layout(set = 0, binding = 0, std430) readonly buffer In { float x[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Out { float y[]; };

void main() {
    uint i = gl_GlobalInvocationID.x;
    y[i] = subgroupAdd(x[i]);
}
