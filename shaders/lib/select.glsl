// Outliers and range of a group (doc.go, Outliers, Range).
#ifndef QAQVK_SELECT
#define QAQVK_SELECT

// Elements in the order (key, index); a key that counts down for the high end.
struct Cut {
    uint key;   // biased key of the last outlier of the end
    uint index; // its index in the group
};

struct Selection {
    Cut low, high;       // the last outlier of each end
    int minKey, maxKey;  // of the elements that are no outliers
    uint lows, highs;    // outliers of the lanes before this one
    bool finite;
};

shared uint tally[WORKGROUP];

// Sum over the lanes before this one.
uint sumBeforeLane(uint v) {
    if (LANES == 1) return 0u;
    uint t = gl_LocalInvocationID.x, lane = t % LANES;
    barrier();
    tally[t] = v;
    barrier();
    uint sum = 0u;
    for (uint i = t - lane; i < t; i++) sum += tally[i];
    return sum;
}

// Largest over the lanes of a group.
uint maxOverLanes(uint v) {
    if (LANES == 1) return v;
    uint t = gl_LocalInvocationID.x, lane = t % LANES;
    barrier();
    tally[t] = v;
    barrier();
    for (uint s = LANES / 2u; s > 0u; s /= 2u) {
        if (lane < s) tally[t] = max(tally[t], tally[t + s]);
        barrier();
    }
    return tally[t - lane];
}

// 16-bit patterns have zeros below.
const uint KEY_STEP = TYPE == F32 ? 1 : 0x10000;

uint biased(int key) { return uint(key) ^ 0x80000000u; }

// The key of the high end: descending, with the same zeros below.
uint reversed(int key) { return ~biased(key) & ~(KEY_STEP - 1u); }

bool upTo(Cut cut, uint key, uint index) {
    return key < cut.key || (key == cut.key && index <= cut.index);
}

bool isLow(Selection s, int key, uint index) {
    return LOW > 0 && upTo(s.low, biased(key), index);
}

bool isHigh(Selection s, int key, uint index) {
    return HIGH > 0 && !isLow(s, key, index) && upTo(s.high, reversed(key), index);
}

// Runs body for every element of a lane, in ascending order of index.
#define FOR_ELEMENTS(key, index, body)                                            \
    for (uint u = 0u; u < LANE_BLOCKS; u++) {                                           \
        Block block = blockOf(lane, u, live);                                        \
        for (uint at = block.first; at < block.first + block.elements; at += 4u * PER_WORD) { \
            uvec4 four = rows[(group + at / PER_WORD) / 4u];                      \
            for (uint e = 0u; e < 4u * PER_WORD; e++) {                           \
                int key = keyOf(ELEMENT(four, e));                                \
                uint index = at + e;                                              \
                body                                                              \
            }                                                                     \
        }                                                                         \
    }

// One digit of the keys is counted a pass, in bins that the lanes of a group
// share: row 0 of a group's bins for its low end, row 1 for its high end.
const uint DIGIT = LANES == 1 ? 2 : 4; // bits a digit; 128 lanes fit 16 KiB either way
const uint BINS = 1u << DIGIT;
const uint BIN_ROWS = 2 * BINS;
shared uint bins[WORKGROUP / LANES * BIN_ROWS];

uint binsOfGroup() { return gl_LocalInvocationID.x / LANES * BIN_ROWS; }

// A single lane has its bins for itself, and may come here alone.
void meet() {
    if (LANES > 1) barrier();
}

void clearBins() {
    meet();
    for (uint i = gl_LocalInvocationID.x % LANES; i < BIN_ROWS; i += LANES) bins[binsOfGroup() + i] = 0u;
    meet();
}

// What is known of the wanted-th element of an end.
struct Search {
    uint prefix; // its digits found so far
    uint wanted; // its place among the elements that share them, from 1
    uint shared_; // elements that share them
};

// The next digit from the bins of an end, which count below it.
void nextDigit(inout Search search, uint row, uint shift) {
    uint at = binsOfGroup() + row * BINS, digit = 0u;
    while (digit < BINS - 1u && bins[at + digit] < search.wanted) search.wanted -= bins[at + digit++];
    search.prefix |= digit << shift;
    search.shared_ = bins[at + digit];
}

bool shares(Search search, uint key, uint shift) { // the digits above shift
    return shift + DIGIT >= 32u || (key ^ search.prefix) >> (shift + DIGIT) == 0u;
}

// As many elements of each lane as make LOW and HIGH over all lanes.
const uint DEPTH = ((LOW > HIGH ? LOW : HIGH) + LANES - 1) / LANES;

