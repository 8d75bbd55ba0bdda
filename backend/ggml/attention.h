// An attention op of a stream, as Go gets it.
#pragma once

#include <stddef.h>

struct qaqvk_attention {
	size_t at, values_at; // bytes into the buffer where the keys and the values begin
	int first;            // its first query in the rows of the op
	int queries, heads, kv_heads, dim, most_queries;
	float scale, soft_cap;
	void * q, * out;      // f32, [queries][heads][dim]
	void * mask;          // f16, a row a query
	int mask_stride, mask_cells;
	const char * unfit;
};

void qaqvk_convert(void * to, const void * from, size_t stride, int n, int width);
