// Functions of real numbers made of precise operations (doc_attention.go).
#ifndef QAQVK_MATH
#define QAQVK_MATH

// 1/x for x in 2^-108..2^118 to 2^-22: an integer seed and Newton steps.
float reciprocal(float x) {
    float y = uintBitsToFloat(0x7ef311c7u - floatBitsToUint(x));
    for (uint i = 0u; i < 4u; i++) {
        precise float product = x * y;
        precise float error = 2.0 - product;
        precise float next = y * error;
        y = next;
    }
    return y;
}

float horner(float sum, float x, float coefficient) {
    precise float product = sum * x;
    precise float next = product + coefficient;
    return next;
}

// exp(x) for x <= 0.
float exponential(float x) {
    float inside = x < -80.0 ? -80.0 : x;
    precise float scaled = inside * 1.44269504;
    precise float shifted = scaled - 0.5;
    int k = int(shifted);
    precise float large = float(k) * 0.693359375; // exact
    precise float rest = inside - large;
    precise float small = float(k) * 0.000212194440; // ln 2 is large - small
    precise float r = rest + small;
    float sum = 0.000198412698;
    sum = horner(sum, r, 0.00138888889);
    sum = horner(sum, r, 0.00833333333);
    sum = horner(sum, r, 0.0416666667);
    sum = horner(sum, r, 0.166666667);
    sum = horner(sum, r, 0.5);
    sum = horner(sum, r, 1.0);
    sum = horner(sum, r, 1.0);
    return x < -80.0 ? 0.0 : uintBitsToFloat(floatBitsToUint(sum) + uint(k << 23));
}

// cap*tanh(r/cap), inverse = 1/cap.
float softCap(float r, float cap, float inverse) {
    precise float z = r * inverse;
    float size = z < 0.0 ? -z : z;
    size = size > 16.0 ? 16.0 : size;
    precise float twice = size * -2.0;
    float e = exponential(twice);
    precise float above = 1.0 - e;
    precise float below = 1.0 + e;
    precise float tanh_ = above * reciprocal(below);
    precise float capped = tanh_ * cap;
    return flush(z < 0.0 ? -capped : capped);
}

#endif
