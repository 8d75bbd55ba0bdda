//go:build ggml

#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct base base;

// Releases whose structures are those that this library was built with.
static const struct { const char * version, * commit; } releases[] = {
	{"0.25.1", "0ad4a86"}, // llama.cpp v0.5.0
};

void base_log(bool warning, const char * text) {
	if (base.ggml_log_internal != NULL) {
		base.ggml_log_internal(warning ? GGML_LOG_LEVEL_WARN : GGML_LOG_LEVEL_INFO, "qaqvk: %s\n", text);
	} else {
		fprintf(stderr, "qaqvk: %s\n", text);
	}
}

static bool known(const char * version, const char * commit) {
	for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
		if (!strcmp(version, releases[i].version) && !strcmp(commit, releases[i].commit)) {
			return true;
		}
	}
	return false;
}

static void refuse(const char * why, const char * what) {
	char line[256];
	snprintf(line, sizeof line, "%s%s: this library is for ggml %s (%s), going on without it", why, what, releases[0].version, releases[0].commit);
	base_log(true, line);
}

// base_find looks the functions up in a library and those that it needs. Nothing of
// ggml is called but its version before the version is known.
bool base_find(void * library) {
	const char * (*version)(void) = (const char * (*)(void)) dlsym(library, "ggml_version");
	const char * (*commit)(void) = (const char * (*)(void)) dlsym(library, "ggml_commit");
	if (version == NULL || commit == NULL) {
		refuse("no ggml with a version found", "");
		return false;
	}
	char name[128];
	snprintf(name, sizeof name, "%s (%s)", version(), commit());
	if (!known(version(), commit())) {
		refuse("ggml ", name);
		return false;
	}
	const char * missing = NULL;
#define QAQVK_FIND(f) \
	if ((base.f = (__typeof__(base.f)) dlsym(library, #f)) == NULL) { \
		missing = #f; \
	}
	QAQVK_BASE(QAQVK_FIND)
	if (missing != NULL) {
		refuse("ggml has no ", missing);
		return false;
	}
	return true;
}

extern int goStart(void); // reads the settings; 0: they are none

// qaqvk_ggml_reg returns the backend for the ggml in a library that is open, NULL where
// it is of another release or the settings are wrong.
ggml_backend_reg_t qaqvk_ggml_reg(void * library) {
	if (!base_find(library) || !goStart()) {
		return NULL;
	}
	return device_reg();
}

// caller_library is the library that an address of code lies in, the program itself
// where it is none.
static void * caller_library(void * address) {
	Dl_info info;
	void * l = NULL;
	if (dladdr(address, &info) && info.dli_fname != NULL) {
		l = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	}
	return l != NULL ? l : dlopen(NULL, RTLD_LAZY);
}

// ggml_backend_init is what ggml calls in the library that GGML_BACKEND_PATH names.
__attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init(void) {
	return qaqvk_ggml_reg(caller_library(__builtin_return_address(0)));
}

// qaqvk_register registers the backend with the ggml in a library that is loaded: 0
// done, 1 the library is not loaded, 2 refused, 3 it registers no backends.
int qaqvk_register(const char * path) {
	void * library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	if (library == NULL) {
		return 1;
	}
	void (*add)(ggml_backend_reg_t) = (void (*)(ggml_backend_reg_t)) dlsym(library, "ggml_backend_register");
	if (add == NULL) {
		return 3;
	}
	ggml_backend_reg_t r = qaqvk_ggml_reg(library);
	if (r == NULL) {
		return 2;
	}
	add(r);
	return 0;
}

void qaqvk_log(int warning, const char * text) { base_log(warning, text); }
