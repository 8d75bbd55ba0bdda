//go:build ggml

#include "shim.h"
#include "_cgo_export.h"

#include <stdlib.h>
#include <string.h>

// turner is the op that turned rows, behind ops that only look at them in another
// way; NULL where another op made them.
static const struct ggml_tensor * turner(const struct ggml_tensor * t) {
	while (t != NULL) {
		switch (t->op) {
		case GGML_OP_ROPE:
			return t;
		case GGML_OP_VIEW:
		case GGML_OP_RESHAPE:
		case GGML_OP_PERMUTE:
		case GGML_OP_CONT:
			t = t->src[0];
			continue;
		default:
			return NULL;
		}
	}
	return NULL;
}

// read_factors returns what divides the angles of pairs; room is NULL or to be freed.
static bool read_factors(const struct ggml_tensor * t, struct qaqvk_rope * r, float ** room) {
	*room = NULL;
	if (t == NULL) {
		return true;
	}
	if (t->type != GGML_TYPE_F32 || t->data == NULL || t->buffer == NULL || t->nb[0] != sizeof(float)) {
		return false;
	}
	r->factor_count = (int) base.ggml_nelements(t);
	*room = malloc(base.ggml_nbytes(t));
	if (*room == NULL) {
		return false;
	}
	base.ggml_backend_tensor_get(t, *room, 0, base.ggml_nbytes(t));
	r->factors = *room;
	return true;
}

static struct qaqvk_rope describe(const struct ggml_tensor * t, float ** room) {
	struct qaqvk_rope r = {.unknown = "no RoPE op writes them"};
	*room = NULL;
	if (t == NULL) {
		return r;
	}
	const int32_t * p = t->op_params;
	r.unknown = NULL;
	r.dims = p[1];
	r.mode = p[2];
	r.context = p[4];
	memcpy(&r.base, p + 5, sizeof(float));
	memcpy(&r.scale, p + 6, sizeof(float));
	memcpy(&r.mix, p + 7, sizeof(float));
	memcpy(&r.fast, p + 9, sizeof(float));
	memcpy(&r.slow, p + 10, sizeof(float));
	if (!read_factors(t->src[2], &r, room)) {
		r.unknown = "factors of RoPE cannot be read";
	}
	return r;
}

// tell_rope is called while ggml asks what we support: later, the sources of an op may be
// copies that another backend made, which say nothing of where they are from.
void tell_rope(const struct ggml_tensor * op) {
	struct buffer * b = op->op == GGML_OP_SET_ROWS ? rows_of(op) : NULL;
	const char * name = root_of(op)->name;
	if (b == NULL || !b->watched || strncmp(name, "cache_k_", 8) || !goWonders(b->rows, (char *) name)) {
		return;
	}
	float * room = NULL;
	struct qaqvk_rope r = describe(turner(op->src[0]), &room);
	goRope(b->rows, (char *) name, &r);
	free(room);
}
