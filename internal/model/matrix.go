package model

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/internal/model/blas"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
)

// matrix is the weights of a product, [rows][cols]: in f32, or as they lie in
// the file, expanded by blocks of rows as they are used.
type matrix struct {
	rows, cols int
	f32        []float32      // nil: in the file
	tensors    []*gguf.Tensor // one below the other
}

// read fills dst with whole rows from the given one on.
func (w *matrix) read(dst []float32, first int) error {
	if w.f32 != nil {
		copy(dst, w.f32[first*w.cols:])
		return nil
	}
	for _, t := range w.tensors {
		rows := t.Dims[1]
		if first >= rows {
			first -= rows
			continue
		}
		n := min(len(dst), (rows-first)*w.cols)
		if err := t.Rows(dst[:n], first); err != nil {
			return err
		}
		if dst, first = dst[n:], 0; len(dst) == 0 {
			break
		}
	}
	return nil
}

// apply computes y = alpha·x·wᵀ + beta·y for x [n][cols], y [n][rows].
func (w *matrix) apply(y, x []float32, n int, alpha, beta float32) error {
	if w.f32 != nil {
		blas.Linear(y, x, w.f32, n, w.cols, w.rows, alpha, beta)
		return nil
	}
	return blas.LinearRows(y, x, w.read, n, w.cols, w.rows, alpha, beta)
}

// applyT computes y = alpha·x·w + beta·y for x [n][rows], y [n][cols]: the gradient
// of apply.
func (w *matrix) applyT(y, x []float32, n int, alpha, beta float32) error {
	if w.f32 != nil {
		blas.LinearT(y, x, w.f32, n, w.cols, w.rows, w.rows, alpha, beta)
		return nil
	}
	step := max(1, expandElems/w.cols)
	block := make([]float32, min(step, w.rows)*w.cols)
	for first := 0; first < w.rows; first += step {
		rows := min(step, w.rows-first)
		if err := w.readAll(block[:rows*w.cols], first); err != nil {
			return err
		}
		blas.LinearT(y, x[first:], block, n, w.cols, rows, w.rows, alpha, beta)
		beta = 1
	}
	return nil
}

// readAll is read with the rows divided among the processors.
func (w *matrix) readAll(dst []float32, first int) error {
	const parts = 16
	var errs [parts]error
	rows := len(dst) / w.cols
	blas.Parallel(parts, func(p int) {
		if from, to := rows*p/parts, rows*(p+1)/parts; from < to {
			errs[p] = w.read(dst[from*w.cols:to*w.cols], first+from)
		}
	})
	return errors.Join(errs[:]...)
}

// expandElems is how many elements are expanded at once.
const expandElems = 1 << 20

// expand puts the weights into memory in f32, until free.
func (w *matrix) expand() error {
	all := blas.Alloc(w.rows * w.cols)
	if all == nil {
		return fmt.Errorf("model: %d weights as f32: %w", w.rows*w.cols, ErrMemory)
	}
	rows := max(1, expandElems/w.cols)
	for first := 0; first < w.rows; first += rows {
		if err := w.read(all[first*w.cols:min(first+rows, w.rows)*w.cols], first); err != nil {
			blas.Free(all)
			return err
		}
	}
	w.f32 = all
	return nil
}

// free gives the memory back; what is read later comes from the file.
func (w *matrix) free() {
	blas.Free(w.f32)
	w.f32 = nil
}
