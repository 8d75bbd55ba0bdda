//go:build ggml

#include "shim.h"
#include "_cgo_export.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// qaqvk_convert writes n rows of f32 as f16.
void qaqvk_convert(void * to, const void * from, size_t stride, int n, int width) {
	for (int i = 0; i < n; i++) {
		base.ggml_fp32_to_fp16_row((const float *) ((const char *) from + i * stride), (ggml_fp16_t *) to + (size_t) i * width, width);
	}
}

// expose brings rows that a tensor takes to memory; written: they are about to change.
static bool expose(const struct ggml_tensor * t, bool written) {
	struct buffer * b = rows_of(t);
	return b == NULL || goExpose(b->rows, place_of(b, t), base.ggml_nbytes(t), written);
}

// any_op runs an op on memory.
static enum ggml_status any_op(struct ggml_tensor * node) {
	for (int i = 0; i < GGML_MAX_SRC; i++) {
		if (node->src[i] != NULL && !expose(node->src[i], false)) {
			return GGML_STATUS_FAILED;
		}
	}
	if (!expose(node, true)) {
		return GGML_STATUS_FAILED;
	}
	return host_run(node);
}

// set_rows takes rows of f32 for whole rows of f16.
static enum ggml_status set_rows(struct ggml_tensor * node) {
	struct buffer * b = rows_of(node);
	const struct ggml_tensor * from = node->src[0], * cells = node->src[1];
	if (b == NULL || node->type != GGML_TYPE_F16 || from->type != GGML_TYPE_F32 || cells->type != GGML_TYPE_I64
			|| from->ne[2] != 1 || from->ne[3] != 1 || from->nb[0] != sizeof(float) || cells->nb[0] != sizeof(int64_t) || from->ne[0] != node->ne[0]) {
		return any_op(node);
	}
	switch (goSetRows(b->rows, place_of(b, node), (int) node->ne[0], (int) from->ne[1], cells->data, from->data, from->nb[1])) {
	case 0:
		return host_run(node);
	case 1:
		return GGML_STATUS_SUCCESS;
	}
	return GGML_STATUS_FAILED;
}

// unfit says why a cache cannot do an attention op, NULL where nothing is against it.
static const char * unfit(const struct ggml_tensor * node) {
	const struct ggml_tensor * q = node->src[0], * k = node->src[1], * v = node->src[2], * mask = node->src[3];
	float bias;
	memcpy(&bias, (const float *) node->op_params + 1, sizeof bias);
	if (node->src[4] != NULL) {
		return "the model has attention sinks";
	}
	if (bias != 0) {
		return "the model has linear biases (ALiBi)";
	}
	if (mask == NULL || mask->type != GGML_TYPE_F16 || mask->ne[2] != 1 || mask->nb[0] != 2 || mask->nb[1] % 2 != 0) {
		return "attention has no mask, or one for each head";
	}
	if (k->type != GGML_TYPE_F16 || v->type != GGML_TYPE_F16 || q->type != GGML_TYPE_F32 || node->type != GGML_TYPE_F32) {
		return "keys, values or queries are of another type";
	}
	if (k->ne[0] != v->ne[0] || k->ne[0] != q->ne[0] || k->ne[2] != v->ne[2] || rows_of(v) != rows_of(k)) {
		return "keys and values have different shapes";
	}
	size_t head = (size_t) k->ne[0] * 2;
	if (k->nb[0] != 2 || v->nb[0] != 2 || k->nb[2] != head || v->nb[2] != head || k->nb[1] != head * k->ne[2] || v->nb[1] != k->nb[1]) {
		return "keys and values are not whole rows";
	}
	return NULL;
}

// gather returns the queries of a stream as [queries][heads][D]; room is NULL or what
// is to be freed.
static float * gather(const struct ggml_tensor * q, int stream, float ** room) {
	const char * from = (const char *) q->data + (size_t) stream * q->nb[3];
	size_t row = (size_t) q->ne[0] * sizeof(float);
	*room = NULL;
	if (q->nb[2] == row && q->nb[1] == row * q->ne[2]) {
		return (float *) from;
	}
	char * to = malloc(row * q->ne[1] * q->ne[2]);
	*room = (float *) to;
	for (int64_t i = 0; to != NULL && i < q->ne[1]; i++) {
		for (int64_t h = 0; h < q->ne[2]; h++, to += row) {
			memcpy(to, from + i * q->nb[1] + h * q->nb[2], row);
		}
	}
	return *room;
}

// attend_stream: 1 done, 0 to be done on memory, -1 failed.
static int attend_stream(struct buffer * b, struct ggml_tensor * node, int s) {
	const struct ggml_tensor * q = node->src[0], * k = node->src[1], * v = node->src[2], * mask = node->src[3];
	struct qaqvk_attention a = {
		.at = place_of(b, k) + (size_t) s * k->nb[3], .values_at = place_of(b, v) + (size_t) s * v->nb[3], .first = s * (int) q->ne[1],
		.queries = (int) q->ne[1], .heads = (int) q->ne[2], .kv_heads = (int) k->ne[2], .dim = (int) q->ne[0], .most_queries = b->most_queries,
		.unfit = unfit(node),
	};
	memcpy(&a.scale, node->op_params, sizeof a.scale);
	memcpy(&a.soft_cap, (const float *) node->op_params + 2, sizeof a.soft_cap);
	float * room = NULL;
	if (a.unfit == NULL) {
		a.q = gather(q, s, &room);
		if (a.q == NULL) {
			return -1;
		}
		a.out = (char *) node->data + (size_t) s * node->nb[3];
		a.mask = (char *) mask->data + (size_t) (s % mask->ne[3]) * mask->nb[3];
		a.mask_stride = (int) (mask->nb[1] / 2);
		a.mask_cells = (int) k->ne[1];
	}
	int done = goAttend(b->rows, &a);
	free(room);
	return done;
}

