// Exact and correctly rounded float work in integer code (doc.go, Loading and
// Codes). A 16-bit element is handled as a 32-bit pattern: its bits in the
// high half, zeros below.
#ifndef QAQVK_FLOAT
#define QAQVK_FLOAT

const uint F32 = 0, F16 = 1, BF16 = 2;

const int KEY_INFINITE = TYPE == F16 ? 0x7c000000 : 0x7f800000; // pattern of infinity

float flush(float x) {
    return (floatBitsToUint(x) & 0x7fffffffu) < 0x00800000u ? 0.0 : x;
}

// Exact f32 of an f16 pattern that is finite; the sign of zero is kept.
float widenF16(uint pattern) {
    uint magnitude = pattern & 0x7fffffffu;
    float normal = uintBitsToFloat((magnitude >> 3) + 0x38000000u);
    precise float twice = normal + normal;
    precise float subnormal = twice - 6.103515625e-05; // 2^-14
    float f = magnitude < 0x04000000u ? subnormal : normal;
    return uintBitsToFloat(floatBitsToUint(f) | (pattern & 0x80000000u));
}

// Any f16 pattern as f32 bits, infinities and NaN payloads included.
uint widenF16Bits(uint pattern) {
    uint magnitude = pattern & 0x7fffffffu;
    if (magnitude >= 0x7c000000u)
        return (pattern & 0x80000000u) | 0x7f800000u | ((magnitude & 0x03ff0000u) >> 3);
    return floatBitsToUint(widenF16(pattern));
}

// f32 bits whose rounding is a finite f16 to f16 (low half), nearest even.
uint narrowFiniteF16(uint bits) {
    uint sign = (bits >> 16) & 0x8000u;
    uint magnitude = bits & 0x7fffffffu;
    // Exponent rebased; the carry of the rounding may reach infinity.
    uint normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    // Below 2^-14 the sum with 0.5 rounds at 2^-24, the f16 subnormal step.
    float small = uintBitsToFloat(magnitude < 0x38800000u && magnitude >= 0x00800000u ? magnitude : 0u);
    precise float stepped = small + 0.5;
    uint subnormal = floatBitsToUint(stepped) - 0x3f000000u;
    return sign | (magnitude < 0x38800000u ? subnormal : normal);
}

// f32 bits to f16 (low half), round to nearest even.
uint narrowF16(uint bits) {
    uint sign = (bits >> 16) & 0x8000u;
    uint magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    return magnitude >= 0x47800000u ? sign | 0x7c00u : narrowFiniteF16(bits);
}

// f32 bits to bf16 (low half), round to nearest even.
uint narrowBF16(uint bits) {
    uint magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (bits >> 16) | 0x40u;
    return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

// Pattern of TYPE to f32 bits; every value, payloads included.
uint widen(uint pattern) {
    return TYPE == F16 ? widenF16Bits(pattern) : pattern;
}

// f32 bits to OUT_TYPE, in the low half for 16-bit types.
uint narrow(uint bits) {
    if (OUT_TYPE == F16) return narrowF16(bits);
    if (OUT_TYPE == BF16) return narrowBF16(bits);
    return bits;
}

// The same of a value that lies between two of TYPE.
uint narrowValue(uint bits) {
    return TYPE == F16 && OUT_TYPE == F16 ? narrowFiniteF16(bits) : narrow(bits);
}

// load() of the contract for finite patterns, sign of zero aside.
float load(uint pattern) {
    if (TYPE == F16) return widenF16(pattern);
    return flush(uintBitsToFloat(pattern));
}

// load() with +0 for a NaN or an infinity.
float loadFinite(uint pattern) {
    uint magnitude = pattern & 0x7fffffffu;
    return load(magnitude < uint(KEY_INFINITE) ? pattern : 0u);
}

// The order of loaded values as integers: sign and magnitude to two's
// complement, -0 and what load() flushes to 0. Infinities and NaNs lie outside
// -KEY_INFINITE..KEY_INFINITE.
int keyOf(uint pattern) {
    uint magnitude = pattern & 0x7fffffffu;
    if (TYPE != F16 && magnitude < 0x00800000u) magnitude = 0u;
    int sign = int(pattern) >> 31;
    return (int(magnitude) ^ sign) - sign;
}

uint patternOf(int key) {
    return key < 0 ? uint(-key) | 0x80000000u : uint(key);
}

#endif
