// The mean of K or V in a page whose rotation is in the plan (doc_calibrated.go). Needs
// the buffer plan, TABLE(i) and the push constants Rotary and Interleaved.
#ifndef QAQVK_MEAN
#define QAQVK_MEAN
#include "rotation.glsl"

// Element d, turned by the cosines and sines from word rotation of the plan on.
float pageMean(uint rotation, uint head, uint d) {
    uint mean = MEAN_AT + head * HEAD_DIM, pair = pairOfElement(d);
    float cosine = uintBitsToFloat(Rotary > 0u ? plan[rotation + pair] : 0u);
    float sine = uintBitsToFloat(Rotary > 0u ? plan[rotation + Rotary / 2u + pair] : 0u);
    return turned(d, uintBitsToFloat(TABLE(mean + d)), uintBitsToFloat(TABLE(mean + partnerOf(d))), cosine, sine);
}

#endif