// Keys of both ends above which there is no outlier: each lane has DEPTH
// elements up to its own DEPTH-th, so the largest of those is far enough.
uvec2 bounds(uint group, uint lane, bool live) {
    if (DEPTH > 2) return uvec2(0xffffffffu);
    uvec2 first = uvec2(0xffffffffu), second = uvec2(0xffffffffu);
    FOR_ELEMENTS(key, index, {
        uvec2 k = uvec2(biased(key), reversed(key));
        second = min(second, max(first, k));
        first = min(first, k);
    })
    if (DEPTH == 2) first = second;
    return uvec2(maxOverLanes(first.x), maxOverLanes(first.y));
}

void findKeys(uint group, uint lane, bool live, inout Search low, inout Search high) {
    uint mine = binsOfGroup();
    uvec2 bound = bounds(group, lane, live);
    for (uint step = DIGIT; step <= (TYPE == F32 ? 32u : 16u); step += DIGIT) {
        uint shift = 32u - step;
        clearBins();
        FOR_ELEMENTS(key, index, {
            uint up = biased(key);
            uint down = reversed(key);
            if (LOW > 0 && up <= bound.x && shares(low, up, shift)) atomicAdd(bins[mine + ((up >> shift) & (BINS - 1u))], 1u);
            if (HIGH > 0 && down <= bound.y && shares(high, down, shift)) atomicAdd(bins[mine + BINS + ((down >> shift) & (BINS - 1u))], 1u);
        })
        meet();
        nextDigit(low, 0u, shift);
        nextDigit(high, 1u, shift);
    }
}

// The index of the wanted-th tie of an end: the elements whose key is the
// end's, for the high end without the low outliers.
uint tieIndex(uint group, uint lane, bool live, Selection s, bool high, uint value, uint wanted) {
    Search search = Search(0u, wanted, 0u);
    uint mine = binsOfGroup();
    for (uint step = DIGIT; step <= 16u; step += DIGIT) {
        uint shift = 16u - step;
        clearBins();
        FOR_ELEMENTS(key, index, {
            bool tie = (high ? reversed(key) : biased(key)) == value && !(high && isLow(s, key, index));
            if (tie && (index ^ search.prefix) >> (shift + DIGIT) == 0u) atomicAdd(bins[mine + ((index >> shift) & (BINS - 1u))], 1u);
        })
        meet();
        nextDigit(search, 0u, shift);
    }
    return search.prefix;
}

shared uint choices;

// Whether a group of the workgroup has to choose among elements of one key.
bool anyChoice(bool choice) {
    if (LANES == 1) return choice;
    barrier();
    if (gl_LocalInvocationID.x == 0u) choices = 0u;
    barrier();
    if (choice) atomicOr(choices, 1u);
    barrier();
    return choices != 0u;
}

// Range, and how many outliers are whose, once the ends are known.
void finish(uint group, uint lane, bool live, inout Selection s) {
    uint magnitude = 0u, up = 0u, down = 0u, lows = 0u, highs = 0u;
    FOR_ELEMENTS(key, index, {
        magnitude = max(magnitude, uint(abs(key)));
        bool low = isLow(s, key, index);
        bool high = isHigh(s, key, index);
        lows += low ? 1u : 0u;
        highs += high ? 1u : 0u;
        up = max(up, low || high ? 0u : biased(key));
        down = max(down, low || high ? 0u : ~biased(key));
    })
    s.finite = maxOverLanes(magnitude) < uint(KEY_INFINITE);
    s.maxKey = int(maxOverLanes(up) ^ 0x80000000u);
    s.minKey = int(~maxOverLanes(down) ^ 0x80000000u);
    s.lows = sumBeforeLane(lows);
    s.highs = sumBeforeLane(highs);
}

// Selection for any number of outliers and lanes. The high end's key is the
// same with and without the low outliers: taking those away leaves more than
// HIGH elements that are at least as large.
Selection selectByDigits(uint group, uint lane, bool live) {
    Selection s;
    Search low = Search(0u, LOW, LOW), high = Search(0u, HIGH, HIGH);
    if (OUTLIERS > 0) findKeys(group, lane, live, low, high);
    s.low = Cut(low.prefix, 0xffffu);
    s.high = Cut(high.prefix, 0xffffu);
    if (anyChoice(low.shared_ != low.wanted || high.shared_ != high.wanted)) {
        if (LOW > 0) s.low.index = tieIndex(group, lane, live, s, false, low.prefix, low.wanted);
        if (HIGH > 0) s.high.index = tieIndex(group, lane, live, s, true, high.prefix, high.wanted);
    }
    finish(group, lane, live, s);
    return s;
}

#endif
