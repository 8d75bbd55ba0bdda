// Selection of up to 16 outliers an end by one lane: the ends are kept sorted
// while the group is loaded. Fills `held`.
#ifndef QAQVK_SELECT_FEW
#define QAQVK_SELECT_FEW

const uint FEW_LOW = FEW ? LOW + 1 : 1; // the next one ends the range
const uint FEW_HIGH = FEW ? HIGH + 1 : 1;
const uint LAST_LOW = FEW && LOW > 0 ? LOW - 1 : 0;
const uint LAST_HIGH = FEW && HIGH > 0 ? HIGH - 1 : 0;

// Keys with indices in words of their own (f32), or with indices in the low half,
// where they break ties: ascending for the low end, descending (0xffff - index)
// for the high end.
struct FewOutliers {
    int low[FEW_LOW];
    int high[FEW_HIGH];
    uint lowAt[FEW_LOW];
    uint highAt[FEW_HIGH];
};

void keepLowPacked(inout FewOutliers few, int v) {
    for (uint j = 0u; j < FEW_LOW; j++) {
        int kept = min(few.low[j], v);
        v = max(few.low[j], v);
        few.low[j] = kept;
    }
}

void keepHighPacked(inout FewOutliers few, int v) {
    for (uint j = 0u; j < FEW_HIGH; j++) {
        int kept = max(few.high[j], v);
        v = min(few.high[j], v);
        few.high[j] = kept;
    }
}

// Elements come in ascending order of index: a strict comparison keeps the
// lower index before its equals. What the element displaces moves on by one
// place without comparing, so that it stays before its own equals.
void keepLowPair(inout FewOutliers few, int v, uint at) {
    bool first = false;
    for (uint j = 0u; j < FEW_LOW; j++) {
        first = first || v < few.low[j];
        int otherKey = few.low[j];
        uint otherAt = few.lowAt[j];
        few.low[j] = first ? v : otherKey;
        few.lowAt[j] = first ? at : otherAt;
        v = first ? otherKey : v;
        at = first ? otherAt : at;
    }
}

void keepHighPair(inout FewOutliers few, int v, uint at) {
    bool first = false;
    for (uint j = 0u; j < FEW_HIGH; j++) {
        first = first || v > few.high[j];
        int otherKey = few.high[j];
        uint otherAt = few.highAt[j];
        few.high[j] = first ? v : otherKey;
        few.highAt[j] = first ? at : otherAt;
        v = first ? otherKey : v;
        at = first ? otherAt : at;
    }
}

void keepHigh(inout FewOutliers few, int key, uint index) {
    if (TYPE == F32) keepHighPair(few, key, index);
    else keepHighPacked(few, key | int(index ^ 0xffffu));
}

void keep(inout FewOutliers few, uint pattern, uint index) {
    int key = keyOf(pattern);
    if (TYPE == F32) keepLowPair(few, key, index);
    else keepLowPacked(few, key | int(index));
    keepHigh(few, key, index);
}

void keepBlock(uint group, uint lane, bool live, uint u, inout FewOutliers few) {
    Block block = blockOf(lane, u, live);
    if (!PAIRS) { // too many steps an element for unrolled code
        for (uint e = 0u; e < block.elements; e++) keep(few, patternAt(group, block.first + e), block.first + e);
        return;
    }
    uint words[BLOCK_WORDS];
    loadAndHold(group, block, u, words);
    for (uint e = 0u; e < 32u; e++) {
        if (e < block.elements) keep(few, ELEMENT(words, e), block.first + e);
    }
}

int fewKey(int entry) { return TYPE == F32 ? entry : entry & int(0xffff0000u); }

// Where elements of one value are the last of both ends, all between them have it
// too: the low end has those of the lowest indices, the high end the next.
void settleTie(uint group, inout FewOutliers few) {
    int key = fewKey(few.high[LAST_HIGH]);
    bool tie = fewKey(few.low[LAST_LOW]) == key;
    uint lows = 0u;
    for (uint j = 0u; j < LOW; j++) lows += fewKey(few.low[j]) == key ? 1u : 0u;
    for (uint j = 0u; j < FEW_HIGH; j++)
        if (tie && fewKey(few.high[j]) == key) few.high[j] = int(0x80000000u);
    for (uint e = 0u; e < (tie ? GROUP : 0u); e++) {
        bool same = keyOf(patternAt(group, e)) == key;
        if (same && lows == 0u) keepHigh(few, key, e);
        lows -= same && lows > 0u ? 1u : 0u;
    }
}

// Selection by one lane. (`held` is filled too.)
void selectFew(uint group, uint lane, bool live, out Selection s, out FewOutliers few) {
    for (uint j = 0u; j < FEW_LOW; j++) { few.low[j] = 0x7fffffff; few.lowAt[j] = 0u; }
    for (uint j = 0u; j < FEW_HIGH; j++) { few.high[j] = int(0x80000000u); few.highAt[j] = 0u; }
#define KEEP(u) keepBlock(group, lane, live, u, few);
    EACH_BLOCK(KEEP)
    s.finite = fewKey(few.high[0]) < KEY_INFINITE && fewKey(few.low[0]) > -KEY_INFINITE;
    if (LOW > 0 && HIGH > 0) settleTie(group, few);
    s.low = Cut(0u, 0u);
    s.high = Cut(0u, 0u);
    s.lows = 0u;
    s.highs = 0u;
    s.minKey = fewKey(few.low[FEW_LOW - 1]);
    s.maxKey = fewKey(few.high[FEW_HIGH - 1]);
}

uint lowIndex(FewOutliers few, uint j) { return TYPE == F32 ? few.lowAt[j] : uint(few.low[j]) & 0xffffu; }
uint highIndex(FewOutliers few, uint j) { return TYPE == F32 ? few.highAt[j] : ~uint(few.high[j]) & 0xffffu; }

// Writes the outliers of both ends, each in ascending order of index.
void writeFew(uint slot, FewOutliers few) {
    for (uint j = 0u; j + 1u < FEW_LOW; j++) {
        uint rank = 0u;
        for (uint i = 0u; i + 1u < FEW_LOW; i++) rank += lowIndex(few, i) < lowIndex(few, j) ? 1u : 0u;
        writeOutlier(slot, rank, lowIndex(few, j), patternOf(fewKey(few.low[j])));
    }
    for (uint j = 0u; j + 1u < FEW_HIGH; j++) {
        uint rank = LOW;
        for (uint i = 0u; i + 1u < FEW_HIGH; i++) rank += highIndex(few, i) < highIndex(few, j) ? 1u : 0u;
        writeOutlier(slot, rank, highIndex(few, j), patternOf(fewKey(few.high[j])));
    }
}

#endif
