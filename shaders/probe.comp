#version 450
// What SPIR-V cannot promise of a device: for each operand triple (a, b, c) the
// bits of a+b, a-b, a*b and of a*b+c in two roundings.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WORKGROUP = 128;
layout(set = 0, binding = 0, std430) readonly buffer Operands { uint operands[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Results { uint results[]; };
layout(push_constant) uniform Push {
    uint Triples; // operand triples
};

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= Triples) return;
    float a = uintBitsToFloat(operands[3 * i]);
    float b = uintBitsToFloat(operands[3 * i + 1]);
    float c = uintBitsToFloat(operands[3 * i + 2]);
    precise float sum = a + b;
    precise float difference = a - b;
    precise float product = a * b;
    precise float both = product + c;
    results[4 * i] = floatBitsToUint(sum);
    results[4 * i + 1] = floatBitsToUint(difference);
    results[4 * i + 2] = floatBitsToUint(product);
    results[4 * i + 3] = floatBitsToUint(both);
}
