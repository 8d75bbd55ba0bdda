// # The calibrated codec
//
// A second codec beside that of "Codes": a transform that is calibrated once per
// model packs what matters of a row into few channels, a profile tells how many
// bits each channel is worth, and no row has a header. Pages, plans and attention
// are as above but for what follows. A page is of one kind (K or V) of one layer; a
// group is a token, all H = ROWS KV heads of it; TYPE is of raw rows. Bounds keep
// sums as in "Attention": cut(x, m) is +0 where |x| < 2^-40, x cut to -m..m
// otherwise.
//
// # Tables
//
// Each kind of each layer has tables (Tables, AppendTable, Words): thresholds
// t_1 <= ... <= t_255, a mean of D elements, a matrix A of D channels by D elements
// and its inverse for each KV head, what turns codes into values, and
// populations. Their words are a multiple of 64. An element of a matrix is a whole
// number of -127 to 127, a signed byte, times the scale of its channel: A[c][d] =
// forward[c][d]*a_c, and the inverse [d][c] = inverse[d][c]*32*i_c. Bytes lie four to a word,
// the first in the lowest bits. Scales are f32, 0 or of 2^-30 to 2^20; other values are f32, 0 or
// of 2^-40 to 2^40 in magnitude. The codec does not ask where they come from; channels
// are best in falling order of what an error costs.
//
// The mean of a V row is the table's. That of a K row is turned to the middle of the
// row's page: the first Rotary elements (a multiple of 8, 0 without RoPE) turn in
// pairs, i and i + Rotary/2, or 2i and 2i+1 where Interleaved is set. With the
// cosine and the sine of pair i, as given, its elements a and b become
//
//	cut(a*cos - b*sin, 2^40) and cut(b*cos + a*sin, 2^40)
//
// with one rounding for each product and sum; the other elements are cut too. The
// rotation of a page is a row of Rotary words: the cosines, then the sines, f32, 0
// or of 2^-40 to 1 in magnitude, each for the angle at token page*PageTokens +
// PageTokens/2. V has no rotation (Rotary 0).
//
// Tokens s*STRETCH_TOKENS to (s+1)*STRETCH_TOKENS - 1 of a text are its stretch s; a page
// lies in one (where elements turn, PageTokens divides STRETCH_TOKENS). Matrices of K are turned to
// the stretch, as a mean is to the middle of a page: each channel's row forward[c] and
// column inverse[.][c], before scales, by the rotation for the angle at the first token of
// the stretch. So a stretch is coded as the first one is, whose matrices are as they are:
// RoPE turns slow pairs on over a text, and what has few bits in one stretch would need many in
// another. Below, forward and inverse of K are those of the row's stretch.
//
// # Channels and codes
//
// A token of which an element is NaN, infinite or of 2^40 or more cannot be
// quantized and is stored raw. Otherwise x = cut(load(element) - mean, 2^41), and
// channel c of the row is z_c = a_c times the sum of forward[c][d]*x_d in ascending order of
// d, from +0 on, with one rounding for each product and sum. Its full code, 8 bits, is the
// number of k with z_c >= t_k. At b bits it is code >> (8-b).
//
// The value of a code q at b bits, in units of 1/32: 0 with b = 0. With b = 1, 2, 3
// it is +m or -m: of the upper half of the codes, q = 2^(b-1) + i, magnitude number
// i of those of b bits (an integer of 1 to 127, 1 + 2 + 4 of them); of the lower
// half the negative of code 2^b - 1 - q. With b >= 4, t = (2q+1)/2^b - 1 and the
// value is t*(c_1 + t^2*(c_3 + t^2*(c_5 + t^2*c_7))), evaluated from the inside,
// one rounding for each product and sum (t and t^2 are exact, the last product is
// with t). Values are 0 or of 2^-20 to 2^20
// in magnitude. So there is no table to look up: centroids for the codes that most
// channels have, a curve for the rest.
// (Measured on Gaussian data with thresholds 2.2 * the normal quantile of k/256:
// rounding to 1/32 costs 0.1 % of the distortion, the curve 3 % at 4 bits, 1 % at 5
// and 6.)
//
// # Levels and records
//
// A token has a level 0..9, which stands for the half steps -1.5 to 3, or is raw
// (16, in a page's nibble 15): levels take the place of bits everywhere else. At a
// level, plane p (0 is the most significant bit) of a row has the bits of channels
// 0 to N_p - 1, its population; N_0 >= N_1 >= ... and each is at least that of the
// level below. Channel c has as many bits as there are p with N_p > c.
//
// A record is the string of all bits of a token: KV head after KV head, block after
// block of 32 channels, plane after plane; of a plane in a block the bits of its
// channels in ascending order. Bit i of the string is bit i%32 of word i/32; the
// last word is padded with zeros. So its size depends on kind, layer and level
// alone. A raw record is the rows of the token.
//
// Records nest: a record at a lower level has bits of one at a higher level, those
// that encoding at the lower level gives. What a token lacks for a higher level is
// supplied as its full codes: D padded to blocks, eight words a block, word k with
// the codes of channels k, k+8, k+16, k+24 in its bytes, 0 behind the last channel.
// A token leaves raw in the same way, with its codes.
//
// # Page of records (version 2)
//
//	0            RecordMagic: 0x51410102, "QA", the codec and the version
//	1            size of the page in words
//	2            number of tokens N, and from bit 16 on how many of them could not
//	             be quantized
//	3            2*layer + kind (0 K, 1 V), and from bit 16 on the first 2 bytes of
//	             the SHA-256 of the profile, little-endian
//	             levels: ceil(N/8) words; token t has the 4 bits (t%8)*4 of word
//	             t/8: 0..9, or 15 for raw
//	             zeros up to a multiple of four words
//	             records, token after token
//
// # Slots of codes
//
// encode_calibrated writes the full codes of each token n to a slot, CodeWords from
// word SlotBase on, and of each of its rows a word, n*H + head, 0 or Unquantizable.
// pack_calibrated makes pages of slots and of the rows themselves, for raw tokens. The
// plans of encode_calibrated and decode_calibrated have the rotation of the page and, behind
// it, of its stretch.
//
// # Attention in coded channels
//
// y are the elements of a query as in "Attention". It is turned and not what it is multiplied
// with, as there is one of it and many of these. Turned back by the rotation of a stretch,
// elements a and b of a pair become cut(a*cos + b*sin, 2^40) and cut(b*cos - a*sin, 2^40), and
// its coded form for the stretch is w_c = cut(i_c times the sum of inverse[d][c]*y_d in
// ascending order of d, 2^60), with the inverse of the tables.
//
// With the mean m of the tables, pair i of elements a and b has
//
//	along_i = cut(y_a*m_a + y_b*m_b, 2^61) and across_i = cut(y_b*m_a - y_a*m_b, 2^61)
//
// and the product of y with the mean turned by a rotation is M = T + F: T the sum over blocks of
// 16 pairs of the sums of along_i*cos_i, then across_i*sin_i, pair after pair; F the sum of
// y_d*m_d over the elements that do not turn, in ascending order.
//
// The score of a K record is r = flush(S + M): S the sum over blocks of the sums of w_c, that of
// the record's stretch, times the value of channel c, M that of the rotation of the record's page.
// Channels without bits add nothing. Raw rows, the soft cap and all that follows are as in
// "Score".
//
// The partials of a split are in three parts: the sums of raw rows and of the
// recent window as in "Output"; of each channel the sum of p_t times its value, over
// the coded tokens in ascending order; and the sum of p_t over these. Over the splits
// in ascending order they add up to raw R, coded S (+0 where |S| < 2^-60) and mass P.
// The output element d is flush(R_d + (B_d + P*mean_d)), narrowed, B_d being the sum
// over blocks of the sums of inverse[d][c]*(i_c*S_c) in ascending order of c. Splits
// without a token in pages have no coded sums.
//
// decode returns flush(B_d + mean_d) with the values of the row in the place of S.
//
// Arranged queries of a dispatch are tiles as arrange_queries writes them, [KV head][tile],
// but for the sums of blocks, which raw rows do not need, then the record tables of K and of
// V, coded tiles [KV head][tile][stretch][D][QUERIES] and the products M
// [KV head][tile][page][QUERIES]. Partials are [Splits][KV head][v][D]
// raw, the same coded, then [Splits][KV head][v]. A part begins with a page, and the
// first token of a page is a multiple of PageTokens. WORKGROUP of score_calibrated divides
// STRETCH_TOKENS.
package shaders
