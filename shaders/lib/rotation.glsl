// What turns with the position: the mean of a row to the middle of its page, rows of
// matrices to their stretch (doc_calibrated.go). Needs the push constants Rotary and
// Interleaved.
#ifndef QAQVK_ROTATION
#define QAQVK_ROTATION

// Element d of a row: the element, its partner's, cosine and sine of their pair.
float turned(uint d, float own, float partner, float cosine, float sine) {
    bool first = Interleaved != 0u ? d % 2u == 0u : d < Rotary / 2u;
    precise float straight = own * cosine;
    precise float across = partner * sine;
    precise float less = straight - across;
    precise float more = straight + across;
    return cut(d < Rotary ? (first ? less : more) : own, 1099511627776.0); // 2^40
}

// Partner of element d, itself where it does not turn.
uint partnerOf(uint d) {
    uint half_ = Rotary / 2u, other = Interleaved != 0u ? d ^ 1u : d < half_ ? d + half_ : d - half_;
    return d < Rotary ? other : d;
}

// Number of the pair of element d, 0 where it does not turn.
uint pairOfElement(uint d) {
    uint half_ = Rotary / 2u, pair = Interleaved != 0u ? d / 2u : d < half_ ? d : d - half_;
    return d < Rotary ? pair : 0u;
}

// Defines name(rotation, head, d): element d of a head's mean, turned by the cosines and
// sines from word rotation of the plan on. Needs the buffer plan and TABLE(i).
#define PAGE_MEAN(name)                                                                              \
    float name(uint rotation, uint head, uint d) {                                                   \
        uint mean = MEAN_AT + head * HEAD_DIM, pair = pairOfElement(d);                              \
        float cosine = uintBitsToFloat(Rotary > 0u ? plan[rotation + pair] : 0u);                    \
        float sine = uintBitsToFloat(Rotary > 0u ? plan[rotation + Rotary / 2u + pair] : 0u);        \
        return turned(d, uintBitsToFloat(TABLE(mean + d)), uintBitsToFloat(TABLE(mean + partnerOf(d))), cosine, sine); \
    }

// Defines name(rotation), which turns COLUMNS rows in shared memory, ELEMENT(d, k) being
// element d of row k, by the cosines and sines from ROTATION(rotation) on. All
// invocations of a workgroup call it, when the rows are there.
#define TURN_STAGED(name, ELEMENT, COLUMNS, ROTATION)                                                             \
    void name(uint rotation) {                                                                                    \
        for (uint i = gl_LocalInvocationID.x; i < Rotary / 2u * COLUMNS; i += WORKGROUP) {                        \
            uint pair = i / COLUMNS, k = i % COLUMNS, a = Interleaved != 0u ? 2u * pair : pair, b = partnerOf(a); \
            float cosine = uintBitsToFloat(ROTATION(rotation + pair));                                            \
            float sine = uintBitsToFloat(ROTATION(rotation + Rotary / 2u + pair));                                \
            float first = ELEMENT(a, k), second = ELEMENT(b, k);                                                  \
            ELEMENT(a, k) = turned(a, first, second, cosine, sine);                                               \
            ELEMENT(b, k) = turned(b, second, first, cosine, sine);                                               \
        }                                                                                                         \
        barrier();                                                                                                \
    }

#endif
