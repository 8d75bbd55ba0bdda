// Codes of a block of 32 elements and their bit planes. In the byte form, word
// k holds the codes of elements k, k+8, k+16, k+24 in its four bytes.
#ifndef QAQVK_PLANES
#define QAQVK_PLANES

void swapBits(inout uint low, inout uint high, uint shift, uint mask) {
    uint t = ((low >> shift) ^ high) & mask;
    high ^= t;
    low ^= t << shift;
}

// Transposes the 8 by 8 bits of each byte column: of 8-bit codes in byte form
// it makes planes, word i with bit i of each code, and of those the codes.
void transpose(inout uint w[8]) {
    for (uint k = 0u; k < 4u; k++) swapBits(w[k], w[k + 4u], 4u, 0x0f0f0f0fu);
    for (uint k = 0u; k < 8u; k += 4u) {
        swapBits(w[k], w[k + 2u], 2u, 0x33333333u);
        swapBits(w[k + 1u], w[k + 3u], 2u, 0x33333333u);
    }
    for (uint k = 0u; k < 8u; k += 2u) swapBits(w[k], w[k + 1u], 1u, 0x55555555u);
}

#endif
