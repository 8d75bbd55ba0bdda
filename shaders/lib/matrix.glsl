// Matrices of tables: f16, two to a word (doc_calibrated.go).
#ifndef QAQVK_MATRIX
#define QAQVK_MATRIX
#include "float.glsl"

// Four elements of A.
vec4 forwardFour(uint low, uint high) {
    return vec4(widenF16(low << 16), widenF16(low & 0xffff0000u), widenF16(high << 16), widenF16(high & 0xffff0000u));
}

// Four elements of its inverse, over 32: exact.
vec4 inverseFour(uint low, uint high) {
    precise vec4 over = forwardFour(low, high) * vec4(0.03125);
    return over;
}

#endif
