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

#define FOR_ELEMENTS(key, index, body)                                            \
    for (uint u = 0u; u < UNITS; u++) {                                           \
        Unit unit = unitOf(lane, u, live);                                        \
        for (uint index = unit.first; index < unit.first + unit.elements; index++) { \
            int key = keyOf(patternAt(group, index));                             \
            body                                                                  \
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
};

// The next digit from the bins of an end, which count below it.
void nextDigit(inout Search search, uint row, uint shift) {
    uint at = binsOfGroup() + row * BINS, digit = 0u;
    while (digit < BINS - 1u && bins[at + digit] < search.wanted) search.wanted -= bins[at + digit++];
    search.prefix |= digit << shift;
}

bool shares(Search search, uint key, uint shift) { // the digits above shift
    return shift + DIGIT >= 32u || (key ^ search.prefix) >> (shift + DIGIT) == 0u;
}

void findKeys(uint group, uint lane, bool live, inout Search low, inout Search high) {
    uint at = binsOfGroup();
    for (uint step = DIGIT; step <= (TYPE == F32 ? 32u : 16u); step += DIGIT) {
        uint shift = 32u - step;
        clearBins();
        FOR_ELEMENTS(key, index, {
            uint up = biased(key);
            uint down = reversed(key);
            if (LOW > 0 && shares(low, up, shift)) atomicAdd(bins[at + ((up >> shift) & (BINS - 1u))], 1u);
            if (HIGH > 0 && shares(high, down, shift)) atomicAdd(bins[at + BINS + ((down >> shift) & (BINS - 1u))], 1u);
        })
        meet();
        nextDigit(low, 0u, shift);
        nextDigit(high, 1u, shift);
    }
}

// The index of the wanted-th tie of an end: the elements whose key is the
// end's, for the high end without the low outliers.
uint tieIndex(uint group, uint lane, bool live, Selection s, bool high, uint value, uint wanted) {
    Search search = Search(0u, wanted);
    uint at = binsOfGroup();
    for (uint step = DIGIT; step <= 16u; step += DIGIT) {
        uint shift = 16u - step;
        clearBins();
        FOR_ELEMENTS(key, index, {
            bool tie = (high ? reversed(key) : biased(key)) == value && !(high && isLow(s, key, index));
            if (tie && (index ^ search.prefix) >> (shift + DIGIT) == 0u) atomicAdd(bins[at + ((index >> shift) & (BINS - 1u))], 1u);
        })
        meet();
        nextDigit(search, 0u, shift);
    }
    return search.prefix;
}

// Selection for any number of outliers and lanes. The high end's key is the
// same with and without the low outliers: taking those away leaves more than
// HIGH elements that are at least as large.
Selection selectByDigits(uint group, uint lane, bool live) {
    Selection s;
    Search low = Search(0u, LOW), high = Search(0u, HIGH);
    if (OUTLIERS > 0) findKeys(group, lane, live, low, high);
    s.low.key = low.prefix;
    s.high.key = high.prefix;
    s.low.index = LOW > 0 ? tieIndex(group, lane, live, s, false, low.prefix, low.wanted) : 0u;
    s.high.index = HIGH > 0 ? tieIndex(group, lane, live, s, true, high.prefix, high.wanted) : 0u;
    uint magnitude = 0u, up = 0u, down = 0u;
    FOR_ELEMENTS(key, index, {
        magnitude = max(magnitude, uint(abs(key)));
        if (!isLow(s, key, index) && !isHigh(s, key, index)) {
            up = max(up, biased(key));
            down = max(down, ~biased(key));
        }
    })
    s.finite = maxOverLanes(magnitude) < uint(KEY_INFINITE);
    s.maxKey = int(maxOverLanes(up) ^ 0x80000000u);
    s.minKey = int(~maxOverLanes(down) ^ 0x80000000u);
    return s;
}

#endif
