// # Attention
//
// Attention reads pages and the recent window as they are stored. A sequence
// has T tokens, n queries belong to its newest n tokens: query i to token
// T-n+i. QH query heads share H KV heads, g = QH/H to each (1..32), those of a
// KV head being consecutive. The query vectors of KV head h are numbered
// v = i*g + j for query i and query head h*g + j; there are V = n*g of them.
// All sums below start at +0, take their terms in the order that is named, and
// round after each multiplication and each addition (f32, precise).
//
// Bounds keep every sum away from overflow and from subnormal numbers, so that
// drivers that flush those agree with drivers that do not. flush(x) is +0 where
// |x| < 2^-126, else x. bound(x), for stored values, is +0 where |x| < 2^-40, x
// cut to -2^80..2^80 otherwise; it changes nothing finite of type f16. Elements
// of raw rows that are NaN or infinite count as +0 here.
//
// Queries: y = load(element) * Scale, where NaN and infinities are loaded as
// +0; y counts as +0 where |y| < 2^-40 and is cut to -2^20..2^20. The blocks of
// a row are its elements 32c to 32c+31, the last one may be shorter. X_c is the
// sum of the y of block c in ascending order of element, X that of the X_c in
// ascending order of c.
//
// Score of a query and a K row, first of a quantized row of b bits with range
// min, R and s8 = R*2^-8 cut to at most 2^72: the code q counts as the signed
// byte u = q*2^(8-b) - 128 and the base is the value that u = 0 would have,
// base = bound(min + (128 + 2^(7-b))*s8); with b = 0, u = 0 for all and base =
// bound(min + 128*s8). (Conversions, products with powers of two and 128 +
// 2^(7-b) are exact.) A_c is the sum of y*u over the elements of block c, A that
// of the A_c. Then
//
//	r = flush(flush(base*X) + flush(s8*A))
//
// and each outlier of the row, in the order of its listing, with element d and
// value x, changes r to flush(r + flush(y_d*flush(bound(x) - value))), where
// value = bound(base + u*s8), u being the byte of its code: that of q = 0 for
// outliers of the low end, of q = 2^b - 1 for those of the high end (and 0 for
// b = 0). That is what an outlier's code is by the rule in "Codes" (unless R is
// 0: then s8 is 0 too and u does not matter).
// Of a raw row, r = flush of the sum over blocks of the sums of y*bound(x).
// The score of a row of an evicted group is -2^127, without a soft cap: below all
// others, so that its probability is 0. Every query must see a token that is not
// evicted; in a cache its own is in the recent window.
//
// Where the soft cap C is above 0, the score is softCap(r), C*tanh(r/C): with z = r*(1/C)
// (1/C given as f32), cut to -16..16, and e = exponential(-2|z|), it is
// flush(sign(z) * ((1 - e) * reciprocal(1 + e)) * C), multiplied from left to
// right; the sign is applied to the last product.
//
// Probabilities: query at token p sees the tokens t <= p, with a sliding window
// W > 0 only those with p - t < W. m is the largest score that it sees, e_t =
// exponential(score_t - m). Lane j of 128 sums e_t over the visible t with t%128 = j in
// ascending order; then for k = 64, 32, 16, 8, 4, 2, 1, lane j < k adds lane
// j+k to its sum. l is lane 0's. The probability is p_t = e_t*reciprocal(l), +0
// where that is below 2^-40, and +0 for tokens that are not seen.
//
// The spread of a query vector is how many tokens it attends to, 1 over the sum of its
// squared probabilities (the inverse participation ratio): (l*l)*reciprocal(s), where
// s is summed as l is, of e_t*e_t, +0 for e_t below 2^-40.
//
// exponential(x), x <= 0: +0 where x < -80. Else k = trunc(x*1.44269504 - 0.5) as an
// integer, r = (x - k*0.693359375) + k*0.000212194440, and Horner's scheme in r
// with the coefficients 1/5040, 1/720, 1/120, 1/24, 1/6, 1/2, 1, 1, all f32;
// k is added to the exponent of the result. Its error is below 2^-22.
//
// reciprocal(x), 1 <= x < 2^100: y from the pattern 0x7ef311c7 - bits(x), then
// four times y = y*(2 - x*y).
//
// Output: splits are the tokens 256k to 256k+255. The partial output of a split
// is, for each element, the sum over its tokens in ascending order of p_t times
// bound of the value that decode returns in f32 (value of a code, outlier, raw
// element, or 0 of an evicted group). The output is the sum of the partials in ascending order of k,
// narrowed to f32, f16 or bf16. Splits in which no token is seen by any of the
// queries of a dispatch may be left out: they add +0.
//
// So the bits of an output row depend on the stored rows, the query row and the
// options alone: on no other query, no size of workgroup, tile or dispatch, and
// not on how tokens are spread over buffers.
//
// # Importance
//
// The importance of a token for a KV head is the largest p_t over the last
// queries, all query heads of the KV head included, kept in 8 bits and rounded
// up, so that no bound is loosened: code 0 is 0; code c in 1..255 is the f32
// with the pattern (c + 768) << 20, from 1.125*2^-31 on in steps of an eighth
// of a power of two. The code of p > 0 is ((bits(p) + 0xfffff) >> 20) - 768, at
// least 1. The codes of tokens 4i to 4i+3 share word i, the first in the low
// byte.
//
// reduce_importance turns importance to the weights w of groups: the largest
// over the rows of the window that are kept, the KV heads of the group and, at
// level token, its layers; or 1, where One is set. Tokens that not all of the
// last queries saw, those from the number on that a job tells, get -1 either way.
//
// # Frames
//
// A Frame tells score, softmax, weighted_sum and combine which tokens there are,
// an ImportanceFrame record_importance (lib/jobs.glsl declares both, jobs_gen.go
// has them in Go). Behind the Frame of a part that lies in pages there is a
// FramePages for each of its pages. The recent window is a ring: token t has
// place t%RingTokens.
//
// Scores are [KV head][tile][Stride tokens][QUERIES]: the vectors of a KV head
// are in ceil(V/QUERIES) tiles of QUERIES, vector v in tile v/QUERIES, and the
// scores of token t have place t-Base; probabilities take their place. score
// writes all QUERIES scores of a tile's token, those beyond V too, which nobody
// reads but as factors of sums that nobody keeps. Behind the tiles softmax writes the
// spreads, [KV head][tile][QUERIES], 0 for vectors beyond V. Partials are [split -
// Base/256][KV head][v][D] in f32. Arranged queries are tiles of QUERIES
// vectors, [KV head][tile], each [D elements, then the X_c][QUERIES] in f32, zero
// for vectors beyond V, padded to a multiple of four words.
//
// QUERIES is 1, 2, or a multiple of 4 up to 16. A dispatch may have some of the
// KV heads only: Heads counts its own, and offsets in its push constants lead to
// the first of them. Where STAGED is not 0, a workgroup brings to shared memory what its
// invocations have in common, at most 16 KiB, what every device has: score STAGED tiles of a
// KV head, which are a workgroup's work then (CPUs); weighted_sum, where it is 1, rows of a
// split, likewise, and what multiplies by a matrix a tile or a vector (GPUs). The parts of a batch
// of queries follow each other from Base on without a gap, because weighted_sum
// goes on with the partials of a split that an earlier part began.
package shaders
