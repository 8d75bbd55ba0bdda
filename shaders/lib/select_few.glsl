// Selection of one or two outliers an end by one lane: the ends are kept sorted
// while the group is loaded. Fills `held`.
#ifndef QAQVK_SELECT_FEW
#define QAQVK_SELECT_FEW

const uint FEW_LOW = FEW ? LOW + 1 : 1; // the next one ends the range
const uint FEW_HIGH = FEW ? HIGH + 1 : 1;
const uint LAST_LOW = FEW && LOW > 0 ? LOW - 1 : 0;
const uint LAST_HIGH = FEW && HIGH > 0 ? HIGH - 1 : 0;

// Keys with indices beside them (f32), or with indices in the low half, where
// they break ties: ascending for the low end, descending (0xffff - index) for
// the high end.
struct FewOutliers {
    int low[FEW_LOW];
    int high[FEW_HIGH];
    uint lowAt[FEW_LOW];
    uint highAt[FEW_HIGH];
};

void keepPacked(inout FewOutliers few, int entry) {
    int v = entry;
    [[unroll]] for (uint j = 0u; j < FEW_LOW; j++) {
        int kept = min(few.low[j], v);
        v = max(few.low[j], v);
        few.low[j] = kept;
    }
    v = entry ^ 0xffff;
    [[unroll]] for (uint j = 0u; j < FEW_HIGH; j++) {
        int kept = max(few.high[j], v);
        v = min(few.high[j], v);
        few.high[j] = kept;
    }
}

// Elements come in ascending order of index: a strict comparison keeps the
// lower index before its equals. What the element displaces moves on by one
// place without comparing, so that it stays before its own equals.
void keepPair(inout FewOutliers few, int key, uint index) {
    int v = key;
    uint at = index;
    bool first = false;
    [[unroll]] for (uint j = 0u; j < FEW_LOW; j++) {
        first = first || v < few.low[j];
        int otherKey = few.low[j];
        uint otherAt = few.lowAt[j];
        few.low[j] = first ? v : otherKey;
        few.lowAt[j] = first ? at : otherAt;
        v = first ? otherKey : v;
        at = first ? otherAt : at;
    }
    v = key;
    at = index;
    first = false;
    [[unroll]] for (uint j = 0u; j < FEW_HIGH; j++) {
        first = first || v > few.high[j];
        int otherKey = few.high[j];
        uint otherAt = few.highAt[j];
        few.high[j] = first ? v : otherKey;
        few.highAt[j] = first ? at : otherAt;
        v = first ? otherKey : v;
        at = first ? otherAt : at;
    }
}

void keepUnit(uint group, uint lane, bool live, uint u, inout FewOutliers few) {
    Unit unit = unitOf(lane, u, live);
    uint words[CHUNK_WORDS];
    loadAndHold(group, unit, u, words);
    [[unroll]] for (uint e = 0u; e < 32u; e++) {
        if (e < unit.elements) {
            int key = keyOf(ELEMENT(words, e));
            if (TYPE == F32) keepPair(few, key, unit.first + e);
            else keepPacked(few, key | int(unit.first + e));
        }
    }
}

int fewKey(int entry) { return TYPE == F32 ? entry : entry & int(0xffff0000u); }

// False where elements of one value reach both ends: the tie rule then needs
// selectByHalving. (`held` is filled all the same.)
bool selectFew(uint group, uint lane, bool live, out Selection s, out FewOutliers few) {
    [[unroll]] for (uint j = 0u; j < FEW_LOW; j++) { few.low[j] = 0x7fffffff; few.lowAt[j] = 0u; }
    [[unroll]] for (uint j = 0u; j < FEW_HIGH; j++) { few.high[j] = int(0x80000000u); few.highAt[j] = 0u; }
    FOR_UNITS(u, keepUnit(group, lane, live, u, few))
    s.low = Cut(0u, 0u);
    s.high = Cut(0u, 0u);
    s.minKey = fewKey(few.low[FEW_LOW - 1]);
    s.maxKey = fewKey(few.high[FEW_HIGH - 1]);
    s.finite = fewKey(few.high[0]) < KEY_INFINITE && fewKey(few.low[0]) > -KEY_INFINITE;
    return !(LOW > 0 && HIGH > 0) || fewKey(few.low[LAST_LOW]) < fewKey(few.high[LAST_HIGH]);
}

// Writes the outliers of one end, n of them, in ascending order of index.
void writeEnd(uint slot, uint first, uint n, uint at[2], uint pattern[2]) {
    bool swap = n == 2u && at[1] < at[0];
    for (uint j = 0u; j < n; j++) {
        bool second = (j == 1u) != swap;
        writeOutlier(slot, first + j, second ? at[1] : at[0], second ? pattern[1] : pattern[0]);
    }
}

void writeFew(uint slot, FewOutliers few) {
    const uint lows[2] = uint[2](0, LAST_LOW), highs[2] = uint[2](0, LAST_HIGH);
    uint at[2], pattern[2];
    [[unroll]] for (uint j = 0u; j < 2u; j++) {
        int entry = few.low[lows[j]];
        at[j] = TYPE == F32 ? few.lowAt[lows[j]] : uint(entry) & 0xffffu;
        pattern[j] = patternOf(fewKey(entry));
    }
    writeEnd(slot, 0u, LOW, at, pattern);
    [[unroll]] for (uint j = 0u; j < 2u; j++) {
        int entry = few.high[highs[j]];
        at[j] = TYPE == F32 ? few.highAt[highs[j]] : ~uint(entry) & 0xffffu;
        pattern[j] = patternOf(fewKey(entry));
    }
    writeEnd(slot, LOW, HIGH, at, pattern);
}

#endif
