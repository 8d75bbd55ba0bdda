package blas

// #include "exp.h"
import "C"

// SumExp replaces each x of row by e^(x − top), to about 2 units in the last
// place, 0 below e^−87, and returns the sum, in an order that depends on the length
// alone. top must not be less than any of row.
func SumExp(row []float32, top float32) float64 {
	if len(row) == 0 {
		return 0
	}
	return float64(C.qaqvk_sum_exp(pointer(row), C.int(len(row)), C.float(top)))
}
