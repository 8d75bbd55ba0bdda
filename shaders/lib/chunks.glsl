// How the lanes of a group share its chunks, and loading them (encode). Needs
// the buffer `rows`. A lane's chunks are consecutive: its elements are in
// ascending order of index, and so are the lanes. Where planes do not start at
// word borders, a lane owns whole rows.
#ifndef QAQVK_CHUNKS
#define QAQVK_CHUNKS

const uint UNITS = ALIGNED ? (ROWS * CHUNKS + LANES - 1) / LANES
                           : (ROWS + LANES - 1) / LANES * CHUNKS; // chunks a lane
// One lane keeps up to 16 outliers an end sorted while it loads.
const bool FEW = LANES == 1 && LOW <= 16 && HIGH <= 16;
// With at most two it holds short rows in registers for the second pass.
const bool PAIRS = LOW <= 2 && HIGH <= 2;
// Loops have no unroll hints: drivers unroll these by themselves, and one that
// takes the hint (SwiftShader) spends minutes on it.
const uint HELD_UNITS = FEW ? (PAIRS ? (UNITS * CHUNK_WORDS <= 64 ? UNITS : 1) : 1) : 1;
const bool HELD = FEW && PAIRS && HELD_UNITS == UNITS;

uint held[HELD_UNITS * CHUNK_WORDS];

struct Unit {
    uint row;      // row in the group
    uint chunk;    // chunk in the row
    uint first;    // index in the group of its first element
    uint elements; // 8, 16, 24 or 32; 0: no such chunk
};

Unit unitOf(uint lane, uint u, bool live) {
    uint n = lane * UNITS + u;
    Unit unit;
    unit.row = n / CHUNKS;
    unit.chunk = n % CHUNKS;
    unit.first = unit.row * HEAD_DIM + unit.chunk * 32u;
    // A lane alone is live: what follows is then constant, and so are its loops.
    bool none = (LANES > 1 && !live) || unit.row >= ROWS;
    unit.elements = none ? 0u : min(32u, HEAD_DIM - unit.chunk * 32u);
    return unit;
}

void load(uint group, Unit unit, out uint words[CHUNK_WORDS]) {
    uint base = (group + unit.first / PER_WORD) / 4u;
    for (uint i = 0u; i < CHUNK_WORDS; i += 4u) {
        uvec4 four = i * PER_WORD < unit.elements ? rows[base + i / 4u] : uvec4(0u);
        words[i] = four.x;
        words[i + 1u] = four.y;
        words[i + 2u] = four.z;
        words[i + 3u] = four.w;
    }
}

void loadAndHold(uint group, Unit unit, uint u, out uint words[CHUNK_WORDS]) {
    load(group, unit, words);
    if (HELD) {
        for (uint i = 0u; i < CHUNK_WORDS; i++) held[u * CHUNK_WORDS + i] = words[i];
    }
}

void again(uint group, Unit unit, uint u, out uint words[CHUNK_WORDS]) {
    if (HELD) {
        for (uint i = 0u; i < CHUNK_WORDS; i++) words[i] = held[u * CHUNK_WORDS + i];
    } else {
        load(group, unit, words);
    }
}

// Pattern of element e of a chunk: 16-bit types in the high half.
#define ELEMENT(words, e) (PER_WORD == 1 ? words[e] : (e) % 2u == 0u ? words[(e) / 2u] << 16 : words[(e) / 2u] & 0xffff0000u)

// Pattern of an element of the group, straight from memory.
uint patternAt(uint group, uint index) {
    if (PER_WORD == 1) return rows[(group + index) / 4u][index % 4u];
    uint word = rows[(group + index / 2u) / 4u][index / 2u % 4u];
    return index % 2u == 0u ? word << 16 : word & 0xffff0000u;
}

#endif
