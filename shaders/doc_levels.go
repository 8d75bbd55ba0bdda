// # Decayed importance
//
// The calibrated codec gives bits to a token of a layer, all its KV heads, K and
// V, by the sum of its shares of the squared probabilities of each query vector, of
// which half is left after HalfLife queries. Shares, because heads differ in how much
// they weigh and how many tokens they spread it over, and a profile gives each head
// its bits already: what is left to say is which tokens matter to a head. It is a whole
// number S of 2^-Fraction, cut to MOST_IMPORTANCE wherever something is added, so that no
// order of adding shows; SINK_MARK, the highest bit of its word, says that the token is a
// sink.
//
// Between calls 16 bits are kept of the word: the mark in the highest, below it the code
// of the nearest number that has one, the larger at ties. With d = IMPORTANCE_DIGITS and s the
// least s >= 0 for which S < 2^(d+1+s) the code is
//
//	s*2^d + floor(S*2^-s + 1/2)
//
// and stands for (code - s*2^d)*2^s with s = code/2^d - 1 rounded down, at least 0: codes
// rise with numbers, those below 2^(d+1) are the numbers themselves, and what is kept is
// off by 2^-(d+1) of the number at most. A layer is IMPORTANCE_HEADER words, then a word
// two tokens, the earlier one in the low half, of tokens up to a multiple of 4. A byte
// does not do (docs/quality.md): a query gives a token a hundredth of what it has, and a
// byte's next number is a tenth away.
//
// Queries of a layer are counted in blocks of Block = HalfLife/2; from block to
// block importance is worth 2^-1/2. accumulate_importance takes queries i =
// QueryFirst..QueryEnd-1 of scores. Age - i - 1 queries after query i are missing to
// the end of the newest block, k = (Age - i - 1)/Block rounded down is how many
// blocks ago the query was. For tokens t < max(Tokens, Old)
//
//	S_t = sums[t] where Begun, else what is kept of t; 0 with no mark where t >= Old
//	S_t = floor(S_t*Factor*2^-32) where Factor is not 0
//	S_t = S_t + trunc(share*2^(Fraction - k/2)) for all vectors, where Base <= t < Tokens
//	sums[t] = S_t where More, else what is kept of t is S_t
//
// which is 0 in tokens max(Tokens, Old) and behind, up to a multiple of 4. There is
// share = p*p*spread, cut to 1, p the probability (0..1) and spread that of the
// vector (doc_attention.go), and three f32 products rounded one by one, the last with
// 2^(Fraction - k/2), whose odd halves are the f32 next to the root of 2. A k above
// 2*Fraction + 1 counts as that, which adds nothing. Factor is
// 2^(32-k/2), rounded, for the k blocks that ended since the last queries of the
// layer; the first dispatch of a call has it, the others of the call have 0, Begun, and as
// Old the most tokens that there were before; all but the last have More. So results do
// not depend on how a call's queries, KV heads and tokens are spread over dispatches; only
// what is rounded depends on how queries are spread over calls.
//
// What is left out by rounding down is less than one unit a query vector and one a
// call that decays, each decaying like importance itself; products add a relative
// error of 2^-21, and each call one of 2^-(d+1).
//
// Queries that a rollback drops go on counting: what they gave to tokens that stay
// is not taken back, and decays with the others.
//
// # Levels by importance
//
// normalize_importance has a job a layer. Of the tokens from First on (those at the
// beginning of a text, and those that a sliding window left behind, do not count) to
// before Tokens it marks those below Stored whose importance is Sink or more; marks stay. Sum and
// Count are of the tokens without a mark, Sum cut too. Word j < LEVEL_BOUNDS of the
// layer becomes the bound of threshold j:
//
//	the least whole number n with n*Count*2^16 >= Threshold_j*Sum, at most 2^32-1
//
// and where Sum is 0, 0 for thresholds up to 2^16 (I = 1), else 2^32-1. The next two
// words are Sum and Count, the others of the header are not touched. A share of the
// mean I = S*Count/Sum passes threshold j where S >= bound j. LevelThresholds gives
// thresholds for
//
//	level = ½·log2((I + Floor)/(1 + Floor)) + shift
//
// rounded to half steps, the upper one at ties, cut to -1.5..3.
//
// choose_levels: tokens below First are RAW. Those from Seen on, which too few
// queries saw, have the level of I = 1 (Mean). Sinks are RAW. The others have as
// level the number of bounds that their importance reaches, 0 to 9.
package shaders
