// What the test programs have in common: checks, numbers, and attention in doubles. C99 and
// C++.
#ifndef CHECK_H
#define CHECK_H
#include <dlfcn.h>
#include <math.h>
#include <qaqvk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) {                                                           \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);             \
      exit(1);                                                                    \
    }                                                                             \
  } while (0)

// GIVES checks what a call returns.
#define GIVES(want, call)                                                         \
  do {                                                                            \
    int32_t got_ = (call);                                                        \
    if (got_ != (want)) {                                                         \
      fprintf(stderr, "%s:%d: %s: %d %s: %s\n", __FILE__, __LINE__, #call, got_,  \
              qaqvk_error_name(got_), qaqvk_last_message());                      \
      exit(1);                                                                    \
    }                                                                             \
  } while (0)
#define OK(call) GIVES(QAQVK_OK, call)

// pin keeps a library loaded, the driver, so that a checker of leaks knows whose they are.
static inline void pin(void) {
  const char *library = getenv("QAQVK_TEST_PIN");
  if (library) CHECK(dlopen(library, RTLD_NOW | RTLD_NODELETE) != NULL);
}

enum { LAYERS = 2, KV_HEADS = 2, QUERY_HEADS = 4, DIM = 32, CAPACITY = 128 };
enum { KV = KV_HEADS * DIM, Q = QUERY_HEADS * DIM };

// noise is a number of -1..1 that follows from its place.
static inline float noise(uint32_t i) {
  uint32_t x = i * 2654435761u + 12345u;
  x ^= x >> 15;
  x *= 2246822519u;
  x ^= x >> 13;
  return (float)((int32_t)(x >> 8) - (1 << 23)) / (float)(1 << 23);
}

// element is one of a row of keys (0), values (1) or queries (2).
static inline float element(int what, int layer, int token, int i) {
  return noise((uint32_t)(((what * LAYERS + layer) * 1024 + token) * 1024 + i));
}

static inline void fill(float *out, int what, int layer, int token, int tokens, int width) {
  for (int t = 0; t < tokens; t++)
    for (int i = 0; i < width; i++) out[t * width + i] = element(what, layer, token + t, i);
}

// attention is an element of the output of a query, over the tokens up to its own.
static inline double attention(int layer, int token, int head, int i) {
  int kv = head / (QUERY_HEADS / KV_HEADS);
  double sum = 0, out = 0, most = -1e300;
  double scores[CAPACITY];
  for (int t = 0; t <= token; t++) {
    scores[t] = 0;
    for (int d = 0; d < DIM; d++)
      scores[t] += (double)element(2, layer, token, head * DIM + d) * (double)element(0, layer, t, kv * DIM + d);
    scores[t] /= sqrt((double)DIM);
    most = fmax(most, scores[t]);
  }
  for (int t = 0; t <= token; t++) {
    double p = exp(scores[t] - most);
    sum += p;
    out += p * (double)element(1, layer, t, kv * DIM + i);
  }
  return out / sum;
}

// farthest is the largest distance of an output of queries from attention.
static inline double farthest(const float *out, int layer, int token, int queries) {
  double most = 0;
  for (int t = 0; t < queries; t++)
    for (int head = 0; head < QUERY_HEADS; head++)
      for (int i = 0; i < DIM; i++)
        most = fmax(most, fabs((double)out[t * Q + head * DIM + i] - attention(layer, token + t, head, i)));
  return most;
}

static inline qaqvk_rows host_rows(float *at, int elements) {
  qaqvk_rows r;
  memset(&r, 0, sizeof r);
  r.struct_size = sizeof r;
  r.type = QAQVK_F32;
  r.host = at;
  r.size = (uint64_t)elements * sizeof *at;
  return r;
}

static inline void shape(qaqvk_cache_config *c) {
  qaqvk_cache_config_init(c);
  c->layers = LAYERS;
  c->kv_heads = KV_HEADS;
  c->query_heads = QUERY_HEADS;
  c->head_dim = DIM;
  c->capacity = CAPACITY;
  c->type = QAQVK_F32;
}

// close_all closes a cache and its device, of which nothing is left.
static inline void close_all(qaqvk_cache cache, qaqvk_device device) {
  qaqvk_device_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  GIVES(QAQVK_ERROR_IN_USE, qaqvk_device_close(device));
  OK(qaqvk_cache_close(cache));
  OK(qaqvk_device_get_info(device, &info));
  CHECK(info.live_bytes == 0 && info.committed_bytes == 0 && info.peak_bytes > 0);
  OK(qaqvk_device_close(device));
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_device_close(device));
}
#endif
