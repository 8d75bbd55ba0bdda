// The rows of a step: keys, values and queries of -1/2 to 1/2 that follow from their place,
// the same numbers as `element` of main.rs computes. One invocation an element of a query.
const layers = 2u;
const most = 32u; // tokens of a step
const kv_width = 128u;
const q_width = 256u;

struct Step { first: u32 } // its first token

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read_write> k: array<f32>; // [layers][most][kv_width]
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> q: array<f32>; // [layers][most][q_width]

fn element(what: u32, layer: u32, token: u32, i: u32) -> f32 {
    var x = (((what * layers + layer) * 1024u + token) * 1024u + i) * 2654435761u + 12345u;
    x = (x ^ (x >> 15u)) * 2246822519u;
    x = x ^ (x >> 13u);
    return f32(x >> 8u) * 0x1p-24f - 0.5; // exact
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
    let token = step.first + at.y;
    let row = at.z * most + at.y;
    q[row * q_width + at.x] = element(2u, at.z, token, at.x);
    if at.x < kv_width {
        k[row * kv_width + at.x] = element(0u, at.z, token, at.x);
        v[row * kv_width + at.x] = element(1u, at.z, token, at.x);
    }
}
