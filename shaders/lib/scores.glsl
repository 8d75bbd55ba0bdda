// The scores of a token (score, score_calibrated): of a tile of queries, or, where STAGED is
// not 0, of so many, which the workgroup has in shared memory. Needs the buffers queries of
// uvec4 and scores of vec4 and the push constants Heads, Stride, Cap and InverseCap.
#ifndef QAQVK_SCORES
#define QAQVK_SCORES

const uint TILES = STAGED != 0 ? STAGED : 1; // of a workgroup
const uint COLUMNS = TILES * QUERIES;        // query vectors of these

// The tiles of a workgroup, of one KV head.
struct Tiles {
    uint head;  // of the dispatch
    uint first; // of all heads' tiles
    uint live;  // how many there are, 1..TILES
};

// Those of workgroup number n, of so many of a KV head.
Tiles tilesOfWorkgroup(uint n, uint tiles) {
    uint groups = (tiles + TILES - 1u) / TILES, group = n % (groups * Heads), h = group / groups;
    uint first = (group - h * groups) * TILES;
    return Tiles(h, h * tiles + first, min(TILES, tiles - first));
}

// The workgroups before those of the next tokens.
uint workgroupsTogether(uint tiles) { return (tiles + TILES - 1u) / TILES * Heads; }

// Number of the k-th tile, the last one in the place of those behind it.
uint tileOf(Tiles t, uint k) { return t.first + min(k, t.live - 1u); }

// Defines stage(t, first, step_), which brings the queries of tiles to shared memory: the k-th has
// so many words from word FIRST_AT of queries on, first + k * step_ times as many behind it; and
// queryAt(first, d, v), element d of query vector v of all.
#define STAGED_TILES(FIRST_AT, TILE_WORDS)                                                                       \
    shared uvec4 staged[STAGED != 0 ? TILES * (TILE_WORDS) / 4 : 1];                                             \
    void stage(Tiles t, uint first, uint step_) {                                                                \
        if (STAGED == 0) return;                                                                                 \
        const uint fours = (TILE_WORDS) / 4;                                                                     \
        for (uint i = gl_LocalInvocationID.x; i < TILES * fours; i += WORKGROUP)                                 \
            staged[i] = queries[(FIRST_AT) / 4u + (first + min(i / fours, t.live - 1u) * step_) * fours + i % fours]; \
        barrier();                                                                                               \
    }                                                                                                            \
    float queryAt(uint first, uint d, uint v) {                                                                  \
        uint at = v / QUERIES * (TILE_WORDS) + d * QUERIES + v % QUERIES;                                        \
        return uintBitsToFloat(STAGED != 0 ? WORD(staged, at) : WORD(queries, (FIRST_AT) + first * (TILE_WORDS) + at)); \
    }

// Caps products with the queries, where there is a cap. The loop turns them
// round: drivers that run invocations in vector lanes run what no lane enters once, and
// an array that a loop indexes lies in memory.
void finish(inout float sums[COLUMNS]) {
    for (uint v = 0u; v < COLUMNS; v++) sums[v] = flush(sums[v]);
    for (uint n = 0u; n < (Cap > 0.0 ? COLUMNS : 0u); n++) {
        float capped = softCap(sums[0], Cap, InverseCap);
        for (uint v = 0u; v + 1u < COLUMNS; v++) sums[v] = sums[v + 1u];
        sums[COLUMNS - 1u] = capped;
    }
}

// Stores those of the token in place i of scores.
void storeScores(Tiles t, uint i, float sums[COLUMNS]) {
    for (uint v = 0u; v < COLUMNS; v += min(QUERIES, 4u)) {
        uint at = ((t.first + v / QUERIES) * Stride + i) * QUERIES + v % QUERIES;
        if (v / QUERIES >= t.live) break;
        if (QUERIES < 4) {
            for (uint k = 0u; k < QUERIES; k++) WORD(scores, at + k) = sums[v + k];
        } else {
            scores[at / 4u] = vec4(sums[v], sums[v + 1u], sums[v + 2u], sums[v + 3u]);
        }
    }
}

#endif
