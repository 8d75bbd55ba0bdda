// The scores of a token (score, score_calibrated). Needs the buffer scores of vec4 and
// the push constants Cap and InverseCap.
#ifndef QAQVK_SCORES
#define QAQVK_SCORES

// Caps products with the queries of a tile, where there is a cap. The loop turns them
// round: drivers that run invocations in vector lanes run what no lane enters once, and
// an array that a loop indexes lies in memory.
void finish(inout float sums[QUERIES]) {
    for (uint v = 0u; v < QUERIES; v++) sums[v] = flush(sums[v]);
    for (uint n = 0u; n < (Cap > 0.0 ? QUERIES : 0u); n++) {
        float capped = softCap(sums[0], Cap, InverseCap);
        for (uint v = 0u; v + 1u < QUERIES; v++) sums[v] = sums[v + 1u];
        sums[QUERIES - 1u] = capped;
    }
}

// Stores those of a tile at word at.
void storeScores(uint at, float sums[QUERIES]) {
    if (QUERIES < 4) {
        for (uint v = 0u; v < QUERIES; v++) WORD(scores, at + v) = sums[v];
        return;
    }
    for (uint v = 0u; v < QUERIES; v += 4u) scores[(at + v) / 4u] = vec4(sums[v], sums[v + 1u], sums[v + 2u], sums[v + 3u]);
}

#endif
