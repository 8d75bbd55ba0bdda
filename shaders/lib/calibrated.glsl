// Where the records of pages are, and values of the codes of a block of channels
// (doc_calibrated.go). Needs the buffer pages and TABLE(i).
#ifndef QAQVK_CALIBRATED
#define QAQVK_CALIBRATED
#include "planes.glsl"

// Words of the records before token t of the page at word page.
uint recordsBefore(Sizes sizes, uint page, uint t) {
    uint words = 0u, turn = 0u;
    do {
        words += recordsOfTurn(sizes, pages[(page + RECORD_HEADER) / 4u + turn], min(t - turn * TURN, TURN));
        turn++;
    } while (turn * TURN < t);
    return words;
}

// What turns codes into values: no argument of functions, as drivers copy those for each
// call, word by word.
struct Reconstruction {
    uint masks[49];        // bit j of magnitude k, spread over a word, at 7k + j
    float coefficients[4];
} reconstruction;

// Table words are read outside of branches, where drivers read a word that all
// invocations share once.
void loadReconstruction() {
    for (uint k = 0u; k < 7u; k++) {
        uint magnitude = (TABLE(k < 3u ? 16u : 17u) >> ((k < 3u ? k : k - 3u) * 8u)) & 127u;
        for (uint j = 0u; j < 7u; j++) reconstruction.masks[7u * k + j] = 0u - ((magnitude >> j) & 1u);
    }
    for (uint k = 0u; k < 4u; k++) reconstruction.coefficients[k] = uintBitsToFloat(TABLE(18u + k));
}

// Planes of a block, most significant first, and which channels they have.
struct BlockPlanes {
    uint bits[8];
    uint has[8];
};

// Value of a code of 4 bits or more of which twice is the middle of its cell,
// in 1/256: odd, -255..255.
float polynomial(int twice) {
    precise float t = float(twice) * 0.00390625;
    precise float square = t * t;
    precise float seventh = reconstruction.coefficients[3] * square;
    precise float fifth = seventh + reconstruction.coefficients[2];
    precise float fifths = fifth * square;
    precise float third = fifths + reconstruction.coefficients[1];
    precise float thirds = third * square;
    precise float first = thirds + reconstruction.coefficients[0];
    precise float value = first * t;
    return value;
}

// Signed bytes of the values of codes of up to 3 bits, in byte form; 0 where a
// channel has no bits, anything where it has more.
void lowValues(BlockPlanes b, out uint bytes[8]) {
    uint negative = ~b.bits[0] & b.has[0];
    uint first = b.bits[1] ^ negative, second = b.bits[2] ^ negative; // of the magnitude's number
    for (uint j = 0u; j < 7u; j++) {
        uint one = reconstruction.masks[j];
        uint two = (first & reconstruction.masks[14u + j]) | (~first & reconstruction.masks[7u + j]);
        uint low = (second & reconstruction.masks[28u + j]) | (~second & reconstruction.masks[21u + j]);
        uint high = (second & reconstruction.masks[42u + j]) | (~second & reconstruction.masks[35u + j]);
        uint three = (first & high) | (~first & low);
        uint magnitude = (three & b.has[2]) | (~b.has[2] & ((two & b.has[1]) | (~b.has[1] & one)));
        bytes[j] = (magnitude & b.has[0]) ^ negative;
    }
    bytes[7] = negative;
    transpose(bytes);
    for (uint k = 0u; k < 8u; k++) bytes[k] += (bytes[k] >> 7) & 0x01010101u; // no carry: no magnitude is 0
}

// Middles of the cells of codes of 4 bits and more as signed bytes, less a half
// where there are 8 bits.
void highMiddles(BlockPlanes b, out uint bytes[8]) {
    bytes[7] = ~b.bits[0];
    for (uint p = 1u; p < 8u; p++) bytes[7u - p] = (b.bits[p] & b.has[p]) | (b.has[p - 1u] & ~b.has[p]);
    transpose(bytes);
}

// Signed byte of element e of a block in byte form, whose word e % 8 this is.
int byteOf(uint word, uint e) { return int(word << (24u - e / 8u * 8u)) >> 24; }

