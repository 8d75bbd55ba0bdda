#version 450
#extension GL_GOOGLE_include_directive : require
// Scores to probabilities, in place, and behind all tiles the spread of each query
// vector. A workgroup has a column of a tile where it has an invocation for each lane of
// the contract; a smaller one up to four neighbouring columns, so that it moves 128 bits
// at a time.
#include "lib/config.glsl"
#include "lib/layout.glsl"
#include "lib/float.glsl"
layout(set = 0, binding = 0, std430) readonly buffer FrameIn { uint frame[]; };
layout(set = 0, binding = 1, std430) buffer Scores { vec4 scores[]; }; // [KV head][tile][Stride][QUERIES], then spreads [KV head][tile][QUERIES]
layout(push_constant) uniform Push {
    uint Vectors;   // query vectors of a KV head, V
    uint Heads;     // KV heads in this dispatch
    uint PerHead;   // query heads of a KV head, g
    uint Stride;    // tokens that scores have room for
    uint Window;    // tokens that a query sees, itself included; 0: all before it
};
#include "lib/math.glsl"
#include "lib/attend.glsl"
#include "lib/decay.glsl"

const uint SUMS = 128;                           // lanes of the contract, whatever WORKGROUP is
const bool WIDE = WORKGROUP >= SUMS;
const uint COLUMNS = WIDE ? 1 : QUERIES < 4 ? QUERIES : 4; // columns of a workgroup
const uint PARTS = QUERIES / COLUMNS;                      // workgroups of a tile
const uint AT_ONCE = 8; // columns that an invocation of a wide workgroup loads before it uses them

shared vec4 lanes[SUMS];
shared vec4 squares[SUMS];

// Four of a word's columns, one where tiles have fewer than four.
vec4 loadFour(uint at) {
    if (COLUMNS == 4) return scores[at / 4u];
    vec4 x = vec4(0.0);
    for (uint k = 0u; k < COLUMNS; k++) x[k] = WORD(scores, at + k);
    return x;
}

void storeFour(uint at, vec4 x) {
    if (COLUMNS == 4) {
        scores[at / 4u] = x;
        return;
    }
    for (uint k = 0u; k < COLUMNS; k++) WORD(scores, at + k) = x[k];
}

// Columns from..to-1 that each column's query sees; none where there is no query.
struct Seen {
    uvec4 from;
    uvec4 to;
    uint first; // the least from
    uint end;   // the largest to
};

Seen seenBy(uint v0) {
    Seen seen;
    seen.from = uvec4(0u);
    seen.to = uvec4(0u);
    seen.first = 0xffffffffu;
    seen.end = 0u;
    for (uint k = 0u; k < COLUMNS; k++) {
        uint v = v0 + k;
        if (v >= Vectors) continue;
        uint last = FRAME.tokens - Vectors / PerHead + v / PerHead, first = 0u;
        if (Window > 0u && last + 1u > Window) first = last + 1u - Window;
        seen.from[k] = max(first, FRAME.base) - FRAME.base;
        seen.to[k] = last + 1u - FRAME.base;
        seen.first = min(seen.first, seen.from[k]);
        seen.end = max(seen.end, seen.to[k]);
    }
    return seen;
}

// The larger of most and the scores of column i that are seen.
vec4 larger(vec4 most, vec4 score, Seen seen, uint i) {
    for (uint k = 0u; k < COLUMNS; k++)
        if (i >= seen.from[k] && i < seen.to[k]) most[k] = score[k] > most[k] ? score[k] : most[k];
    return most;
}

// Scores of columns i, i + step_, ..., the last one in the place of those behind it.
void loadSome(uint row, uint i, uint step_, uint end, out vec4 some[AT_ONCE]) {
    for (uint j = 0u; j < AT_ONCE; j++) some[j] = loadFour(row + min(i + j * step_, end - 1u) * QUERIES);
}

// Largest score that each column's query sees.
vec4 largest(uint row, Seen seen) {
    for (uint lane = gl_LocalInvocationID.x; lane < SUMS; lane += WORKGROUP) {
        vec4 most = vec4(-8.507059173023462e37); // below every score
        if (WIDE) {
            for (uint i = seen.first + lane; i < seen.end; i += SUMS * AT_ONCE) {
                vec4 some[AT_ONCE];
                loadSome(row, i, SUMS, seen.end, some);
                for (uint j = 0u; j < AT_ONCE; j++) most = larger(most, some[j], seen, i + j * SUMS);
            }
        } else {
            for (uint i = seen.first + lane; i < seen.end; i += SUMS) most = larger(most, loadFour(row + i * QUERIES), seen, i);
        }
        lanes[lane] = most;
    }
    for (uint k = SUMS / 2u; k > 0u; k /= 2u) {
        barrier();
        for (uint lane = gl_LocalInvocationID.x; lane < k; lane += WORKGROUP) {
            vec4 a = lanes[lane], b = lanes[lane + k];
            for (uint c = 0u; c < 4u; c++) a[c] = b[c] > a[c] ? b[c] : a[c];
            lanes[lane] = a;
        }
    }
    barrier();
    vec4 most = lanes[0];
    barrier();
    return most;
}

