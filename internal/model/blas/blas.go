// Package blas multiplies f32 matrices with OpenBLAS.
//
// OpenBLAS itself is held to one thread; the work is divided here, into parts
// whose bounds depend only on the shape, so that results are the same from run
// to run and for any number of processors.
package blas

// #cgo LDFLAGS: -lopenblas
// #include <cblas.h>
// #include <stdlib.h>
import "C"

import "unsafe"

func init() { C.openblas_set_num_threads(1) }

// Matrix is row-major f32 data whose rows begin Stride elements apart.
type Matrix struct {
	Data   []float32
	Stride int
}

// Alloc returns n zeros outside of Go's heap, nil where there is no memory: the
// collector lets its heap grow to twice what lives in it, which weights, of which
// none become garbage, should not count for. Free gives them back.
func Alloc(n int) []float32 {
	p := (*float32)(C.calloc(C.size_t(n), 4))
	if p == nil {
		return nil
	}
	return unsafe.Slice(p, n)
}

// Free releases what Alloc returned; nil is nothing.
func Free(s []float32) { C.free(unsafe.Pointer(unsafe.SliceData(s))) }

// MulT computes c = alpha·a·bᵀ + beta·c for a [m][k], b [n][k], c [m][n].
// Nothing is done where m, n or k is below one.
func MulT(m, n, k int, alpha float32, a, b Matrix, beta float32, c Matrix) {
	gemm(C.CblasNoTrans, C.CblasTrans, m, n, k, alpha, a, b, beta, c)
}

// Mul computes c = alpha·a·b + beta·c for a [m][k], b [k][n], c [m][n].
func Mul(m, n, k int, alpha float32, a, b Matrix, beta float32, c Matrix) {
	gemm(C.CblasNoTrans, C.CblasNoTrans, m, n, k, alpha, a, b, beta, c)
}

// TMul computes c = alpha·aᵀ·b + beta·c for a [k][m], b [k][n], c [m][n].
func TMul(m, n, k int, alpha float32, a, b Matrix, beta float32, c Matrix) {
	gemm(C.CblasTrans, C.CblasNoTrans, m, n, k, alpha, a, b, beta, c)
}

func gemm(transA, transB uint32, m, n, k int, alpha float32, a, b Matrix, beta float32, c Matrix) {
	if m < 1 || n < 1 || k < 1 {
		return
	}
	C.cblas_sgemm(C.CblasRowMajor, transA, transB, C.blasint(m), C.blasint(n), C.blasint(k),
		C.float(alpha), pointer(a.Data), C.blasint(a.Stride), pointer(b.Data), C.blasint(b.Stride),
		C.float(beta), pointer(c.Data), C.blasint(c.Stride))
}

// gemv computes y = alpha·w·x + beta·y for w [rows][cols].
func gemv(rows, cols int, alpha float32, w, x []float32, beta float32, y []float32) {
	C.cblas_sgemv(C.CblasRowMajor, C.CblasNoTrans, C.blasint(rows), C.blasint(cols), C.float(alpha),
		pointer(w), C.blasint(cols), pointer(x), 1, C.float(beta), pointer(y), 1)
}

func pointer(s []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(s))) }
