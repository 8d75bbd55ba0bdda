// What the C files of this package share. The structures are those of the ggml
// releases that base.c names; their headers are not part of this repository.
#pragma once

#include "ggml.h"
#include "ggml-backend-impl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// base.c: functions of the ggml that loaded us.
#define QAQVK_BASE(X) \
	X(ggml_version) X(ggml_commit) X(ggml_log_internal) \
	X(ggml_init) X(ggml_free) X(ggml_new_graph_custom) X(ggml_graph_overhead_custom) X(ggml_graph_add_node) \
	X(ggml_graph_n_nodes) X(ggml_graph_node) X(ggml_nbytes) X(ggml_nelements) X(ggml_op_name) X(ggml_fp32_to_fp16_row) \
	X(ggml_backend_buffer_init) X(ggml_backend_tensor_get) X(ggml_backend_graph_compute) X(ggml_backend_free) \
	X(ggml_backend_dev_by_type) X(ggml_backend_dev_init) X(ggml_backend_dev_backend_reg) X(ggml_backend_reg_get_proc_address)
extern void ggml_log_internal(enum ggml_log_level level, const char * format, ...);
struct base {
#define QAQVK_FIELD(name) __typeof__(&name) name;
	QAQVK_BASE(QAQVK_FIELD)
#undef QAQVK_FIELD
};
extern struct base base;
bool base_find(void * library);
void base_log(bool warning, const char * text);

// buffer.c: the buffers of llama.cpp, those of the KV cache among them.
struct buffer {
	char * memory;
	size_t size;
	uintptr_t rows;     // handle of the kvbuffer.Buffer, 0: no KV cache lies in it
	int most_queries;   // that an attention op of its context has
	bool watched;       // what comes is recorded for calibration
};
extern struct ggml_backend_buffer_type buffer_type;
const struct ggml_tensor * root_of(const struct ggml_tensor * t);
struct buffer * rows_of(const struct ggml_tensor * t);   // NULL: t lies in no KV buffer
size_t place_of(const struct buffer * b, const struct ggml_tensor * t);
bool is_row_tensor(const struct ggml_tensor * t);

// rope.c: tells the recording of a KV buffer how the keys that an op writes are turned.
void tell_rope(const struct ggml_tensor * op);

// ops.c
enum ggml_status compute_graph(struct ggml_cgraph * g);

// hostrun.c: ops on memory, by ggml's CPU backend.
enum ggml_status host_run(struct ggml_tensor * node);
enum ggml_status host_run_stream(struct ggml_tensor * node, int stream);
void host_threads(int n);

// device.c
ggml_backend_reg_t device_reg(void);
