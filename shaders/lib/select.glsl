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

// Sum over the lanes of a group.
uint sumOverLanes(uint v) {
    if (LANES == 1) return v;
    uint t = gl_LocalInvocationID.x, lane = t % LANES;
    barrier();
    tally[t] = v;
    barrier();
    for (uint s = LANES / 2u; s > 0u; s /= 2u) {
        if (lane < s) tally[t] += tally[t + s];
        barrier();
    }
    return tally[t - lane];
}

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

// Candidates of one end: all elements for the low end; for the high end those
// that are no low outliers, by descending key.
uint countBelow(uint group, uint lane, bool live, Selection s, bool high, uint bound) {
    uint count = 0u;
    FOR_ELEMENTS(key, index, {
        uint k = high ? reversed(key) : biased(key);
        if (k < bound && !(high && isLow(s, key, index))) count++;
    })
    return sumOverLanes(count);
}

uint countTies(uint group, uint lane, bool live, Selection s, bool high, uint value, uint bound) {
    uint count = 0u;
    FOR_ELEMENTS(key, index, {
        uint k = high ? reversed(key) : biased(key);
        if (k == value && index < bound && !(high && isLow(s, key, index))) count++;
    })
    return sumOverLanes(count);
}

// The wanted-th element of an end, by halving first the keys, then the indices
// of equal keys.
Cut cutOf(uint group, uint lane, bool live, Selection s, bool high, uint wanted) {
    Cut cut = Cut(0u, 0u);
    for (uint bit = 0x80000000u; bit >= KEY_STEP && bit > 0u; bit >>= 1)
        if (countBelow(group, lane, live, s, high, cut.key | bit) < wanted) cut.key |= bit;
    uint ties = wanted - countBelow(group, lane, live, s, high, cut.key);
    for (uint bit = 0x2000u; bit > 0u; bit >>= 1)
        if (countTies(group, lane, live, s, high, cut.key, cut.index | bit) < ties) cut.index |= bit;
    return cut;
}

// Selection for any number of outliers and lanes.
Selection selectByHalving(uint group, uint lane, bool live) {
    Selection s;
    s.low = Cut(0u, 0u);
    s.high = Cut(0u, 0u);
    uint magnitude = 0u;
    FOR_ELEMENTS(key, index, { magnitude = max(magnitude, uint(abs(key))); })
    s.finite = maxOverLanes(magnitude) < uint(KEY_INFINITE);
    if (LOW > 0) s.low = cutOf(group, lane, live, s, false, LOW);
    if (HIGH > 0) s.high = cutOf(group, lane, live, s, true, HIGH);
    uint up = 0u, down = 0u;
    FOR_ELEMENTS(key, index, {
        if (!isLow(s, key, index) && !isHigh(s, key, index)) {
            up = max(up, biased(key));
            down = max(down, ~biased(key));
        }
    })
    s.maxKey = int(maxOverLanes(up) ^ 0x80000000u);
    s.minKey = int(~maxOverLanes(down) ^ 0x80000000u);
    return s;
}

#endif
