// Jobs and frames: the words that the host writes for the kernels. The Go types
// (jobs_gen.go) are generated from this file.
#ifndef QAQVK_JOBS
#define QAQVK_JOBS

const uint UNQUANTIZABLE = 32; // bits that encode gives a group that it stored raw because it could not be quantized
const uint EVICTED = 14;       // bits of a group that takes no part in attention and has no codes
const uint UNMET = 256;        // added to the bits of a group whose bound even the most bits do not keep
const uint SPLIT_TOKENS = 256; // tokens of a split: the partial outputs of splits are kept apart
const uint STRETCH_TOKENS = 1024; // tokens of a stretch of a text, which turn the matrices of K alike
const uint IMPORTANCE_HEADER = 16; // words of a layer's decayed importance before that of tokens 0 and 1
const uint IMPORTANCE_DIGITS = 10; // bits that kept importance has behind its first one
const uint LEVEL_BOUNDS = 9;       // bounds between the levels 0 to 9
const uint SINK_MARK = 0x80000000; // bit of the decayed importance of a token that is a sink
const uint MOST_IMPORTANCE = 0x7ff00000; // larger decayed importance, and larger sums of it, are cut

// RuleJob is a page whose bits the rule decides (encode, choose_bits).
struct RuleJob {
    uint at;     // offset of its first row in rows (encode), of the page in pages (choose_bits)
    uint limits; // index in plan of the limits c of a token's groups
};

// DecodeJob is a page that becomes rows.
struct DecodeJob {
    uint page; // its offset in pages
    uint rows; // offset in rows of its first token
};

// PackJob is a page that is assembled from slots.
struct PackJob {
    uint slot;   // number of its first slot
    uint page;   // its offset in pages
    uint bits;   // index in plan of its bits words
    uint words;  // its size
    uint failed; // groups that could not be quantized
};

// RepackJob is a page that is written anew with as many bits a group or fewer.
struct RepackJob {
    uint from;  // offset of the old page in src
    uint to;    // offset of the new page in dst
    uint bits;  // index in plan of the new bits words
    uint words; // size of the new page
};

// PromoteJob is a page that is written anew with any bits.
struct PromoteJob {
    uint from;   // offset of the old page in src
    uint to;     // offset of the new page in dst
    uint bits;   // index in plan of the new bits words
    uint words;  // size of the new page
    uint supply; // offset in supply of what its promoted groups lack
};

// RecordEncodeJob is a page of tokens whose codes encode_calibrated computes.
struct RecordEncodeJob {
    uint at;       // offset of its first row in rows
    uint rotation; // index in plan of the cosines and sines of the middle of the page, then of its stretch
};

// RecordDecodeJob is a page of records that becomes rows.
struct RecordDecodeJob {
    uint page;     // its offset in pages
    uint rows;     // offset in rows of its first token
    uint rotation; // index in plan of the cosines and sines of the middle of the page
};

// RecordPackJob is a page of records that is assembled from slots.
struct RecordPackJob {
    uint slot;   // number of its first slot
    uint rows;   // offset of its first row in rows
    uint page;   // its offset in pages
    uint levels; // index in plan of its levels words
    uint words;  // its size
    uint failed; // tokens that could not be quantized
    uint table;  // index in plan of its record table
};

// RecordRewriteJob is a page of records that is written anew with other levels.
struct RecordRewriteJob {
    uint from;   // offset of the old page in src
    uint to;     // offset of the new page in dst
    uint levels; // index in plan of the new levels words
    uint words;  // size of the new page
    uint supply; // offset in supply of the codes and raw rows that it lacks (promote_calibrated)
    uint table;  // index in plan of its record table
};

// WeightJob is a page whose groups get weights.
struct WeightJob {
    uint token;      // its first token
    uint importance; // words before the importance of KV head 0 in its first layer
    uint seen;       // tokens that enough queries saw: later ones get -1
};

// Frame tells which tokens there are.
struct Frame {
    uint tokens; // T
    uint base;   // first token that scores hold, a multiple of SPLIT_TOKENS
    uint first;  // first token of the part that a dispatch reads
    uint end;    // behind the last token of the part
};

// FramePages is the K page and the V page of PageTokens tokens of a part. Behind
// a frame of stored tokens, they lie one after the other, from token first on.
struct FramePages {
    uint k; // offset in pages
    uint v;
};

// ImportanceFrame is a frame of record_importance, which reads no part.
struct ImportanceFrame {
    uint tokens;     // T
    uint base;       // first token that scores hold, a multiple of SPLIT_TOKENS
    uint first;      // not read
    uint end;        // not read
    uint importance; // words before the importance of the first KV head
};

// DecayFrame is a frame of accumulate_importance.
struct DecayFrame {
    uint tokens; // T
    uint base;   // first token that scores hold, a multiple of SPLIT_TOKENS
    uint old;    // tokens that have importance: later ones start from none
    uint factor; // 2^32 times the share of old importance that stays, rounded, or 0 for all of it
    uint age;    // queries from the first of the scores to the end of the newest block of queries
    uint begun;  // 1: the call had dispatches before this one, sums have what they left, else 0
    uint more;   // 1: the call has dispatches behind this one and sums get what it leaves, else 0
};

// NormalizeJob is a layer whose tokens' decayed importance is normalized.
struct NormalizeJob {
    uint importance; // word of its importance
    uint first;      // first token that counts
    uint tokens;     // tokens that have importance
    uint stored;     // tokens that may become sinks
    uint sink;       // decayed importance from which on they do
};

// LevelJob is a page whose tokens get levels.
struct LevelJob {
    uint token;      // its first token
    uint importance; // word of the importance of its layer
    uint seen;       // tokens that enough queries saw: later ones get the level of the mean
};

// Struct number j of those that lie from word `at` of a buffer on. The digit is
// the words of a struct; a wrong one does not compile.
#define READ2(Type, words, at, j) Type(words[(at) + 2u * (j)], words[(at) + 2u * (j) + 1u])
#define READ3(Type, words, at, j) Type(words[(at) + 3u * (j)], words[(at) + 3u * (j) + 1u], words[(at) + 3u * (j) + 2u])
#define READ4(Type, words, at, j) \
    Type(words[(at) + 4u * (j)], words[(at) + 4u * (j) + 1u], words[(at) + 4u * (j) + 2u], words[(at) + 4u * (j) + 3u])
#define READ5(Type, words, at, j) \
    Type(words[(at) + 5u * (j)], words[(at) + 5u * (j) + 1u], words[(at) + 5u * (j) + 2u], words[(at) + 5u * (j) + 3u], words[(at) + 5u * (j) + 4u])
#define READ6(Type, words, at, j) \
    Type(words[(at) + 6u * (j)], words[(at) + 6u * (j) + 1u], words[(at) + 6u * (j) + 2u], words[(at) + 6u * (j) + 3u], words[(at) + 6u * (j) + 4u], words[(at) + 6u * (j) + 5u])
#define READ7(Type, words, at, j) \
    Type(words[(at) + 7u * (j)], words[(at) + 7u * (j) + 1u], words[(at) + 7u * (j) + 2u], words[(at) + 7u * (j) + 3u], words[(at) + 7u * (j) + 4u], words[(at) + 7u * (j) + 5u], words[(at) + 7u * (j) + 6u])

#endif
