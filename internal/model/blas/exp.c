/* Without traps, comparisons become selections, and loops vectors. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-trapping-math")
#endif

#include "exp.h"

#include <stdint.h>

#define LANES 8

/* As exp in math.go of package model: 2^k e^r with |r| <= ln 2/2; adding and taking
   away 1.5*2^23 rounds to a whole number. Plain operations, so that the compiler
   takes several elements at once. */
static inline float one(float x) {
	const float magic = 12582912.0f;
	union { int32_t i; float f; } scale;
	float c = x < -87.0f ? -87.0f : x;
	float k = (c * 1.44269504f + magic) - magic;
	float r = c - k * 0.693359375f + k * 2.12194440e-4f;
	float p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	scale.i = ((int32_t)k + 127) << 23;
	return x < -87.0f ? 0.0f : p * scale.f;
}

double qaqvk_sum_exp(float *row, int n, float top) {
	double sum[LANES] = {0}, all = 0;
	int i = 0;
	for (int j = 0; j < n; j++) {
		row[j] = one(row[j] - top);
	}
	for (; i + LANES <= n; i += LANES) {
		for (int j = 0; j < LANES; j++) {
			sum[j] += row[i + j];
		}
	}
	for (; i < n; i++) {
		all += row[i];
	}
	for (int j = 0; j < LANES; j++) {
		all += sum[j];
	}
	return all;
}