// A value of 4 bits or more where element e is one of those channels, else x; eight are those
// of 8 bits.
float highValue(uint word, uint e, uint four, uint eight, float x) {
    float value = polynomial(2 * byteOf(word, e) + int((eight >> e) & 1u));
    return ((four >> e) & 1u) != 0u ? value : x;
}

// The first 256 bits behind a bit of the words from word at on, of which need are
// read: whole 128-bit words, as few as hold them.
void loadBits(uint at, uint bit, uint need, out uint z[8]) {
    uint first = at + bit / 32u, skip = first % 4u, shift = bit % 32u, w[12];
    uint end = need > 0u ? skip * 32u + shift + need : 0u;
    uvec4 a = uvec4(0u), b = uvec4(0u), c = uvec4(0u);
    if (end > 0u) a = pages[first / 4u];
    if (end > 128u) b = pages[first / 4u + 1u];
    if (end > 256u) c = pages[first / 4u + 2u];
    for (uint j = 0u; j < 4u; j++) {
        w[j] = a[j];
        w[4u + j] = b[j];
        w[8u + j] = c[j];
    }
    for (uint k = 0u; k < 10u; k++) w[k] = skip >= 2u ? w[k + 2u] : w[k];
    for (uint k = 0u; k < 9u; k++) w[k] = skip % 2u != 0u ? w[k + 1u] : w[k];
    for (uint k = 0u; k < 8u; k++) z[k] = (w[k] >> shift) | (w[k + 1u] << 1u << (31u - shift));
}

// Drops the first n bits, 1..32. Loops have constant bounds and no loop in them:
// drivers unroll only those, and arrays that other loops index lie in memory.
void drop(inout uint z[8], uint n) {
    for (uint k = 0u; k < 7u; k++) z[k] = (z[k] >> ((n - 1u) & 31u) >> 1u) | (z[k + 1u] << ((32u - n) & 31u));
}

// A block of a row of a record: where it begins and the channels of its planes.
struct BlockRow {
    uint bit;     // in the record
    uint held[8]; // by plane, 0..32
};

BlockRow blockOfRow(CodedRow row, uint block) {
    BlockRow b;
    b.bit = blockBit(row, block);
    for (uint p = 0u; p < 8u; p++) b.held[p] = channelsOf(row.planes[p], block);
    return b;
}

// Planes of a block of the record at word at.
BlockPlanes planesOf(BlockRow row, uint at) {
    BlockPlanes b;
    uint n[8] = row.held, need = 0u, z[8];
    for (uint p = 0u; p < 8u; p++) {
        b.has[p] = ones(n[p]);
        b.bits[p] = 0u;
        need += n[p];
    }
    loadBits(at, row.bit, need, z);
    uint low[8] = z;
    b.bits[0] = low[0] & b.has[0];
    drop(low, n[0]);
    b.bits[1] = low[0] & b.has[1];
    drop(low, n[1]);
    b.bits[2] = low[0] & b.has[2];
    if (n[3] > 0u) {
#define NEXT_PLANE(p)                        \
        drop(z, n[p]);                       \
        b.bits[p + 1u] = z[0] & b.has[p + 1u];
        NEXT_PLANE(0u) NEXT_PLANE(1u) NEXT_PLANE(2u) NEXT_PLANE(3u) NEXT_PLANE(4u) NEXT_PLANE(5u) NEXT_PLANE(6u)
    }
    return b;
}

// Values of the channels of a block, 0 for those without bits.
void valuesOf(BlockPlanes b, out float x[32]) {
    uint bytes[8];
    lowValues(b, bytes);
    for (uint e = 0u; e < 32u; e++) x[e] = float(byteOf(bytes[e % 8u], e));
    if (b.has[3] != 0u) {
        highMiddles(b, bytes);
#define HIGH_VALUE(e) x[e] = highValue(bytes[(e) % 8u], e, b.has[3], b.has[7], x[e]);
#define HIGH_VALUES(e) HIGH_VALUE(e) HIGH_VALUE(e + 1u) HIGH_VALUE(e + 2u) HIGH_VALUE(e + 3u)
        HIGH_VALUES(0u) HIGH_VALUES(4u) HIGH_VALUES(8u) HIGH_VALUES(12u)
        HIGH_VALUES(16u) HIGH_VALUES(20u) HIGH_VALUES(24u) HIGH_VALUES(28u)
    }
}

#endif