void join(uint lane, uint step_) {
    precise vec4 sum = lanes[lane] + lanes[lane + step_];
    precise vec4 square = squares[lane] + squares[lane + step_];
    lanes[lane] = sum;
    squares[lane] = square;
}

// What a lane sums up.
struct Sums {
    vec4 powers;
    vec4 squares;
};

// Adds exp(e - most) of column i, and its square where that is not too small, and
// leaves the exponential in scores.
void addColumn(inout Sums sums, uint row, vec4 e, vec4 most, Seen seen, uint i) {
    for (uint k = 0u; k < COLUMNS; k++) {
        bool here = i >= seen.from[k] && i < seen.to[k];
        precise float below = e[k] - most[k];
        float power = exponential(here ? below : 0.0);
        precise float next = sums.powers[k] + (here ? power : 0.0);
        sums.powers[k] = next;
        float large = here && power >= 9.094947017729282e-13 ? power : 0.0; // 2^-40
        precise float product = large * large;
        precise float more = sums.squares[k] + product;
        sums.squares[k] = more;
        e[k] = here ? power : e[k];
    }
    storeFour(row + i * QUERIES, e);
}

// Sums exponentials and their squares by the lanes of the contract, to lane 0.
void sumUp(uint row, Seen seen, vec4 most) {
    for (uint lane = gl_LocalInvocationID.x; lane < SUMS; lane += WORKGROUP) {
        Sums sums = Sums(vec4(0.0), vec4(0.0));
        uint first = seen.first / SUMS * SUMS + lane;
        if (WIDE) {
            for (uint i = first; i < seen.end; i += SUMS * AT_ONCE) {
                vec4 some[AT_ONCE];
                loadSome(row, i, SUMS, seen.end, some);
                for (uint j = 0u; j < AT_ONCE; j++)
                    if (i + j * SUMS < seen.end) addColumn(sums, row, some[j], most, seen, i + j * SUMS);
            }
        } else {
            for (uint i = first; i < seen.end; i += SUMS) addColumn(sums, row, loadFour(row + i * QUERIES), most, seen, i);
        }
        lanes[lane] = sums.powers;
        squares[lane] = sums.squares;
    }
    for (uint k = SUMS / 2u; k > 0u; k /= 2u) {
        barrier();
        for (uint lane = gl_LocalInvocationID.x; lane < k; lane += WORKGROUP) join(lane, k);
    }
    barrier();
}

// The spreads of the columns, whose exponentials and squares add up to lane 0.
void storeSpread(uint tile, uint part) {
    vec4 spread = vec4(0.0);
    for (uint k = 0u; k < COLUMNS; k++) {
        float sum = lanes[0][k];
        precise float all = sum * sum;
        precise float tokens = all * reciprocal(sum > 0.0 ? squares[0][k] : 1.0);
        spread[k] = tokens;
    }
    storeFour(spreadsAt(tilesOf(Vectors) * Heads, Stride) + tile * QUERIES + part * COLUMNS, spread);
}

// Stores the probabilities of column i, whose exponentials are e.
void storeProbabilities(uint row, vec4 e, vec4 inverse, Seen seen, uint v0, uint i) {
    for (uint k = 0u; k < COLUMNS; k++) {
        bool here = i >= seen.from[k] && i < seen.to[k];
        precise float p = (here ? e[k] : 0.0) * inverse[k];
        if (v0 + k < Vectors) e[k] = p < 9.094947017729282e-13 ? 0.0 : p; // 2^-40
    }
    storeFour(row + i * QUERIES, e);
}

void main() {
    uint tile = gl_WorkGroupID.x / PARTS, part = gl_WorkGroupID.x % PARTS;
    uint tiles = tilesOf(Vectors), v0 = tile % tiles * QUERIES + part * COLUMNS;
    uint row = tile * Stride * QUERIES + part * COLUMNS;
    Seen seen = seenBy(v0);
    vec4 most = largest(row, seen), inverse = vec4(0.0);
    sumUp(row, seen, most);
    if (gl_LocalInvocationID.x == 0u) storeSpread(tile, part);
    for (uint k = 0u; k < COLUMNS; k++) inverse[k] = reciprocal(v0 + k < Vectors ? lanes[0][k] : 1.0);
    uint end = v0 < Vectors ? FRAME.tokens - FRAME.base : 0u;
    if (WIDE) {
        for (uint i = gl_LocalInvocationID.x; i < end; i += WORKGROUP * AT_ONCE) {
            vec4 some[AT_ONCE];
            loadSome(row, i, WORKGROUP, end, some);
            for (uint j = 0u; j < AT_ONCE; j++)
                if (i + j * WORKGROUP < end) storeProbabilities(row, some[j], inverse, seen, v0, i + j * WORKGROUP);
        }
        return;
    }
    for (uint i = gl_LocalInvocationID.x; i < end; i += WORKGROUP)
        storeProbabilities(row, loadFour(row + i * QUERIES), inverse, seen, v0, i);
}
