// A runtime with a Vulkan device of its own, made with nothing but the entry point of a
// library, LIBRARY: the loader, or a driver without one. Its command buffers bring rows to
// its buffer, attend to them and bring the results back, two sequences and all layers in one
// submission. record LIBRARY
#include "check.h"
#define VK_NO_PROTOTYPES
#include <mutex>
#include <vector>
#include <vulkan/vulkan.h>

#define FUNCTIONS(F)                                                                              \
  F(vkEnumeratePhysicalDevices) F(vkGetPhysicalDeviceQueueFamilyProperties) F(vkCreateDevice)     \
  F(vkGetPhysicalDeviceMemoryProperties) F(vkGetDeviceQueue) F(vkCreateBuffer) F(vkAllocateMemory) \
  F(vkGetBufferMemoryRequirements) F(vkBindBufferMemory) F(vkMapMemory) F(vkCreateCommandPool)    \
  F(vkAllocateCommandBuffers) F(vkBeginCommandBuffer) F(vkEndCommandBuffer) F(vkCmdCopyBuffer)    \
  F(vkQueueSubmit) F(vkQueueWaitIdle) F(vkDestroyBuffer) F(vkFreeMemory) F(vkDestroyCommandPool)  \
  F(vkDestroyDevice) F(vkDestroyInstance) F(vkResetCommandBuffer)
#define DECLARE(name) static PFN_##name name;
FUNCTIONS(DECLARE)

#define VK(call) CHECK((call) == VK_SUCCESS)

// memory is a buffer with memory of its own, which the host sees.
struct memory {
  VkBuffer buffer;
  VkDeviceMemory block;
  float *at;
};

struct runtime {
  PFN_vkGetInstanceProcAddr entry = nullptr;
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  uint32_t family = 0;
  std::mutex lock;
  int locked = 0, unlocked = 0;

  explicit runtime(const char *library);
  ~runtime();
  memory make(VkDeviceSize size);
  void destroy(const memory &m);
  void begin();
  void submit();
};

runtime::runtime(const char *library) {
  void *lib = dlopen(library, RTLD_NOW | RTLD_NODELETE);
  CHECK(lib != nullptr);
  void *symbol = dlsym(lib, "vkGetInstanceProcAddr");
  if (!symbol) symbol = dlsym(lib, "vk_icdGetInstanceProcAddr");
  CHECK(symbol != nullptr);
  entry = reinterpret_cast<PFN_vkGetInstanceProcAddr>(symbol);
  auto create = reinterpret_cast<PFN_vkCreateInstance>(entry(VK_NULL_HANDLE, "vkCreateInstance"));
  VkApplicationInfo app{};
  app.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  app.apiVersion = VK_API_VERSION_1_1;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &app;
  VK(create(&info, nullptr, &instance));
#define LOAD(name) CHECK((name = reinterpret_cast<PFN_##name>(entry(instance, #name))) != nullptr);
  FUNCTIONS(LOAD)
  uint32_t one = 1, count = 16;
  VkQueueFamilyProperties families[16];
  CHECK(vkEnumeratePhysicalDevices(instance, &one, &physical) >= 0 && one == 1);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
  while (family < count && !(families[family].queueFlags & VK_QUEUE_COMPUTE_BIT)) family++;
  CHECK(family < count);
  float priority = 1;
  VkDeviceQueueCreateInfo queues{};
  queues.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queues.queueFamilyIndex = family;
  queues.queueCount = 1;
  queues.pQueuePriorities = &priority;
  VkDeviceCreateInfo made{};
  made.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  made.queueCreateInfoCount = 1;
  made.pQueueCreateInfos = &queues;
  VK(vkCreateDevice(physical, &made, nullptr, &device));
  vkGetDeviceQueue(device, family, 0, &queue);
  VkCommandPoolCreateInfo pools{};
  pools.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pools.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pools.queueFamilyIndex = family;
  VK(vkCreateCommandPool(device, &pools, nullptr, &pool));
  VkCommandBufferAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  allocate.commandPool = pool;
  allocate.commandBufferCount = 1;
  VK(vkAllocateCommandBuffers(device, &allocate, &commands));
}

runtime::~runtime() {
  vkDestroyCommandPool(device, pool, nullptr);
  vkDestroyDevice(device, nullptr);
  vkDestroyInstance(instance, nullptr);
}

