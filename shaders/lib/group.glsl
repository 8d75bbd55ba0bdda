// How the lanes of a group share its blocks, and loading them (encode). Needs
// the buffer `rows`. A lane's blocks are consecutive: its elements are in
// ascending order of index, and so are the lanes. Where planes do not start at
// word borders, a lane owns whole rows.
#ifndef QAQVK_GROUP
#define QAQVK_GROUP

const uint LANE_BLOCKS = ALIGNED ? (ROWS * BLOCKS + LANES - 1) / LANES
                           : (ROWS + LANES - 1) / LANES * BLOCKS; // blocks a lane
// One lane keeps up to 16 outliers an end sorted while it loads.
const bool FEW = LANES == 1 && LOW <= 16 && HIGH <= 16;
// With at most two it holds short rows in registers for the second pass.
const bool PAIRS = LOW <= 2 && HIGH <= 2;
// Loops have no unroll hints: drivers unroll these by themselves, and one that
// takes the hint (SwiftShader) spends minutes on it.
const uint HELD_BLOCKS = FEW ? (PAIRS ? (LANE_BLOCKS * BLOCK_WORDS <= 64 ? LANE_BLOCKS : 1) : 1) : 1;
const bool HELD = FEW && PAIRS && HELD_BLOCKS == LANE_BLOCKS;

uint held[HELD_BLOCKS * BLOCK_WORDS];

struct Block {
    uint row;      // row in the group
    uint index;    // its number in the row
    uint first;    // index in the group of its first element
    uint elements; // 8, 16, 24 or 32; 0: no such block
};

Block blockOf(uint lane, uint u, bool live) {
    uint n = lane * LANE_BLOCKS + u;
    Block block;
    block.row = n / BLOCKS;
    block.index = n % BLOCKS;
    block.first = block.row * HEAD_DIM + block.index * 32u;
    // A lane alone is live and has all rows: what follows is then constant, and so are its loops.
    bool none = LANES > 1 && (!live || block.row >= ROWS);
    block.elements = none ? 0u : HEAD_DIM % 32 == 0 ? 32u : min(32u, HEAD_DIM - block.index * 32u);
    return block;
}

// Calls f with the number of each block of a lane: where STAGED is 1 by constants, for
// drivers whose private arrays lie in memory as soon as a variable indexes them.
const bool NUMBERED = STAGED != 0 ? HELD : false;
#define EACH_BLOCK(f)                                     \
    if (NUMBERED) {                                       \
        f(0u)                                             \
        if (LANE_BLOCKS > 1) { f(1u) }                    \
        if (LANE_BLOCKS > 2) { f(2u) }                    \
        if (LANE_BLOCKS > 3) { f(3u) }                    \
    } else {                                              \
        for (uint u = 0u; u < LANE_BLOCKS; u++) { f(u) }  \
    }

void loadBlock(uint group, Block block, out uint words[BLOCK_WORDS]) {
    uint base = (group + block.first / PER_WORD) / 4u;
    for (uint i = 0u; i < BLOCK_WORDS; i += 4u) {
        uvec4 four = i * PER_WORD < block.elements ? rows[base + i / 4u] : uvec4(0u);
        words[i] = four.x;
        words[i + 1u] = four.y;
        words[i + 2u] = four.z;
        words[i + 3u] = four.w;
    }
}

void loadAndHold(uint group, Block block, uint u, out uint words[BLOCK_WORDS]) {
    loadBlock(group, block, words);
    if (HELD) {
        for (uint i = 0u; i < BLOCK_WORDS; i++) held[u * BLOCK_WORDS + i] = words[i];
    }
}

void again(uint group, Block block, uint u, out uint words[BLOCK_WORDS]) {
    if (HELD) {
        for (uint i = 0u; i < BLOCK_WORDS; i++) words[i] = held[u * BLOCK_WORDS + i];
    } else {
        loadBlock(group, block, words);
    }
}

// Pattern of element e of a block: 16-bit types in the high half.
#define ELEMENT(words, e) (PER_WORD == 1 ? words[e] : (e) % 2u == 0u ? words[(e) / 2u] << 16 : words[(e) / 2u] & 0xffff0000u)

// Pattern of an element of the group, straight from memory.
uint patternAt(uint group, uint index) {
    if (PER_WORD == 1) return rows[(group + index) / 4u][index % 4u];
    uint word = rows[(group + index / 2u) / 4u][index / 2u % 4u];
    return index % 2u == 0u ? word << 16 : word & 0xffff0000u;
}

#endif
