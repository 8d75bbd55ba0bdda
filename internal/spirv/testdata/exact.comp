#version 450
// Keeps the contract: all that a kernel may do with floats, and integer group
// operations, atomics and barriers.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WORKGROUP = 128;
layout(constant_id = 7) const uint HALF_WIDTH = 16;
layout(set = 0, binding = 0, std430) readonly buffer In { float x[]; };
layout(set = 0, binding = 1, std430) buffer Out { uint y[]; };
layout(push_constant) uniform Push {
    uint Count;
    float Factor;
};
shared uint total;

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i == 0) total = WORKGROUP / 2 + HALF_WIDTH;
    barrier();
    if (i >= Count) return;
    precise float product = x[i] * Factor;
    precise float sum = product + x[i + 1];
    precise vec2 pair = vec2(sum, product) - vec2(x[i], -x[i]);
    float larger = pair.x > pair.y ? pair.x : pair.y;
    uint rounded = uint(clamp(int(larger), 0, 255)) + uint(float(min(i, 9u)) == larger);
    uint bits = floatBitsToUint(larger) ^ bitfieldExtract(i, 1, 3) ^ findLSB(i) ^ bitCount(i);
    atomicMax(total, subgroupAdd(bits) + subgroupShuffleXor(rounded, 1));
    y[i] = subgroupBallot(larger != 0.0).x + max(bits, atomicAdd(y[0], 1));
}
