// Matrices of tables: signed bytes, four to a word (doc_calibrated.go).
#ifndef QAQVK_MATRIX
#define QAQVK_MATRIX

// The elements in a word.
vec4 fourElements(uint w) {
    return vec4(float(int(w << 24) >> 24), float(int(w << 16) >> 24), float(int(w << 8) >> 24), float(int(w) >> 24));
}

// Element j of eight.
float elementOf(uvec2 eight, uint j) { return fourElements(j < 4u ? eight.x : eight.y)[j % 4u]; }

// Two words of four, from an even word on.
uvec2 twoOf(uvec4 four, uint word) { return word % 4u == 0u ? four.xy : four.zw; }

#endif
