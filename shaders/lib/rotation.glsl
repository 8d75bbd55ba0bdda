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

// Element d of four columns.
vec4 fourTurned(uint d, vec4 own, vec4 partner, float cosine, float sine) {
    vec4 out_;
    for (uint k = 0u; k < 4u; k++) out_[k] = turned(d, own[k], partner[k], cosine, sine);
    return out_;
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

#endif
