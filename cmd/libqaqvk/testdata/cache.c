// A text in a cache: appended, attended to, read, forked, rolled back and quantized, with
// results compared to attention in doubles. cache DEVICE
#include "check.h"

// decode appends and attends to tokens from..to-1 in steps of 1 and 5 and returns how far
// the farthest output is from attention in doubles.
static double decode(qaqvk_sequence text, int from, int to) {
  static float k[16 * KV], v[16 * KV], q[16 * Q], out[16 * Q];
  double most = 0;
  for (int token = from, step = 1; token < to; token += step, step = 6 - step) {
    if (step > to - token) step = to - token;
    for (int layer = 0; layer < LAYERS; layer++) {
      fill(k, 0, layer, token, step, KV);
      fill(v, 1, layer, token, step, KV);
      fill(q, 2, layer, token, step, Q);
      qaqvk_rows kr = host_rows(k, step * KV), vr = host_rows(v, step * KV);
      qaqvk_rows qr = host_rows(q, step * Q), to_out = host_rows(out, step * Q);
      OK(qaqvk_append(text, (uint32_t)layer, &kr, &vr));
      OK(qaqvk_attend(text, (uint32_t)layer, &qr, &to_out, NULL));
      most = fmax(most, farthest(out, layer, token, step));
    }
    OK(qaqvk_step(text));
  }
  return most;
}

static void reads_back(qaqvk_sequence text, uint32_t tokens) {
  static float k[CAPACITY * KV], v[CAPACITY * KV], want[CAPACITY * KV];
  qaqvk_rows kr = host_rows(k, CAPACITY * KV), vr = host_rows(v, CAPACITY * KV);
  for (int layer = 0; layer < LAYERS; layer++) {
    uint32_t got = 0;
    OK(qaqvk_read(text, (uint32_t)layer, &kr, &vr, &got));
    CHECK(got == tokens);
    fill(want, 0, layer, 0, (int)tokens, KV);
    CHECK(memcmp(k, want, tokens * KV * sizeof *k) == 0);
    fill(want, 1, layer, 0, (int)tokens, KV);
    CHECK(memcmp(v, want, tokens * KV * sizeof *v) == 0);
  }
}

// exact: rows that stay as they came.
static void exact(qaqvk_device device) {
  qaqvk_cache_config config;
  qaqvk_cache cache;
  qaqvk_sequence text, fork, third;
  uint32_t tokens = 0;
  shape(&config);
  config.sequences = 2;
  config.host_budget = 1 << 20;
  OK(qaqvk_cache_create(device, &config, &cache));
  OK(qaqvk_sequence_create(cache, &text));
  CHECK(decode(text, 0, 60) < 2e-6);
  reads_back(text, 60);
  OK(qaqvk_sequence_fork(text, &fork));
  GIVES(QAQVK_ERROR_SEQUENCES, qaqvk_sequence_create(cache, &third));
  CHECK(third == 0);
  OK(qaqvk_rollback(fork, 50));
  OK(qaqvk_tokens(fork, &tokens));
  CHECK(tokens == 10);
  CHECK(decode(fork, 10, 75) < 2e-6);
  OK(qaqvk_sequence_drop(fork));
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_step(fork));
  CHECK(decode(text, 60, 65) < 2e-6);
  reads_back(text, 65);
  OK(qaqvk_cache_close(cache));
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_step(text));
}

