// A runtime with a Vulkan device of its own, made with nothing but the entry point of a library: the
// loader, or a driver without one.
#ifndef RUNTIME_HPP
#define RUNTIME_HPP
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
  F(vkDestroyDevice) F(vkDestroyInstance) F(vkResetCommandBuffer) F(vkCmdPipelineBarrier)
#define DECLARE(name) static PFN_##name name;
FUNCTIONS(DECLARE)

#define VK(call) CHECK((call) == VK_SUCCESS)

// memory is a buffer with memory of its own, which the host sees.
struct memory {
  VkBuffer buffer;
  VkDeviceMemory block;
  float *at;
};

// style is what a runtime asks Vulkan for, and into how many command buffers it splits a submission.
// Plain is the least; wgpu's is that of wgpu: Vulkan 1.3, robust access to buffers, an encoder
// of its own for what others record, and no lock that others could take.
struct style {
  uint32_t version, buffers;
  VkBool32 robust;
  VkCommandBufferUsageFlags usage;
  bool locks;
  const char *float_controls; // NULL: neither enabled nor in the core of version
};
static const style plain_style{VK_API_VERSION_1_1, 1, VK_FALSE, 0, true, nullptr};
static const style wgpu_style{VK_API_VERSION_1_3, 3, VK_TRUE, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT, false,
                              "VK_KHR_shader_float_controls"};

struct runtime {
  style how;
  PFN_vkGetInstanceProcAddr entry = nullptr;
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer commands[3] = {}; // how.buffers of them
  uint32_t family = 0;
  std::mutex lock;
  int locked = 0, unlocked = 0;

  runtime(const char *library, const style &s);
  ~runtime();
  memory make(VkDeviceSize size);
  void destroy(const memory &m);
  VkCommandBuffer part(uint32_t i) const { return commands[i % how.buffers]; } // of a submission
  qaqvk_vulkan lent();
  void begin();
  void reset();
  void submit();
};

inline runtime::runtime(const char *library, const style &s) : how(s) {
  void *lib = dlopen(library, RTLD_NOW | RTLD_NODELETE);
  CHECK(lib != nullptr);
  void *symbol = dlsym(lib, "vkGetInstanceProcAddr");
  if (!symbol) symbol = dlsym(lib, "vk_icdGetInstanceProcAddr");
  CHECK(symbol != nullptr);
  entry = reinterpret_cast<PFN_vkGetInstanceProcAddr>(symbol);
  auto create = reinterpret_cast<PFN_vkCreateInstance>(entry(VK_NULL_HANDLE, "vkCreateInstance"));
  VkApplicationInfo app{};
  app.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  app.apiVersion = how.version;
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
  VkPhysicalDeviceFeatures features{};
  features.robustBufferAccess = how.robust;
  made.pEnabledFeatures = &features;
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
  allocate.commandBufferCount = how.buffers;
  VK(vkAllocateCommandBuffers(device, &allocate, commands));
}

inline runtime::~runtime() {
  vkDestroyCommandPool(device, pool, nullptr);
  vkDestroyDevice(device, nullptr);
  vkDestroyInstance(instance, nullptr);
}

inline memory runtime::make(VkDeviceSize size) {
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

inline void runtime::destroy(const memory &m) {
  vkDestroyBuffer(device, m.buffer, nullptr);
  vkFreeMemory(device, m.block, nullptr);
}

inline void runtime::begin() {
  VkCommandBufferBeginInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  info.flags = how.usage;
  for (uint32_t i = 0; i < how.buffers; i++) VK(vkBeginCommandBuffer(commands[i], &info));
}

inline void runtime::reset() {
  for (uint32_t i = 0; i < how.buffers; i++) VK(vkResetCommandBuffer(commands[i], 0));
}

inline void runtime::submit() {
  for (uint32_t i = 0; i < how.buffers; i++) VK(vkEndCommandBuffer(commands[i]));
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.commandBufferCount = how.buffers;
  info.pCommandBuffers = commands;
  std::lock_guard<std::mutex> alone(lock);
  VK(vkQueueSubmit(queue, 1, &info, VK_NULL_HANDLE));
  VK(vkQueueWaitIdle(queue));
}

inline qaqvk_vulkan runtime::lent() {
  qaqvk_vulkan v;
  qaqvk_vulkan_init(&v);
  v.instance = instance;
  v.physical_device = physical;
  v.device = device;
  v.queue = queue;
  v.queue_family = family;
  v.get_instance_proc_addr = entry;
  v.enabled_extension_count = how.float_controls != nullptr;
  v.enabled_extensions = &how.float_controls;
  if (!how.locks) return v;
  v.queue_user = this;
  v.lock = [](void *user) { static_cast<runtime *>(user)->lock.lock(), static_cast<runtime *>(user)->locked++; };
  v.unlock = [](void *user) { static_cast<runtime *>(user)->unlocked++, static_cast<runtime *>(user)->lock.unlock(); };
  return v;
}
#endif
