// Codes of a chunk of 32 elements as bit planes. In the byte form, word k holds
// the codes of elements k, k+8, k+16, k+24 in its four bytes.
#ifndef QAQVK_PLANES
#define QAQVK_PLANES

// Plane p (0 is the most significant) of 8-bit codes in byte form.
uint planeOf(uint codes[8], uint p) {
    uint plane = 0u;
    for (uint k = 0u; k < 8u; k++)
        plane |= ((codes[k] >> (7u - p)) & 0x01010101u) << k;
    return plane;
}

#endif