// half: rows of 16 bits, f16 and bf16, that hold the same small numbers exactly.
static void half(qaqvk_device device) {
  qaqvk_cache_config config;
  qaqvk_cache cache;
  qaqvk_sequence text;
  uint16_t rows[2][KV];
  float k[2 * KV], v[2 * KV];
  for (int i = 0; i < KV; i++) { // 1, 1.5, -1, -1.5
    rows[0][i] = (uint16_t)((i & 2 ? 0xbc00 : 0x3c00) | (i & 1 ? 0x200 : 0));
    rows[1][i] = (uint16_t)((i & 2 ? 0xbf80 : 0x3f80) | (i & 1 ? 0x40 : 0));
  }
  shape(&config);
  config.layers = 1;
  OK(qaqvk_cache_create(device, &config, &cache));
  OK(qaqvk_sequence_create(cache, &text));
  for (uint32_t type = QAQVK_F16; type <= QAQVK_BF16; type++) {
    qaqvk_rows r = host_rows(k, 0);
    r.type = type;
    r.host = rows[type];
    r.size = sizeof rows[type];
    OK(qaqvk_append(text, 0, &r, &r));
  }
  OK(qaqvk_step(text));
  qaqvk_rows kr = host_rows(k, 2 * KV), vr = host_rows(v, 2 * KV);
  OK(qaqvk_read(text, 0, &kr, &vr, NULL));
  for (int i = 0; i < 2 * KV; i++) {
    float want = (i & 2 ? -1.f : 1.f) * (i & 1 ? 1.5f : 1.f);
    CHECK(k[i] == want && v[i] == want);
  }
  OK(qaqvk_cache_close(cache));
}

// quantized: fewer bits, counted.
static void quantized(qaqvk_device device) {
  qaqvk_cache_config config;
  qaqvk_cache cache;
  qaqvk_sequence text;
  qaqvk_stats stats;
  static float probabilities[QUERY_HEADS * CAPACITY];
  static char json[4096];
  uint64_t size = 0, moved = 0;
  shape(&config);
  config.policy = "qaq";
  config.type = QAQVK_F16;
  config.outlier_fraction = 0.01;
  config.host_budget = 1 << 20;
  config.adaptation = QAQVK_ADAPT_SYNCHRONOUS;
  OK(qaqvk_cache_create(device, &config, &cache));
  OK(qaqvk_sequence_create(cache, &text));
  double error = decode(text, 0, 100);
  CHECK(error > 1e-4 && error < 0.1);
  for (int i = 0; i < QUERY_HEADS; i++) probabilities[i * 100 + i] = 1;
  for (int i = 0; i < 5; i++) OK(qaqvk_observe(text, 1, probabilities, QUERY_HEADS * 100, 1, QUERY_HEADS));
  GIVES(QAQVK_ERROR_SHAPE, qaqvk_observe(text, 1, probabilities, 7, 1, QUERY_HEADS));
  OK(qaqvk_adapt(text, &moved));
  CHECK(moved > 0);
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  OK(qaqvk_cache_get_stats(cache, &stats));
  CHECK(stats.sequences == 1 && stats.tokens == 100 && stats.stored_tokens == 80);
  CHECK(stats.f16_bytes == 100 * 2 * 2 * LAYERS * KV && stats.live_bytes < stats.f16_bytes);
  CHECK(stats.key_bits > 1 && stats.key_bits < 8 && stats.value_bits >= 1 && stats.value_bits < 8);
  CHECK(stats.pages == 2 * LAYERS * 5 && stats.clamped == 0);
  OK(qaqvk_sequence_get_stats_json(text, NULL, 0, &size));
  CHECK(size > 100 && size < sizeof json);
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_sequence_get_stats_json(text, json, size - 1, &size));
  OK(qaqvk_sequence_get_stats_json(text, json, sizeof json, &size));
  CHECK(strlen(json) == size - 1 && strstr(json, "\"tokens\":100,\"stored\":80") != NULL);
  close_all(cache, device);
}

int main(int argc, char **argv) {
  qaqvk_device device;
  qaqvk_device_info info;
  CHECK(argc == 2);
  pin();
  CHECK(qaqvk_abi_version() == QAQVK_ABI_VERSION && strcmp(qaqvk_version(), QAQVK_VERSION) == 0);
  OK(qaqvk_device_open(argv[1], NULL, &device));
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  OK(qaqvk_device_get_info(device, &info));
  CHECK(strstr(info.name, argv[1]) != NULL && info.vulkan == (strcmp(argv[1], "cpu") != 0));
  exact(device);
  half(device);
  quantized(device);
  puts("ok");
  return 0;
}
