// Sums of rows of V by a workgroup, which brings the block of a row of some tokens at a
// time to shared memory, an invocation a row, and adds them up there, an invocation a few
// pairs of an element and a query vector. So a split of 256 tokens, which are added in
// order, is four rounds that wait for memory, not 256.
#ifndef QAQVK_SUM
#define QAQVK_SUM

const uint TOGETHER = 64; // tokens of a round
const uint PITCH = 33;    // words from row to row: invocations of neighbouring rows write different banks
const uint EACH = (32 * QUERIES + WORKGROUP - 1) / WORKGROUP; // sums of an invocation

shared float stagedRows[STAGED != 0 ? TOGETHER * PITCH : 1];
shared float stagedShares[STAGED != 0 ? TOGETHER * QUERIES : 1]; // probabilities: [token][QUERIES]

// Element and vector of an invocation's sum number k. Behind the last vector there are
// sums that nobody keeps.
uint elementOf(uint k) { return (gl_LocalInvocationID.x + k * WORKGROUP) % 32u; }
uint vectorOf(uint k) { return (gl_LocalInvocationID.x + k * WORKGROUP) / 32u; }

void stageRow(uint i, float x[32]) {
    for (uint e = 0u; e < 32u; e++) stagedRows[i * PITCH + e] = x[e];
}

// The probability of row i for an invocation's sum number k.
float shareOf(uint i, uint k) { return stagedShares[i * QUERIES + min(vectorOf(k), QUERIES - 1u)]; }

// Adds row i, weighted, to the sums of an invocation.
void addStaged(inout float sums[EACH], uint i) {
    for (uint k = 0u; k < EACH; k++) {
        precise float product = shareOf(i, k) * stagedRows[i * PITCH + elementOf(k)];
        precise float sum = sums[k] + product;
        sums[k] = sum;
    }
}

#endif