static enum ggml_status host_attend(struct ggml_tensor * node, const int8_t * done, int streams, int left) {
	if (left == streams) {
		return host_run(node);
	}
	enum ggml_status status = GGML_STATUS_SUCCESS;
	for (int s = 0; s < streams && status == GGML_STATUS_SUCCESS; s++) {
		if (!done[s]) {
			status = host_run_stream(node, s);
		}
	}
	return status;
}

static enum ggml_status attend(struct ggml_tensor * node) {
	struct buffer * b = rows_of(node->src[1]);
	int streams = (int) node->src[1]->ne[3], left = 0;
	if (b == NULL || node->src[0]->ne[3] != streams) {
		return any_op(node);
	}
	int8_t * done = calloc(streams, 1);
	enum ggml_status status = done == NULL ? GGML_STATUS_ALLOC_FAILED : GGML_STATUS_SUCCESS;
	for (int s = 0; s < streams && status == GGML_STATUS_SUCCESS; s++) {
		int r = attend_stream(b, node, s);
		done[s] = r == 1;
		left += r == 0;
		status = r < 0 ? GGML_STATUS_FAILED : status;
	}
	if (status == GGML_STATUS_SUCCESS && !goAttended(b->rows, place_of(b, node->src[1]), done, streams, (int) node->src[0]->ne[1])) {
		status = GGML_STATUS_FAILED;
	}
	if (status == GGML_STATUS_SUCCESS && left > 0) {
		status = host_attend(node, done, streams, left);
	}
	free(done);
	return status;
}

static bool any_shift(const int32_t * shift, int64_t n) {
	for (int64_t i = 0; i < n; i++) {
		if (shift[i] != 0) {
			return true;
		}
	}
	return false;
}

// turn turns the keys of streams whose positions were shifted: ROPE in place over all
// cells of all streams.
static enum ggml_status turn(struct ggml_tensor * node) {
	struct buffer * b = rows_of(node);
	const struct ggml_tensor * root = root_of(node), * shift = node->src[1];
	int64_t cells = root->ne[1], streams = root->ne[2];
	if (b == NULL || node->src[0]->data != node->data || node->ne[2] != cells * streams || node->ne[3] != 1 || shift->type != GGML_TYPE_I32) {
		return any_op(node);
	}
	for (int64_t s = 0; s < streams; s++) {
		int32_t * by = (int32_t *) shift->data + s * cells;
		if (!any_shift(by, cells)) {
			continue;
		}
		struct ggml_tensor part = *node, from = *node->src[0], some = *shift;
		part.data = from.data = (char *) node->data + (size_t) (s * cells) * node->nb[2];
		part.ne[2] = from.ne[2] = some.ne[0] = cells;
		some.data = by;
		part.src[0] = &from;
		part.src[1] = &some;
		if (!goShift(b->rows, place_of(b, root), (int) s, by, (int) cells)) {
			return GGML_STATUS_FAILED;
		}
		enum ggml_status status = host_run(&part);
		if (status != GGML_STATUS_SUCCESS) {
			return status;
		}
	}
	return GGML_STATUS_SUCCESS;
}

static enum ggml_status one(struct ggml_tensor * node) {
	switch (node->op) {
	case GGML_OP_NONE:
	case GGML_OP_VIEW:
	case GGML_OP_RESHAPE:
	case GGML_OP_PERMUTE:
	case GGML_OP_TRANSPOSE:
		return GGML_STATUS_SUCCESS;
	case GGML_OP_SET_ROWS:
		return set_rows(node);
	case GGML_OP_FLASH_ATTN_EXT:
		return attend(node);
	case GGML_OP_ROPE:
		return turn(node);
	default:
		return any_op(node);
	}
}

static void end_at_exit(void) { atexit(goEnd); }

// ends sees to it that drivers compile nothing when the process ends: what is registered last
// is called first, before the ends of drivers that the first graph has loaded.
static void ends(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, end_at_exit);
}

static enum ggml_status compute(struct ggml_cgraph * g) {
	for (int i = 0; i < base.ggml_graph_n_nodes(g); i++) {
		struct ggml_tensor * node = base.ggml_graph_node(g, i);
		if ((node->flags & GGML_TENSOR_FLAG_COMPUTE) == 0) {
			continue;
		}
		enum ggml_status status = one(node);
		if (status != GGML_STATUS_SUCCESS) {
			return status;
		}
	}
	return GGML_STATUS_SUCCESS;
}

enum ggml_status compute_graph(struct ggml_cgraph * g) {
	enum ggml_status status = compute(g);
	ends();
	return status;
}
