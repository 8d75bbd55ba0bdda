//go:build ggml

#include "shim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ggml_backend_device device;
static struct ggml_backend_reg reg;

static const char * name = "QAQVK0", * description = "KV cache in qaqvk";

// backend

static ggml_guid guid = {0x3f, 0x7a, 0x51, 0xc2, 0x9e, 0x08, 0x4d, 0x66, 0xb1, 0x25, 0xd0, 0x9b, 0x71, 0x5e, 0x42, 0x0c};

static const char * backend_name(ggml_backend_t b) {
	(void) b;
	return name;
}

static void backend_free(ggml_backend_t b) { free(b); }

static enum ggml_status backend_compute(ggml_backend_t b, struct ggml_cgraph * g) {
	(void) b;
	return compute_graph(g);
}

static void backend_threads(ggml_backend_t b, int n) {
	(void) b;
	host_threads(n);
}

static ggml_backend_t device_init(ggml_backend_dev_t d, const char * params) {
	(void) params;
	ggml_backend_t b = calloc(1, sizeof *b);
	if (b == NULL) {
		return NULL;
	}
	b->guid = &guid;
	b->device = d;
	b->iface.get_name = backend_name;
	b->iface.free = backend_free;
	b->iface.graph_compute = backend_compute;
	return b;
}

// device

static const char * device_name(ggml_backend_dev_t d) {
	(void) d;
	return name;
}

static const char * device_description(ggml_backend_dev_t d) {
	(void) d;
	return description;
}

// The memory that counts is that of the host: rows may have to go there.
static void device_memory(ggml_backend_dev_t d, size_t * available, size_t * total) {
	(void) d;
	size_t page = (size_t) sysconf(_SC_PAGESIZE);
	*total = page * (size_t) sysconf(_SC_PHYS_PAGES);
	*available = page * (size_t) sysconf(_SC_AVPHYS_PAGES);
}

// llama.cpp places layers, and with them the KV cache, on devices of this type.
static enum ggml_backend_dev_type device_type(ggml_backend_dev_t d) {
	(void) d;
	return GGML_BACKEND_DEVICE_TYPE_GPU;
}

static void device_props(ggml_backend_dev_t d, struct ggml_backend_dev_props * p) {
	memset(p, 0, sizeof *p);
	p->name = name;
	p->description = description;
	p->type = device_type(d);
	p->caps.mmap_support = true;
	device_memory(d, &p->memory_free, &p->memory_total);
}

static ggml_backend_buffer_type_t device_buffer_type(ggml_backend_dev_t d) {
	(void) d;
	return &buffer_type;
}

// expect notes how many queries the graphs of a context have.
static void expect(const struct ggml_tensor * op) {
	struct buffer * b = op->op == GGML_OP_FLASH_ATTN_EXT ? rows_of(op->src[1]) : NULL;
	if (b != NULL && op->src[0]->ne[1] > b->most_queries) {
		b->most_queries = (int) op->src[0]->ne[1];
	}
}

// All ops that read or write rows of a cache are ours, so that none need be copied; and
// no others, so that no weights come here.
static bool device_supports_op(ggml_backend_dev_t d, const struct ggml_tensor * op) {
	(void) d;
	if (is_row_tensor(op)) {
		tell_rope(op);
		return true;
	}
	for (int i = 0; i < GGML_MAX_SRC; i++) {
		if (op->src[i] != NULL && is_row_tensor(op->src[i])) {
			expect(op);
			return true;
		}
	}
	return false;
}

static bool device_supports_buft(ggml_backend_dev_t d, ggml_backend_buffer_type_t t) {
	(void) d;
	return t == &buffer_type;
}

// registry

static const char * reg_name(ggml_backend_reg_t r) {
	(void) r;
	return "QAQVK";
}

static size_t reg_count(ggml_backend_reg_t r) {
	(void) r;
	return 1;
}

static ggml_backend_dev_t reg_device(ggml_backend_reg_t r, size_t i) {
	(void) r;
	return i == 0 ? &device : NULL;
}

static void * reg_address(ggml_backend_reg_t r, const char * f) {
	(void) r;
	return !strcmp(f, "ggml_backend_set_n_threads") ? (void *) backend_threads : NULL;
}

ggml_backend_reg_t device_reg(void) {
	buffer_type.device = &device;
	device.reg = &reg;
	device.iface = (struct ggml_backend_device_i) {
		.get_name = device_name, .get_description = device_description, .get_memory = device_memory, .get_type = device_type,
		.get_props = device_props, .init_backend = device_init, .get_buffer_type = device_buffer_type,
		.supports_op = device_supports_op, .supports_buft = device_supports_buft,
	};
	reg.api_version = GGML_BACKEND_API_VERSION;
	reg.iface = (struct ggml_backend_reg_i) {.get_name = reg_name, .get_device_count = reg_count, .get_device = reg_device, .get_proc_address = reg_address};
	return &reg;
}
