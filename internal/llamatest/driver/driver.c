// Runs llama.cpp by commands: one a line on stdin, one line back on stdout, after
// which the bytes that it names follow. Package llamatest is the other end.
//
//	driver LIBS MODEL CONTEXT SEQUENCES UBATCH FLASH UNIFIED TYPE_K TYPE_V THREADS
#include "llama.h"
#include "ggml-backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct llama_model * model;
static struct llama_context * ctx;
static llama_memory_t memory;
static int vocab;

static void fail(const char * what) {
	fprintf(stderr, "driver: %s\n", what);
	exit(2);
}

static long number(void) {
	long x;
	if (scanf("%ld", &x) != 1) {
		fail("a number was expected");
	}
	return x;
}


static void done(long result) {
	printf("%ld\n", result);
	fflush(stdout);
}

// decode N (TOKEN POSITION SEQUENCE WANTED)...: the result, then the logits of those wanted
static void decode(void) {
	int n = (int) number();
	struct llama_batch b = llama_batch_init(n, 0, 1);
	b.n_tokens = n;
	for (int i = 0; i < n; i++) {
		b.token[i] = (llama_token) number();
		b.pos[i] = (llama_pos) number();
		b.n_seq_id[i] = 1;
		b.seq_id[i][0] = (llama_seq_id) number();
		b.logits[i] = (int8_t) number();
	}
	int result = llama_decode(ctx, b);
	done(result);
	for (int i = 0; i < n && result == 0; i++) {
		if (b.logits[i]) {
			fwrite(llama_get_logits_ith(ctx, i), sizeof(float), vocab, stdout);
		}
	}
	fflush(stdout);
	llama_batch_free(b);
}

// tokenize BYTES: the number of tokens, then these
static void tokenize(void) {
	int bytes = (int) number();
	getchar();
	char * text = malloc(bytes + 1);
	llama_token * tokens = malloc((bytes + 1) * sizeof *tokens);
	if (fread(text, 1, bytes, stdin) != (size_t) bytes) {
		fail("text cut short");
	}
	int n = llama_tokenize(llama_model_get_vocab(model), text, bytes, tokens, bytes + 1, false, true);
	done(n);
	fwrite(tokens, sizeof *tokens, n < 0 ? 0 : n, stdout);
	fflush(stdout);
	free(text);
	free(tokens);
}

// get SEQUENCE: the bytes of its state, then these; -1: of all
static void get(void) {
	int seq = (int) number();
	size_t size = seq < 0 ? llama_state_get_size(ctx) : llama_state_seq_get_size(ctx, seq);
	uint8_t * data = malloc(size);
	size = seq < 0 ? llama_state_get_data(ctx, data, size) : llama_state_seq_get_data(ctx, data, size, seq);
	done((long) size);
	fwrite(data, 1, size, stdout);
	fflush(stdout);
	free(data);
}

// set SEQUENCE BYTES, then these: the bytes that were taken
static void set(void) {
	int seq = (int) number();
	long size = number();
	getchar();
	uint8_t * data = malloc(size);
	if (fread(data, 1, size, stdin) != (size_t) size) {
		fail("state cut short");
	}
	done((long) (seq < 0 ? llama_state_set_data(ctx, data, size) : llama_state_seq_set_data(ctx, data, size, seq)));
	free(data);
}

static long cpu_ms(void) {
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static long resident_kib(void) {
	FILE * f = fopen("/proc/self/statm", "r");
	long all = 0, resident = 0;
	if (f == NULL || fscanf(f, "%ld %ld", &all, &resident) != 2) {
		fail("no /proc/self/statm");
	}
	fclose(f);
	return resident * 4;
}

static void command(const char * name) {
	long a[4];
#define ARGUMENTS(n) for (int i = 0; i < n; i++) { a[i] = number(); }
	if (!strcmp(name, "decode")) {
		decode();
	} else if (!strcmp(name, "tokenize")) {
		tokenize();
	} else if (!strcmp(name, "get")) {
		get();
	} else if (!strcmp(name, "set")) {
		set();
	} else if (!strcmp(name, "rm")) {
		ARGUMENTS(3);
		done(llama_memory_seq_rm(memory, a[0], a[1], a[2]));
	} else if (!strcmp(name, "cp")) {
		ARGUMENTS(4);
		llama_memory_seq_cp(memory, a[0], a[1], a[2], a[3]);
		done(0);
	} else if (!strcmp(name, "add")) {
		ARGUMENTS(4);
		llama_memory_seq_add(memory, a[0], a[1], a[2], a[3]);
		done(0);
	} else if (!strcmp(name, "keep")) {
		ARGUMENTS(1);
		llama_memory_seq_keep(memory, a[0]);
		done(0);
	} else if (!strcmp(name, "clear")) {
		ARGUMENTS(1);
		llama_memory_clear(memory, a[0]);
		done(0);
	} else if (!strcmp(name, "last")) {
		ARGUMENTS(1);
		done(llama_memory_seq_pos_max(memory, a[0]));
	} else if (!strcmp(name, "causal")) {
		ARGUMENTS(1);
		llama_set_causal_attn(ctx, a[0]);
		done(0);
	} else if (!strcmp(name, "cpu")) {
		done(cpu_ms());
	} else if (!strcmp(name, "resident")) {
		done(resident_kib());
	} else if (!strcmp(name, "vocabulary")) {
		done(vocab);
	} else {
		fail(name);
	}
}

static enum ggml_type type_of(const char * name) {
	for (int t = 0; t < GGML_TYPE_COUNT; t++) {
		const char * n = ggml_type_name((enum ggml_type) t);
		if (n != NULL && !strcmp(n, name)) {
			return (enum ggml_type) t;
		}
	}
	fail(name);
	return GGML_TYPE_F16;
}

static void open_model(char ** v) {
	ggml_backend_load_all_from_path(v[1]);
	llama_backend_init();
	model = llama_model_load_from_file(v[2], llama_model_default_params());
	if (model == NULL) {
		fail("no model");
	}
	struct llama_context_params p = llama_context_default_params();
	p.n_ctx = atoi(v[3]);
	p.n_seq_max = atoi(v[4]);
	p.n_batch = p.n_ubatch = atoi(v[5]);
	p.flash_attn_type = atoi(v[6]) ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
	p.kv_unified = atoi(v[7]);
	p.type_k = type_of(v[8]);
	p.type_v = type_of(v[9]);
	p.n_threads = p.n_threads_batch = atoi(v[10]);
	ctx = llama_init_from_model(model, p);
	if (ctx == NULL) {
		fail("no context");
	}
	memory = llama_get_memory(ctx);
	vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
}

int main(int n, char ** v) {
	if (n != 11) {
		fail("driver LIBS MODEL CONTEXT SEQUENCES UBATCH FLASH UNIFIED TYPE_K TYPE_V THREADS");
	}
	open_model(v);
	done(0);
	char name[4096];
	while (scanf("%31s", name) == 1) {
		command(name);
	}
	llama_free(ctx);
	llama_model_free(model);
	llama_backend_free();
	return 0;
}
