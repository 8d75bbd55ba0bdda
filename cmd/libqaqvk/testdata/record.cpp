// A runtime with a Vulkan device of its own: its command buffers bring rows to its buffer, attend
// to them and bring the results back, two sequences and all layers in one submission.
// record LIBRARY plain|wgpu
#include "runtime.hpp"
#include <vector>

enum { SEQUENCES = 2, STEP = 5, TOKENS = 66 };

// layout of the runtime's buffers: for each sequence and layer k, v, q and out of a step; one
// float more than what is aligned before it.
enum { PART = STEP * (2 * KV + 2 * Q), FIRST = 4, FLOATS = FIRST + SEQUENCES * LAYERS * PART };
static int place(int sequence, int layer, int part) {
  const int at[] = {0, STEP * KV, 2 * STEP * KV, 2 * STEP * KV + STEP * Q};
  return FIRST + (sequence * LAYERS + layer) * PART + at[part];
}

struct text {
  qaqvk_sequence sequence = 0;
  int tokens = 0;
};

// cached is a cache that attends in the runtime's command buffers and, for comparison, to the
// same text on its own.
struct cached {
  runtime &r;
  qaqvk_cache cache = 0;
  qaqvk_buffer rows = 0;
  memory host, device;
  text texts[SEQUENCES], plain;
  double farthest_out = 0;

  cached(runtime &owner, qaqvk_device d, const char *policy);
  void close();
  qaqvk_rows view(int sequence, int layer, int part, int elements) const;
  void upload(int tokens);
  void record(qaqvk_recording recording, int sequence, int tokens);
  void step(int tokens, int sequences);
  void compare(int tokens);
  void refuse(qaqvk_recording recording);
};

cached::cached(runtime &owner, qaqvk_device d, const char *policy) : r(owner) {
  qaqvk_cache_config config;
  shape(&config);
  config.sequences = SEQUENCES + 1;
  config.policy = policy;
  config.host_budget = 1 << 20;
  config.adapt_every = 4;
  config.adaptation = QAQVK_ADAPT_ASYNCHRONOUS;
  if (!r.how.locks) GIVES(QAQVK_ERROR_CONFIG, qaqvk_cache_create(d, &config, &cache));
  config.adaptation = r.how.locks ? QAQVK_ADAPT_SYNCHRONOUS : QAQVK_ADAPT_DEFAULT;
  OK(qaqvk_cache_create(d, &config, &cache));
  for (text &t : texts) OK(qaqvk_sequence_create(cache, &t.sequence));
  OK(qaqvk_sequence_create(cache, &plain.sequence));
  host = r.make(FLOATS * sizeof(float));
  device = r.make(FLOATS * sizeof(float));
  OK(qaqvk_buffer_import(d, (uint64_t)device.buffer, FLOATS * sizeof(float), &rows));
}

void cached::close() {
  OK(qaqvk_cache_close(cache));
  OK(qaqvk_buffer_release(rows));
  r.destroy(host);
  r.destroy(device);
}

qaqvk_rows cached::view(int sequence, int layer, int part, int elements) const {
  qaqvk_rows v = host_rows(nullptr, elements);
  v.buffer = rows;
  v.offset = static_cast<uint64_t>(place(sequence, layer, part)) * sizeof(float);
  return v;
}

// upload has the command buffer bring the rows of a step to the device.
void cached::upload(int tokens) {
  for (int s = 0; s < SEQUENCES; s++)
    for (int layer = 0; layer < LAYERS; layer++)
      for (int part = 0; part < 3; part++)
        fill(host.at + place(s, layer, part), part, layer, texts[s].tokens, tokens, part == 2 ? Q : KV);
  VkBufferCopy all{0, 0, FLOATS * sizeof(float)};
  vkCmdCopyBuffer(r.part(0), host.buffer, device.buffer, 1, &all);
}

