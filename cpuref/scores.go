package cpuref

// finished returns the product of a row and a query vector as score and score_calibrated
// store it: flushed, and capped where there is a cap.
func finished(score, limit, inverse float32) float32 {
	score = flush(score)
	if limit > 0 {
		return softCap(score, limit, inverse)
	}
	return score
}
