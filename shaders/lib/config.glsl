// Constants of a cache, given when a pipeline is built. doc.go explains them.
#ifndef QAQVK_CONFIG
#define QAQVK_CONFIG
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WORKGROUP = 128; // invocations a workgroup
layout(constant_id = 1) const uint LANES = 1;       // invocations that share a group (encode) or a row (convert)
layout(constant_id = 2) const uint TYPE = 1;        // input type: 0 f32, 1 f16, 2 bf16
layout(constant_id = 3) const uint OUT_TYPE = 1;    // output type of decode, convert and combine
layout(constant_id = 4) const uint HEAD_DIM = 128;  // D
layout(constant_id = 5) const uint ROWS = 1;        // rows a group
layout(constant_id = 6) const uint LOW = 0;         // outliers at the low end of a group
layout(constant_id = 7) const uint HIGH = 0;        // outliers at the high end
layout(constant_id = 8) const uint QUERIES = 4;     // query vectors a tile: 1, 2, or a multiple of 4 to 16
layout(constant_id = 9) const uint RING = 0;        // 1: score and weighted_sum read the recent window, 0: pages
layout(constant_id = 10) const uint STAGED = 0;     // 1: a workgroup shares the queries of score, of so many tiles, or rows of V, what arranges and combines gives an invocation least; encode holds a short row

// A statement for p = 0..7. No loop: a long one stays a loop, and arrays that it indexes
// then lie in memory, where each access costs as a load.
#define EIGHT(statement)                                                         \
    statement(0u) statement(1u) statement(2u) statement(3u)                      \
    statement(4u) statement(5u) statement(6u) statement(7u)

#endif