void cached::record(qaqvk_recording recording, int sequence, int tokens) {
  for (int layer = 0; layer < LAYERS; layer++) {
    qaqvk_rows k = view(sequence, layer, 0, tokens * KV), v = view(sequence, layer, 1, tokens * KV);
    qaqvk_rows q = view(sequence, layer, 2, tokens * Q), out = view(sequence, layer, 3, tokens * Q);
    OK(qaqvk_append(texts[sequence].sequence, static_cast<uint32_t>(layer), &k, &v));
    OK(qaqvk_record_attend(recording, texts[sequence].sequence, static_cast<uint32_t>(layer), &q, &out, nullptr));
  }
}

// refuse is what cannot be while the first sequence is recorded.
void cached::refuse(qaqvk_recording recording) {
  float some[STEP * Q] = {};
  qaqvk_rows host_q = host_rows(some, Q), q = view(0, 0, 2, Q), kv = host_rows(some, KV), crooked = q;
  qaqvk_sequence t = texts[0].sequence, fork = 0;
  GIVES(QAQVK_ERROR_RECORDED, qaqvk_step(t));
  GIVES(QAQVK_ERROR_RECORDED, qaqvk_attend(plain.sequence, 0, &q, &q, nullptr));
  GIVES(QAQVK_ERROR_RECORDED, qaqvk_sequence_fork(plain.sequence, &fork));
  GIVES(QAQVK_ERROR_RECORDED, qaqvk_sequence_drop(t));
  GIVES(QAQVK_ERROR_RECORDED, qaqvk_record_attend(recording, t, 0, &q, &q, nullptr));
  GIVES(QAQVK_ERROR_HOST_ROWS, qaqvk_append(plain.sequence, 0, &kv, &kv));
  CHECK(qaqvk_last_error_is(QAQVK_ERROR_RECORDED));
  GIVES(QAQVK_ERROR_HOST_ROWS, qaqvk_record_attend(recording, t, 0, &host_q, &q, nullptr));
  crooked.offset += 4;
  GIVES(QAQVK_ERROR_SHAPE, qaqvk_record_attend(recording, t, 0, &crooked, &q, nullptr));
  crooked.offset = FLOATS * sizeof(float) - 16;
  GIVES(QAQVK_ERROR_SHAPE, qaqvk_record_attend(recording, t, 0, &crooked, &q, nullptr));
}

// step runs a step of some sequences in one submission, the first time after a recording
// that is discarded.
void cached::step(int tokens, int sequences) {
  qaqvk_recording recording = 0;
  if (texts[0].tokens == 0) {
    r.begin();
    upload(tokens);
    OK(qaqvk_recording_begin(cache, r.part(1), &recording));
    for (int layer = 0; layer < LAYERS; layer++) {
      qaqvk_rows k = view(0, layer, 0, tokens * KV), v = view(0, layer, 1, tokens * KV);
      OK(qaqvk_append(texts[0].sequence, static_cast<uint32_t>(layer), &k, &v));
    }
    qaqvk_rows q = view(0, 0, 2, tokens * Q), out = view(0, 0, 3, tokens * Q);
    OK(qaqvk_record_attend(recording, texts[0].sequence, 0, &q, &out, nullptr));
    refuse(recording);
    OK(qaqvk_recording_discard(recording));
    GIVES(QAQVK_ERROR_HANDLE, qaqvk_recording_finish(recording));
    r.reset();
    OK(qaqvk_sequence_drop(texts[0].sequence)); // with the rows that wait again
    OK(qaqvk_sequence_create(cache, &texts[0].sequence));
  }
  r.begin();
  upload(tokens);
  OK(qaqvk_recording_begin(cache, r.part(1), &recording));
  for (int s = 0; s < sequences; s++) record(recording, s, tokens);
  VkBufferCopy all{0, 0, FLOATS * sizeof(float)};
  vkCmdCopyBuffer(r.part(2), device.buffer, host.buffer, 1, &all);
  VkMemoryBarrier to_host{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT};
  vkCmdPipelineBarrier(r.part(2), VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, nullptr, 0, nullptr);
  r.submit();
  OK(qaqvk_recording_finish(recording));
  for (int s = 0; s < sequences; s++) {
    for (int layer = 0; layer < LAYERS; layer++)
      farthest_out = fmax(farthest_out, farthest(host.at + place(s, layer, 3), layer, texts[s].tokens, tokens));
    OK(qaqvk_step(texts[s].sequence));
    texts[s].tokens += tokens;
  }
  compare(tokens);
}

