//go:build ggml

#include "shim.h"

#include <pthread.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; // contexts may compute side by side
static ggml_backend_t cpu;
static int threads = 1;

static void set_threads(void) {
	ggml_backend_reg_t r = base.ggml_backend_dev_backend_reg(cpu->device);
	ggml_backend_set_n_threads_t set = (ggml_backend_set_n_threads_t) base.ggml_backend_reg_get_proc_address(r, "ggml_backend_set_n_threads");
	if (set != NULL) {
		set(cpu, threads);
	}
}

// host_threads sets the threads of ops on memory.
void host_threads(int n) {
	pthread_mutex_lock(&one_at_a_time);
	if (n != threads) {
		threads = n;
		if (cpu != NULL) {
			set_threads();
		}
	}
	pthread_mutex_unlock(&one_at_a_time);
}

static bool start(void) {
	if (cpu != NULL) {
		return true;
	}
	ggml_backend_dev_t d = base.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
	if (d == NULL || (cpu = base.ggml_backend_dev_init(d, NULL)) == NULL) {
		base_log(true, "ggml has no CPU backend, which ops on host memory need");
		return false;
	}
	set_threads();
	return true;
}

static enum ggml_status run(struct ggml_tensor * node) {
	if (!start()) {
		return GGML_STATUS_FAILED;
	}
	struct ggml_init_params p = {.mem_size = base.ggml_graph_overhead_custom(1, false), .mem_buffer = NULL, .no_alloc = true};
	struct ggml_context * c = base.ggml_init(p);
	if (c == NULL) {
		return GGML_STATUS_ALLOC_FAILED;
	}
	struct ggml_cgraph * g = base.ggml_new_graph_custom(c, 1, false);
	base.ggml_graph_add_node(g, node);
	enum ggml_status status = base.ggml_backend_graph_compute(cpu, g);
	base.ggml_free(c);
	return status;
}

// host_run runs an op whose tensors are all in memory.
enum ggml_status host_run(struct ggml_tensor * node) {
	pthread_mutex_lock(&one_at_a_time);
	enum ggml_status status = run(node);
	pthread_mutex_unlock(&one_at_a_time);
	return status;
}

// part_of is a tensor of the fourth dimension's one stream alone.
static struct ggml_tensor part_of(const struct ggml_tensor * t, int stream) {
	struct ggml_tensor p = *t;
	if (p.ne[3] > 1) {
		p.data = (char *) p.data + (size_t) (stream % p.ne[3]) * p.nb[3];
		p.ne[3] = 1;
	}
	return p;
}

// host_run_stream runs one stream of an attention op.
enum ggml_status host_run_stream(struct ggml_tensor * node, int stream) {
	struct ggml_tensor part = part_of(node, stream), sources[4];
	for (int i = 0; i < 4; i++) {
		if (node->src[i] != NULL) {
			sources[i] = part_of(node->src[i], stream);
			part.src[i] = &sources[i];
		}
	}
	return host_run(&part);
}
