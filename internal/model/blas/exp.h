/* row[i] = e^(row[i] - top) for row[i] <= top; returns the sum. */
double qaqvk_sum_exp(float *row, int n, float top);
