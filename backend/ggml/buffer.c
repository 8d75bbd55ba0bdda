//go:build ggml

#define _GNU_SOURCE
#include "shim.h"
#include "_cgo_export.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const struct ggml_tensor * root_of(const struct ggml_tensor * t) {
	while (t != NULL && t->view_src != NULL) {
		t = t->view_src;
	}
	return t;
}

// is_row_tensor tells whether a tensor is one of a cache, or a view of one, in a buffer
// of ours. Where llama.cpp only measures, there is no buffer yet.
bool is_row_tensor(const struct ggml_tensor * t) {
	const struct ggml_tensor * r = root_of(t);
	return r != NULL && !strncmp(r->name, "cache_", 6) && r->buffer != NULL && r->buffer->buft == &buffer_type;
}

struct buffer * rows_of(const struct ggml_tensor * t) {
	if (!is_row_tensor(t)) {
		return NULL;
	}
	struct buffer * b = root_of(t)->buffer->context;
	return b != NULL && b->rows != 0 ? b : NULL;
}

size_t place_of(const struct buffer * b, const struct ggml_tensor * t) { return (size_t) ((char *) t->data - b->memory); }

static size_t mapped(size_t size) { return size + 4096; }

static void buffer_free(ggml_backend_buffer_t g) {
	struct buffer * b = g->context;
	if (b->rows != 0) {
		goClose(b->rows);
	}
	munmap(b->memory, mapped(b->size));
	free(b);
}

static void * buffer_base(ggml_backend_buffer_t g) { return ((struct buffer *) g->context)->memory; }

// Tensors of a cache make a buffer a KV buffer.
static enum ggml_status buffer_init_tensor(ggml_backend_buffer_t g, struct ggml_tensor * t) {
	struct buffer * b = g->context;
	if (t->view_src != NULL || strncmp(t->name, "cache_", 6)) {
		return GGML_STATUS_SUCCESS;
	}
	if (b->rows == 0) {
		b->rows = goBuffer(b->memory, b->size);
		b->watched = goWatched(b->rows);
	}
	goTensor(b->rows, t->name, place_of(b, t), t->type == GGML_TYPE_F16, t->ne[0], t->ne[1], t->ne[2]);
	return GGML_STATUS_SUCCESS;
}

static void buffer_memset(ggml_backend_buffer_t g, struct ggml_tensor * t, uint8_t value, size_t at, size_t size) {
	struct buffer * b = g->context;
	if (b->rows != 0 && size > 0) {
		goFill(b->rows, place_of(b, t) + at, size, value);
	} else {
		memset((char *) t->data + at, value, size);
	}
}

static void buffer_set(ggml_backend_buffer_t g, struct ggml_tensor * t, const void * data, size_t at, size_t size) {
	struct buffer * b = g->context;
	if (b->rows != 0 && size > 0) {
		goSet(b->rows, place_of(b, t) + at, (void *) data, size);
	} else {
		memcpy((char *) t->data + at, data, size);
	}
}

static void buffer_get(ggml_backend_buffer_t g, const struct ggml_tensor * t, void * data, size_t at, size_t size) {
	struct buffer * b = g->context;
	if (b->rows != 0 && size > 0) {
		goGet(b->rows, place_of(b, t) + at, data, size);
	} else {
		memcpy(data, (const char *) t->data + at, size);
	}
}

// Where false is returned, ggml copies by get and set.
static bool buffer_copy(ggml_backend_buffer_t g, const struct ggml_tensor * from, struct ggml_tensor * to) {
	struct buffer * b = g->context;
	if (b->rows == 0 || rows_of(from) != b) {
		return false;
	}
	return goCopy(b->rows, place_of(b, to), place_of(b, from), base.ggml_nbytes(from));
}

static void buffer_clear(ggml_backend_buffer_t g, uint8_t value) {
	struct buffer * b = g->context;
	if (b->rows == 0) {
		memset(b->memory, value, b->size);
		return;
	}
	goClear(b->rows);
	if (value != 0) {
		goFill(b->rows, 0, b->size, value);
	}
}

static const char * type_name(ggml_backend_buffer_type_t t) {
	(void) t;
	return "QAQVK";
}

// Pages of a buffer take no memory before they are written.
static ggml_backend_buffer_t type_alloc(ggml_backend_buffer_type_t t, size_t size) {
	struct buffer * b = calloc(1, sizeof *b);
	if (b == NULL) {
		return NULL;
	}
	b->size = size;
	b->memory = mmap(NULL, mapped(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->memory == MAP_FAILED) {
		free(b);
		return NULL;
	}
	struct ggml_backend_buffer_i i = {
		.free_buffer = buffer_free, .get_base = buffer_base, .init_tensor = buffer_init_tensor, .memset_tensor = buffer_memset,
		.set_tensor = buffer_set, .get_tensor = buffer_get, .cpy_tensor = buffer_copy, .clear = buffer_clear,
	};
	return base.ggml_backend_buffer_init(t, i, b, size);
}

static size_t type_alignment(ggml_backend_buffer_type_t t) {
	(void) t;
	return 128;
}

static bool type_is_host(ggml_backend_buffer_type_t t) {
	(void) t;
	return false;
}

struct ggml_backend_buffer_type buffer_type = {
	.iface = {.get_name = type_name, .alloc_buffer = type_alloc, .get_alignment = type_alignment, .is_host = type_is_host},
};
