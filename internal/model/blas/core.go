package blas

// #include <stdlib.h>
// #include <string.h>
//
// char *openblas_get_corename(void);
//
// // Of builds that choose their kernels when they are loaded; others lack them.
// __attribute__((weak)) void gotoblas_dynamic_init(void);
// __attribute__((weak)) void gotoblas_dynamic_quit(void);
//
// static int knows(const char *name) {
// 	static const char *with_avx2[] = {"Haswell", "Zen", "Excavator", "SkylakeX", "Cooperlake", "SapphireRapids"};
// 	for (size_t i = 0; i < sizeof with_avx2 / sizeof *with_avx2; i++)
// 		if (!strcmp(name, with_avx2[i])) return 1;
// 	return 0;
// }
//
// // choose_core makes an OpenBLAS that is older than the processor use what it has.
// static void choose_core(void) {
// #ifdef __x86_64__
// 	__builtin_cpu_init();
// 	if (getenv("OPENBLAS_CORETYPE") || !gotoblas_dynamic_init || !gotoblas_dynamic_quit) return;
// 	if (knows(openblas_get_corename()) || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
// 	int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
// 		__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
// 	setenv("OPENBLAS_CORETYPE", wide ? "SkylakeX" : "Haswell", 1);
// 	gotoblas_dynamic_quit();
// 	gotoblas_dynamic_init();
// 	unsetenv("OPENBLAS_CORETYPE"); // processes that this one starts choose for themselves
// #endif
// }
import "C"

// OpenBLAS takes the kernels of a Prescott, of 2004 and without AVX, where it is older
// than the processor: 21 in place of 102 GFLOP/s a thread (0.3.21 on an Emerald Rapids).
// OPENBLAS_CORETYPE, which users may set, has the last word.
func init() { C.choose_core() }

// Core returns the name of the processor whose kernels OpenBLAS uses.
func Core() string { return C.GoString(C.openblas_get_corename()) }
