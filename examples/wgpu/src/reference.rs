//! Attention in f64 to rows that follow from their place, and how far from it what was computed
//! may be.
use crate::{DIM, KV_HEADS, LAYERS, Q, QUERY_HEADS, STEP, TOKENS};

/// A number of -1/2 to 1/2 that follows from its place: of keys (0), values (1) or queries (2).
fn element(what: usize, layer: usize, token: usize, i: usize) -> f64 {
    let x = ((((what * LAYERS + layer) * 1024 + token) * 1024 + i) as u32)
        .wrapping_mul(2654435761)
        .wrapping_add(12345);
    let x = (x ^ x >> 15).wrapping_mul(2246822519);
    let x = x ^ x >> 13;
    f64::from(x >> 8) / f64::from(1 << 24) - 0.5
}

/// Attention of a query head to the tokens up to its own.
fn attention(layer: usize, token: usize, head: usize) -> [f64; DIM] {
    let kv = head / (QUERY_HEADS / KV_HEADS) * DIM;
    let query: Vec<f64> = (0..DIM).map(|d| element(2, layer, token, head * DIM + d)).collect();
    let (mut sum, mut out) = (0.0, [0.0; DIM]);
    for t in 0..=token {
        let score: f64 = (0..DIM).map(|d| query[d] * element(0, layer, t, kv + d)).sum();
        let weight = (score / (DIM as f64).sqrt()).exp(); // of a score of -2 to 2
        sum += weight;
        (0..DIM).for_each(|d| out[d] += weight * element(1, layer, t, kv + d));
    }
    out.map(|x| x / sum)
}

/// The larger of two numbers; NaN is the largest.
pub fn larger(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// The largest distance of what a step attended, f32 [LAYERS][STEP][Q], from attention.
pub fn farthest(out: &[u8], first: usize, tokens: usize) -> f64 {
    let mut most = 0.0;
    for (layer, t, head) in (0..LAYERS * tokens * QUERY_HEADS)
        .map(|i| (i / QUERY_HEADS / tokens, i / QUERY_HEADS % tokens, i % QUERY_HEADS))
    {
        let at = ((layer * STEP + t) * Q + head * DIM) * 4;
        for (got, want) in out[at..].chunks(4).zip(attention(layer, first + t, head)) {
            most =
                larger(most, (f64::from(f32::from_le_bytes(got.try_into().unwrap())) - want).abs());
        }
    }
    most
}

/// What attention may be away where stored elements are at most `code` away from rows of at most
/// 1/2. Scores are off by that and by the rounding of DIM products and sums, probabilities by
/// twice the score's error, by that of the exponential and by their sum's rounding, the output by
/// that, by `code` and by its own rounding. A token that is missing moves it by a thousandth.
pub fn bound(code: f64) -> f64 {
    let (u, d, t) = (f64::from(f32::EPSILON) / 2.0, DIM as f64, TOKENS as f64);
    let score = (code / 2.0 + (d + 4.0) * u / 4.0) * d.sqrt();
    ((2.0 * score).exp_m1() + (t + 16.0) * u) / 2.0 + code + t * u / 2.0
}
