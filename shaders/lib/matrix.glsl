// Matrices of tables: signed bytes, four to a word (doc_calibrated.go). Needs the buffer
// tables.
#ifndef QAQVK_MATRIX
#define QAQVK_MATRIX

// The elements in a word.
vec4 fourElements(uint w) {
    return vec4(float(int(w << 24) >> 24), float(int(w << 16) >> 24), float(int(w << 8) >> 24), float(int(w) >> 24));
}

// Two words of four, from an even word on.
uvec2 twoOf(uvec4 four, uint word) { return word % 4u == 0u ? four.xy : four.zw; }

// Eight channels of element d of a head's inverse, from channel c on.
uvec2 eightOf(uint head, uint d, uint c) {
    uint word = INVERSE_AT + ((head * HEAD_DIM + d) * HEAD_DIM + c) / 4u;
    return twoOf(tables[word / 4u], word);
}

#endif