memory runtime::make(VkDeviceSize size) {
  memory m{};
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.size = size;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  VK(vkCreateBuffer(device, &info, nullptr, &m.buffer));
  VkMemoryRequirements need;
  vkGetBufferMemoryRequirements(device, m.buffer, &need);
  VkPhysicalDeviceMemoryProperties types;
  vkGetPhysicalDeviceMemoryProperties(physical, &types);
  const VkMemoryPropertyFlags want = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.allocationSize = need.size;
  while (!(need.memoryTypeBits & (1u << allocate.memoryTypeIndex)) ||
         (types.memoryTypes[allocate.memoryTypeIndex].propertyFlags & want) != want)
    CHECK(++allocate.memoryTypeIndex < types.memoryTypeCount);
  VK(vkAllocateMemory(device, &allocate, nullptr, &m.block));
  VK(vkBindBufferMemory(device, m.buffer, m.block, 0));
  void *at = nullptr;
  VK(vkMapMemory(device, m.block, 0, VK_WHOLE_SIZE, 0, &at));
  m.at = static_cast<float *>(at);
  return m;
}

void runtime::destroy(const memory &m) {
  vkDestroyBuffer(device, m.buffer, nullptr);
  vkFreeMemory(device, m.block, nullptr);
}

void runtime::begin() {
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  VK(vkBeginCommandBuffer(commands, &info));
}

void runtime::submit() {
  VK(vkEndCommandBuffer(commands));
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  std::lock_guard<std::mutex> alone(lock);
  VK(vkQueueSubmit(queue, 1, &info, VK_NULL_HANDLE));
  VK(vkQueueWaitIdle(queue));
}

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
  config.adaptation = QAQVK_ADAPT_SYNCHRONOUS;
  config.adapt_every = 4;
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
  vkCmdCopyBuffer(r.commands, host.buffer, device.buffer, 1, &all);
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
    OK(qaqvk_recording_begin(cache, r.commands, &recording));
    for (int layer = 0; layer < LAYERS; layer++) {
      qaqvk_rows k = view(0, layer, 0, tokens * KV), v = view(0, layer, 1, tokens * KV);
      OK(qaqvk_append(texts[0].sequence, static_cast<uint32_t>(layer), &k, &v));
    }
    qaqvk_rows q = view(0, 0, 2, tokens * Q), out = view(0, 0, 3, tokens * Q);
    OK(qaqvk_record_attend(recording, texts[0].sequence, 0, &q, &out, nullptr));
    refuse(recording);
    OK(qaqvk_recording_discard(recording));
    GIVES(QAQVK_ERROR_HANDLE, qaqvk_recording_finish(recording));
    VK(vkResetCommandBuffer(r.commands, 0));
    OK(qaqvk_sequence_drop(texts[0].sequence)); // with the rows that wait again
    OK(qaqvk_sequence_create(cache, &texts[0].sequence));
  }
  r.begin();
  upload(tokens);
  OK(qaqvk_recording_begin(cache, r.commands, &recording));
  for (int s = 0; s < sequences; s++) record(recording, s, tokens);
  VkBufferCopy all{0, 0, FLOATS * sizeof(float)};
  vkCmdCopyBuffer(r.commands, device.buffer, host.buffer, 1, &all);
  VkMemoryBarrier to_host{VK_STRUCTURE_TYPE_MEMORY_BARRIER, nullptr, VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT};
  auto barrier = reinterpret_cast<PFN_vkCmdPipelineBarrier>(r.entry(r.instance, "vkCmdPipelineBarrier"));
  barrier(r.commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, nullptr, 0, nullptr);
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

int main(int argc, char **argv) {
  CHECK(argc == 2);
  pin();
  runtime r(argv[1]);
  qaqvk_vulkan v;
  qaqvk_vulkan_init(&v);
  v.instance = r.instance;
  v.physical_device = r.physical;
  v.device = r.device;
  v.queue = r.queue;
  v.queue_family = r.family;
  v.get_instance_proc_addr = r.entry;
  v.queue_user = &r;
  v.lock = [](void *user) { static_cast<runtime *>(user)->lock.lock(), static_cast<runtime *>(user)->locked++; };
  qaqvk_device device = 0;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_adopt(&v, nullptr, &device)); // lock without unlock
  v.unlock = [](void *user) { static_cast<runtime *>(user)->unlocked++, static_cast<runtime *>(user)->lock.unlock(); };
  OK(qaqvk_device_adopt(&v, nullptr, &device));
  decode(r, device, "none", 0, 2e-6);
  decode(r, device, "qaq", 1e-5, 0.1);
  OK(qaqvk_device_close(device));
  CHECK(r.locked > 0 && r.locked == r.unlocked);
  v.get_instance_proc_addr = [](VkInstance, const char *) -> PFN_vkVoidFunction { return nullptr; };
  GIVES(QAQVK_ERROR_OTHER_LOADER, qaqvk_device_adopt(&v, nullptr, &device));
  memory still = r.make(64); // the runtime's device is its own
  r.destroy(still);
  puts("ok");
  return 0;
}