// compare attends to the first text by calls: the same bits.
void cached::compare(int tokens) {
  for (int layer = 0; layer < LAYERS; layer++) {
    std::vector<float> k(tokens * KV), v(tokens * KV), q(tokens * Q), out(tokens * Q);
    fill(k.data(), 0, layer, plain.tokens, tokens, KV);
    fill(v.data(), 1, layer, plain.tokens, tokens, KV);
    fill(q.data(), 2, layer, plain.tokens, tokens, Q);
    qaqvk_rows kr = host_rows(k.data(), tokens * KV), vr = host_rows(v.data(), tokens * KV);
    qaqvk_rows qr = host_rows(q.data(), tokens * Q), to = host_rows(out.data(), tokens * Q);
    OK(qaqvk_append(plain.sequence, static_cast<uint32_t>(layer), &kr, &vr));
    OK(qaqvk_attend(plain.sequence, static_cast<uint32_t>(layer), &qr, &to, nullptr));
    CHECK(memcmp(out.data(), host.at + place(0, layer, 3), out.size() * sizeof(float)) == 0);
  }
  OK(qaqvk_step(plain.sequence));
  plain.tokens += tokens;
}

static qaqvk_stats stats_of(qaqvk_sequence sequence) {
  qaqvk_stats s{};
  s.struct_size = sizeof s;
  OK(qaqvk_sequence_get_stats(sequence, &s));
  return s;
}

// decode runs a text in steps of 5 and 1 tokens, the second one in every other step.
static void decode(runtime &r, qaqvk_device d, const char *policy, double least, double most) {
  cached c(r, d, policy);
  for (int step = STEP, i = 0; c.texts[0].tokens < TOKENS; step = 6 - step, i++) c.step(step, 1 + i % 2);
  CHECK(c.texts[0].tokens == TOKENS && c.texts[1].tokens == 11);
  CHECK(c.farthest_out > least && c.farthest_out < most);
  qaqvk_stats a = stats_of(c.texts[0].sequence), b = stats_of(c.plain.sequence);
  CHECK(a.stored_tokens == 48 && a.stored_bytes == b.stored_bytes && a.key_bits == b.key_bits && a.value_bits == b.value_bits);
  CHECK(a.promoted == b.promoted && a.demoted == b.demoted && a.tokens == TOKENS);
  if (least > 0) CHECK(a.demoted > 0 && a.promoted > 0);
  c.close();
}

// refused is what cannot be lent.
static void refused(runtime &r) {
  qaqvk_device device = 7;
  qaqvk_vulkan v = r.lent();
  v.lock = [](void *) {};
  v.unlock = nullptr;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_adopt(&v, nullptr, &device));
  v = r.lent();
  v.queue_family = 1000;
  GIVES(QAQVK_ERROR_FAILED, qaqvk_device_adopt(&v, nullptr, &device));
  CHECK(strstr(qaqvk_last_message(), "queue family 1000") != nullptr && device == 0);
  v = r.lent();
  v.get_instance_proc_addr = [](VkInstance, const char *) -> PFN_vkVoidFunction { return nullptr; };
  GIVES(QAQVK_ERROR_OTHER_LOADER, qaqvk_device_adopt(&v, nullptr, &device));
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  pin();
  const bool plain = strcmp(argv[2], "plain") == 0;
  runtime r(argv[1], plain ? plain_style : wgpu_style);
  qaqvk_vulkan v = r.lent();
  qaqvk_device device = 0;
  OK(qaqvk_device_adopt(&v, nullptr, &device));
  if (plain) decode(r, device, "none", 0, 2e-6);
  decode(r, device, "qaq", 1e-5, 0.1);
  OK(qaqvk_device_close(device));
  CHECK(r.how.locks == (r.locked > 0) && r.locked == r.unlocked);
  refused(r);
  memory still = r.make(64); // the runtime's device is its own
  r.destroy(still);
  puts("ok");
  return 0;
}
