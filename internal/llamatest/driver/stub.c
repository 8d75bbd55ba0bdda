// A program that says it is a ggml of another release, and loads a backend:
//
//	stub BACKEND VERSION COMMIT
#include <dlfcn.h>
#include <stdio.h>

static const char * version, * commit;
const char * ggml_version(void) { return version; }
const char * ggml_commit(void) { return commit; }

int main(int n, char ** v) {
	if (n != 4) {
		return 2;
	}
	version = v[2];
	commit = v[3];
	void * backend = dlopen(v[1], RTLD_NOW | RTLD_LOCAL);
	if (backend == NULL) {
		fprintf(stderr, "stub: %s\n", dlerror());
		return 2;
	}
	void * (*init)(void) = (void * (*)(void)) dlsym(backend, "ggml_backend_init");
	return init == NULL ? 2 : init() != NULL;
}
