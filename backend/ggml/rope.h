// How a ROPE op turns keys, as Go gets it.
#pragma once

struct qaqvk_rope {
	int dims, mode, context; // context: n_ctx_orig
	float base, scale, mix, fast, slow;
	const float * factors;   // NULL: none
	int factor_count;
	const char * unknown;    // NULL: it is known
};
