#version 450
#extension GL_GOOGLE_include_directive : require
// Decayed importance of the tokens of a layer: what is left of the old, and their shares
// of the squared probabilities of queries. An invocation has four tokens.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/decay.glsl"
layout(set = 0, binding = 0, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 1, std430) readonly buffer Scores { vec4 scores[]; }; // probabilities, then spreads
layout(set = 0, binding = 2, std430) buffer Importance { uint importance[]; }; // of the layer
layout(set = 0, binding = 3, std430) buffer Sums { uvec4 sums[]; }; // of the tokens of a call that is not at its end
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

#define FRAME READ7(DecayFrame, frame, 0u, 0u)

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

// The sums of four tokens with what vectors first..end-1 of all KV heads add. Only the
// first so many get something.
uvec4 addVectors(uvec4 sum, uint place, uint tokens, uint first, uint end, float weight) {
    uint tiles = (Vectors + QUERIES - 1u) / QUERIES, spreads = spreadsAt(tiles * Heads, Stride);
    for (uint h = 0u; h < Heads; h++) {
        for (uint v = first / COLUMNS * COLUMNS; v < end; v += COLUMNS) {
            uint tile = h * tiles + v / QUERIES, column = v % QUERIES, at = (tile * Stride + place) * QUERIES + column;
            vec4 spread = loadFour(spreads + tile * QUERIES + column, v, first, end);
            for (uint i = 0u; i < 4u; i++) {
                vec4 p = loadFour(at + i * QUERIES, v, first, i < tokens ? end : 0u);
                for (uint k = 0u; k < COLUMNS; k++) sum[i] = addShare(sum[i], p[k], spread[k], weight);
            }
        }
    }
    return sum;
}

// The sums with what all queries add: block after block, which share a weight.
uvec4 addQueries(uvec4 sum, uint place, uint tokens, uint age) {
    for (uint q = QueryFirst; q < QueryEnd;) {
        uint k = (age - q - 1u) / Block, end = min(QueryEnd, age - k * Block);
        sum = addVectors(sum, place, tokens, q * PerHead, end * PerHead, weightOf(k, Fraction));
        q = end;
    }
    return sum;
}

// The importance that tokens from t on had before, none from token old on.
uvec4 before(uint t, uint old, bool begun) {
    uvec4 words = uvec4(0u);
    uint at = IMPORTANCE_HEADER + t / 2u;
    if (t < old) words = begun ? sums[t / 4u] : uvec4(openedPair(importance[at]), openedPair(importance[at + 1u]));
    for (uint i = 1u; i < 4u; i++) words[i] = t + i < old ? words[i] : 0u;
    return words;
}

void main() {
    uint t = 4u * gl_GlobalInvocationID.x;
    DecayFrame f = FRAME;
    if (t >= max(f.tokens, f.old)) return;
    uvec4 old = before(t, f.old, f.begun != 0u), sum;
    for (uint i = 0u; i < 4u; i++) sum[i] = decayed(old[i] & ~SINK_MARK, f.factor);
    if (t >= f.base && t < f.tokens) sum = addQueries(sum, t - f.base, f.tokens - t, f.age);
    sum |= old & SINK_MARK;
    if (f.more != 0u) {
        sums[t / 4u] = sum;
    } else {
        importance[IMPORTANCE_HEADER + t / 2u] = keptPair(sum.xy);
        importance[IMPORTANCE_HEADER + t / 2u + 1u] = keptPair(sum.zw);
    }
}
