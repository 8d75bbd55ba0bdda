// Package shaders holds the compute kernels of qaqvk and the contract that
// they keep: one GLSL file a kernel, its SPIR-V committed and embedded, and Go
// descriptions generated from the SPIR-V, so that the GLSL is the only place
// where a binding, a constant or a push-constant field is declared.
//
// # Words
//
// A row is the K or the V vector of one (token, layer, KV head): D elements of
// the input type, D = HEAD_DIM, a multiple of 8 from 32 to 256. A group is the
// G = ROWS*D consecutive elements that share a range and a bit width: ROWS is
// 1 (level head), H (level layer) or L*H (level token); G is at most 16,384.
// Input types (TYPE): 0 is f32, 1 is f16, 2 is bf16. E is the bytes of an
// element, 4 or 2. All buffers are arrays of 32-bit little-endian words; two
// 16-bit elements share a word, the lower index in the low half.
//
// Rows that convert, encode and decode work on, pages, slots and what promote
// is supplied with begin at multiples of four words, so that they move 128 bits
// at a time, and the buffers that hold them are whole multiples of four words.
//
// # Loading
//
// load(x) widens an element to f32 exactly, with integer code. -0 and f32
// subnormals (from f32 or bf16 input) become +0. f16 subnormals are normal
// numbers in f32 and keep their value.
//
// # Outliers
//
// A group of G elements has LOW outliers at its low end and HIGH at its high
// end, fixed by alpha: LOW = ceil(alpha/2*G), HIGH = G - floor((1-alpha/2)*G),
// both 0 when alpha is 0. The low ones are the LOW smallest loaded values; of
// equal values the lower index goes first. The high ones are the HIGH largest
// of the elements that are not low outliers; of equal values again the lower
// index goes first. K = LOW + HIGH. Outliers are listed low end first, each
// end in ascending order of index; their value is the loaded one, narrowed
// back to the input type (exact).
//
// # Range
//
// min and max are the smallest and the largest loaded value that is no
// outlier; R = max - min in f32. A group with a NaN or an infinity, or with
// R >= 2^126, cannot be quantized: it is stored raw, whatever was asked for,
// with the range (min, max) = (+inf, -inf) of the input type and outliers that
// are all zero (index and value). If R < 2^-100, R is taken as 0.
//
// # Bits
//
// A group has b = 0..8 bits, or RAW = 16, or is EVICTED: it has no codes and takes
// no part in attention. A group of 0 bits does: all its elements but outliers are
// the middle of its range. The rule (QAQ, arXiv 2403.04643,
// section 3.3 and the authors' code, both brought to one form):
//
//	b = the smallest b in [MinBits, MaxBits] with R*w <= c*(2^b - delta)
//
// or MaxBits if none does. w is the group's importance, c its limit, delta 0
// (paper) or 1 (authors). Both products are one f32 multiplication each,
// 2^b - delta is exact, and w, c or a product below 2^-126 in magnitude counts
// as 0.
// c is in [0, 2^100], w in [0, 2^20]. A negative w above -2 pins the group to
// MaxBits, one of -2 or less evicts it, also where it could not be quantized. To
// the bits of a group that got MaxBits below RAW although they do not keep the
// bound UNMET = 256 is added, in what encode and choose_bits report, not in pages.
//
// # Codes
//
// With s8 = R*2^-8 and y = clamp(x, min, max) - min, the 8-bit code of an
// element x is q8 = the largest k in 0..255 with k*s8 <= y (f32, one rounding
// each for k*s8 and y); q8 = 0 when R is 0. The code at b bits is
// q8 >> (8-b): codes nest. Outliers have codes by the same rule.
//
// The value of a code is min + (q + 0.5)*s, s = R*2^-b: q + 0.5 is exact, then
// one rounding for the product and one for the sum; a result below 2^-126 in
// magnitude is +0. When R is 0 it is min. An outlier's value is its own. The
// elements of a raw group are returned as they came, bit for bit.
//
// Output is f32, f16 or bf16 (OUT_TYPE). Narrowing is round to nearest even in
// integer code, f16 subnormals included; overflow gives an infinity, a NaN
// becomes sign | quiet bit | the payload bits that fit. On the way into the recent
// window (convert with Clamp) a finite element whose rounding is infinite becomes
// the largest finite one of its sign instead, and is counted. A raw row whose input
// type is the output type is copied; f16 and bf16 widen exactly (NaN payloads
// shift up), and raw f32 subnormals that are narrowed to bf16 stay what RNE of
// the bit pattern gives.
//
// # Row strings
//
// The codes of a row are a string of b*D bits, most significant plane first:
// bit p*D + d of the string is bit (b-1-p) of the code of element d. Bit i of
// the string is bit i%32 of word i/32. The last word is padded with zeros:
// rowWords(b) = ceil(b*D/32). A raw row is its D*E/4 words. Dropping bits is
// cutting the string short; adding bits is appending the missing planes.
//
// # Page (version 1)
//
// One byte layout for device, host, file and wire. A page holds the groups of
// a fixed number of consecutive tokens of one (sequence, layer, K or V); at
// level token, of all layers. Groups are ordered by token, then by KV head.
// Words, in this order:
//
//	0            PageMagic: 0x51410001, "QA" and the version
//	1            size of the page in words
//	2            number of groups N
//	3            number of groups that could not be quantized
//	             bits: ceil(N/8) words; group g has the 4 bits (g%8)*4 of word
//	             g/8: 0..8, 14 for evicted, or 15 for raw
//	             ranges: N times min and max in the input type: one word (min
//	             in the low half) for 16-bit types, two words for f32
//	             outlier values: N*K elements of the input type, zero padded
//	             outlier indices in the group: N*K of 8 bits if G <= 256, else
//	             of 16 bits, zero padded
//	             zeros up to a multiple of four words
//	             codes: group after group, each ROWS rows of rowWords(b) words
//
// Raw groups that are finite and evicted ones keep their range and outliers, so
// that they can be quantized later, from their own rows or the host's. Elements of
// an evicted group are decoded as 0. The end of a page is not padded; the
// next page begins at the next multiple of four words.
//
// # Slots
//
// encode does not know where a page will lie, because its size follows from
// bits decided in the same pass. It writes each group n of a dispatch to a
// slot and its bits (0..8, 16, Evicted; Unquantizable when it could not be quantized) to
// word n of the slot buffer. Slots begin at word SlotBase and have SlotWords
// words each: the range as in a page (1 or 2 words), K outliers (16-bit types:
// one word, index in the low half, value in the high half; f32: index word,
// value word), then, from the next multiple of four words, the rows as in a
// page. Words of a slot before and behind its rows that hold none of this are
// not written. pack then assembles pages.
//
// # Plans
//
// A plan is a buffer of jobs, one a page, and of what they point to: limits of
// groups, bits words. lib/jobs.glsl declares the jobs, jobs_gen.go has them in
// Go, plan.go builds plans. Specialize says how a cache builds a kernel.
//
// # Numeric rules
//
// Kernels use integer operations, comparisons, bit casts, f32 add, sub and mul
// marked precise, conversions of integers below 2^24 to f32 and of in-range
// f32 to integers; nothing else on floats (see the lint in internal/spirv).
// All reductions are on integers, so no order shows.
package shaders
