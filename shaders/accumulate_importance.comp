#version 450
#extension GL_GOOGLE_include_directive : require
// Decayed importance of the tokens of a layer: what is left of the old, and their shares
// of the squared probabilities of queries. An invocation has a token.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/decay.glsl"
layout(set = 0, binding = 0, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 1, std430) readonly buffer Scores { vec4 scores[]; }; // probabilities, then spreads
layout(set = 0, binding = 2, std430) buffer Importance { uint importance[]; }; // of the layer
layout(push_constant) uniform Push {
    uint Vectors;    // query vectors of a KV head, V
    uint PerHead;    // query heads of a KV head, g
    uint QueryFirst; // first query that counts
    uint QueryEnd;   // behind the last query that counts
    uint Heads;      // KV heads
    uint Stride;     // tokens that scores have room for
    uint Block;      // queries after which importance is worth 2^-1/2
    uint Fraction;   // bits of importance behind the point
};

#define FRAME READ5(DecayFrame, frame, 0u, 0u)

// The sum with what a probability of a vector of that spread adds.
uint addShare(uint sum, float p, float spread, float weight) {
    precise float square = p * p;
    precise float share = square * spread;
    precise float weighted = (share > 1.0 ? 1.0 : share) * weight;
    return addImportance(sum, uint(weighted));
}

const uint COLUMNS = QUERIES < 4 ? QUERIES : 4; // vectors of a tile that are loaded at once

// What vectors v to v + COLUMNS - 1 have from a word on, 0 where not in first..end-1.
vec4 loadFour(uint at, uint v, uint first, uint end) {
    vec4 x = vec4(0.0);
    if (COLUMNS == 4) x = scores[at / 4u];
    for (uint k = 0u; k < COLUMNS; k++) {
        if (COLUMNS < 4) x[k] = WORD(scores, at + k);
        x[k] = v + k >= first && v + k < end ? x[k] : 0.0;
    }
    return x;
}

// The sum with what vectors first..end-1 of all KV heads add.
uint addVectors(uint sum, uint place, uint first, uint end, float weight) {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, spreads = spreadsAt(tiles * Heads, Stride);
    for (uint h = 0u; h < Heads; h++) {
        for (uint v = first / COLUMNS * COLUMNS; v < end; v += COLUMNS) {
            uint tile = h * tiles + v / QUERIES, column = v % QUERIES;
            vec4 p = loadFour((tile * Stride + place) * QUERIES + column, v, first, end);
            vec4 spread = loadFour(spreads + tile * QUERIES + column, v, first, end);
            for (uint k = 0u; k < COLUMNS; k++) sum = addShare(sum, p[k], spread[k], weight);
        }
    }
    return sum;
}

// The sum with what all queries add: block after block, which share a weight.
uint addQueries(uint sum, uint place, uint age) {
    for (uint q = QueryFirst; q < QueryEnd;) {
        uint k = (age - q - 1u) / Block, end = min(QueryEnd, age - k * Block);
        sum = addVectors(sum, place, q * PerHead, end * PerHead, weightOf(k, Fraction));
        q = end;
    }
    return sum;
}

void main() {
    uint t = gl_GlobalInvocationID.x;
    if (t >= max(FRAME.tokens, FRAME.old)) return;
    uint old = t < FRAME.old ? importance[IMPORTANCE_HEADER + t] : 0u;
    uint sum = decayed(old & MOST_IMPORTANCE, FRAME.factor);
    if (t >= FRAME.base && t < FRAME.tokens) sum = addQueries(sum, t - FRAME.base, FRAME.age);
    importance[IMPORTANCE_HEADER + t] = old & SINK_MARK | sum;
}
